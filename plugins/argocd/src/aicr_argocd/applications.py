"""What an Application looks like: field by field as v0.11.1 wrote it, and what our manifests need besides.

Documents only. Which Applications there are is decided in ``units``, which files hold them by each deployer.
The schema is that of the published CustomResourceDefinition (spec/bundle.md B-24): no field is ever null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_argocd.units import PRE
from aicr_core.api import chart_address, in_order, leaves, to_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_argocd.stack import Place, Stack
    from aicr_argocd.units import Unit
    from aicr_core.api import Release

Document = dict[str, Any]
IN_CLUSTER = "https://kubernetes.default.svc"
_FINALIZER = "resources-finalizer.argocd.argoproj.io"
_RETRY = {"limit": 10, "backoff": {"duration": "10s", "factor": 2, "maxDuration": "5m"}}


def component(unit: Unit, stack: Stack, sources: Document) -> Document:
    """Give the Application of a unit; ``sources`` is the part that says where its objects come from."""
    metadata: Document = {
        "name": stack.prefix + unit.name,
        "namespace": stack.namespace,
        "annotations": {"argocd.argoproj.io/sync-wave": str(unit.wave)},
    }
    policy: Document = {"automated": {"prune": True, "selfHeal": True}}
    # By default Argo CD notes an object in an annotation of its own, for which definitions of many charts are too long.
    policy["syncOptions"] = ["CreateNamespace=true", "ServerSideApply=true"]
    if unit.manifests:
        # A kind may be defined by a chart whose own Application is still on its way: no dry run of it, and try again.
        policy["syncOptions"].append("SkipDryRunOnMissingResource=true")
        policy["retry"] = _RETRY
    destination = {"server": stack.server, "namespace": unit.namespace}
    return _application(metadata, stack, destination, sources, policy)


def parent(stack: Stack, source: Document) -> Document:
    """Give the Application that brings all others; it lives where Argo CD does."""
    metadata: Document = {"name": stack.name, "namespace": stack.namespace}
    destination = {"server": IN_CLUSTER, "namespace": stack.namespace}
    policy = {"automated": {"prune": True, "selfHeal": True}}
    return _application(metadata, stack, destination, {"source": source}, policy)


def _application(
    metadata: Document, stack: Stack, destination: Document, sources: Document, policy: Document
) -> Document:
    if stack.cascade:
        metadata["finalizers"] = [_FINALIZER]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": metadata,
        "spec": {
            "project": stack.project,
            **sources,
            "destination": destination,
            "syncPolicy": policy,
        },
    }


def at(place: Place, path: str) -> Document:
    """Give a source that is a folder of the bundle."""
    return {"repoURL": place.url, "targetRevision": place.revision, "path": path}


def kustomization(release: Release) -> Document:
    """Give the source of a Kustomize folder; without a tag it is what the repository's default branch holds."""
    source = {"repoURL": release.repository, "path": release.path}
    return {**source, "targetRevision": release.tag} if release.tag else source


def chart(release: Release, stack: Stack) -> Document:
    """Give the source of a release's chart, without values.

    Argo CD finds a chart of a registry by the registry's path without ``oci://`` and by the exact tag; v0.11.1 wrote
    the scheme and cut a leading ``v`` everywhere (spec/bundle.md 4).
    """
    url, version = chart_address(release, "Argo CD"), release.version
    if url.startswith("oci://") and stack.plain_oci:
        url = url.removeprefix("oci://").rstrip("/")
    else:
        version = version.removeprefix("v")
    return {"repoURL": url, "chart": release.chart, "targetRevision": version}


def helm(unit: Unit, stack: Stack, **values: Any) -> Document:
    """Give the ``helm`` part of a source: ``values``, and the release's name where the Application has another."""
    name = {"releaseName": unit.release.name} if stack.prefix else {}
    return {**name, **values}


def inline(values: Mapping[str, Any]) -> Document:
    """Give values as they stand in an Application.

    As an object, or as text where one is null: an object of the API does not reliably keep a null, which tells Helm
    to drop a default.
    """
    if None in leaves(values):
        return {"values": to_yaml(dict(values), sort_keys=True)}
    # As in values.yaml: what is set in another order is no difference for whoever looks at a change.
    return {"valuesObject": in_order(values)} if values else {}


def directory(unit: Unit) -> Document:
    """Give the ``directory`` part of a source that is the manifests folder of a component.

    It is there even when nothing is filtered: a folder that happens to hold a ``Chart.yaml`` stays a folder.
    """
    part: Document = {"recurse": True}
    if not unit.sole:
        early = sorted(path.removeprefix("manifests/") for path in unit.release.pre_manifests)
        glob = early[0] if len(early) == 1 else f"{{{','.join(early)}}}"
        part["include" if unit.phase == PRE else "exclude"] = glob
    return part
