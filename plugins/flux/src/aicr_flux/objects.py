"""The objects of Flux that a bundle holds, as plain documents. Pure; which there are is said by ``graph``.

Fields are those of Flux 2.9 (HelmRelease v2, Kustomization v1, sources v1), all of them known since Flux 2.3, but for
ArtifactGenerator and ExternalArtifact, which need 2.7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aicr_core.api import Part
    from aicr_flux.setup import Setup

Document = dict[str, Any]
TIMEOUT = "10m"
CHART_INTERVAL = "5m"
_RETRIES = 3


def helm_repository(setup: Setup, name: str, url: str) -> Document:
    """Give the source of a chart repository: an index over http(s), or a registry."""
    kind: Document = {"type": "oci"} if url.startswith("oci://") else {"interval": setup.interval}
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "HelmRepository",
        "metadata": setup.metadata(name),
        "spec": {**kind, "url": url},
    }


def git_repository(setup: Setup, name: str, url: str, ref: Mapping[str, str]) -> Document:
    """Give the source of a Git repository at one reference."""
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": setup.metadata(name),
        "spec": {"interval": CHART_INTERVAL, "url": url, "ref": dict(ref)},
    }


def artifact_generator(setup: Setup, charts: Iterable[tuple[str, str, str]]) -> Document:
    """Give what cuts charts (name, folder, folder of contents) out of a published bundle, one ExternalArtifact each.

    helm-controller wants the chart in a folder of its own, not at the root (source-watcher issue 290). The
    HelmRelease beside the chart stays out, or a change of it would be a change of the chart.
    """
    return {
        "apiVersion": "source.extensions.fluxcd.io/v1beta1",
        "kind": "ArtifactGenerator",
        "metadata": setup.metadata(setup.source.name),
        "spec": {
            "sources": [{"alias": "bundle", "kind": setup.source.kind, "name": setup.source.name}],
            "artifacts": [
                {
                    "name": name,
                    "copy": [
                        {
                            "from": f"@bundle/{folder}/Chart.yaml",
                            "to": f"@artifact/{folder}/Chart.yaml",
                        },
                        {
                            "from": f"@bundle/{folder}/{contents}/**",
                            "to": f"@artifact/{folder}/{contents}/",
                        },
                    ],
                }
                for name, folder, contents in charts
            ],
        },
    }


def fetched_chart(part: Part, source: str) -> Document:
    """Give the chart of a HelmRepository; only tags of registries keep a leading v (spec/beyond.md 2.6)."""
    version = part.release.version
    if not part.release.repository.startswith("oci://"):
        version = version.removeprefix("v")
    return _chart(
        part.release.chart, "HelmRepository", source, {"version": version} if version else {}
    )


def local_chart(setup: Setup, part: Part) -> Document:
    """Give the chart in the bundle's own folder.

    Its version is that of the tool, so that only the revision of the bundle says when it changed.
    """
    if setup.source.kind == "OCIRepository":
        return {"chartRef": {"kind": "ExternalArtifact", "name": part.name}}
    path = f"./{setup.source.path}{part.folder}"
    return _chart(path, setup.source.kind, setup.source.name, {"reconcileStrategy": "Revision"})


def _chart(chart: str, kind: str, name: str, more: Mapping[str, str]) -> Document:
    spec = {
        "chart": chart,
        **more,
        "interval": CHART_INTERVAL,
        "sourceRef": {"kind": kind, "name": name},
    }
    return {"chart": {"spec": spec}}


def helm_release(
    setup: Setup,
    part: Part,
    chart: Document,
    needs: Iterable[str],
    values: Mapping[str, Any],
    values_from: Iterable[Document],
) -> Document:
    """Give the HelmRelease of a part."""
    release = part.release
    wait = {} if release.wait else {"disableWait": True}
    remedy = {"remediation": {"retries": _RETRIES}}
    spec: Document = {
        "interval": setup.interval,
        "timeout": TIMEOUT,
        "releaseName": part.name,
        # Without one, objects that name none would go where Flux is; kubectl puts them here.
        "targetNamespace": release.namespace or "default",
        **chart,
        "dependsOn": [{"name": name} for name in needs],
        # A chart that holds its own namespace would find it there, and not its own.
        "install": {"createNamespace": not part.own_namespace, **wait, **remedy},
        "upgrade": {"crds": "CreateReplace", **wait, **remedy},
        "valuesFrom": list(values_from),
        "values": dict(values),
    }
    return {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": setup.metadata(part.name),
        "spec": {key: value for key, value in spec.items() if value not in ([], {})},
    }


def kustomization(
    setup: Setup, name: str, source: tuple[str, str], path: str, needs: Iterable[str], **more: Any
) -> Document:
    """Give a Kustomization of Flux: what ``path`` of ``source`` (kind, name) holds, when ``needs`` are ready."""
    spec: Document = {
        "interval": setup.interval,
        "retryInterval": "2m",
        "timeout": TIMEOUT,
        "prune": True,
        "path": path,
        "sourceRef": {"kind": source[0], "name": source[1]},
        "dependsOn": [{"name": need} for need in needs],
        **more,
    }
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": setup.metadata(name),
        "spec": {key: value for key, value in spec.items() if value not in ([], "")},
    }


def config_map(setup: Setup, name: str, data: Mapping[str, str]) -> Document:
    """Give a ConfigMap of values; with the label, Flux notices a change at once and not after an interval."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            **setup.metadata(name),
            "labels": {"reconcile.fluxcd.io/watch": "Enabled"},
        },
        "data": dict(data),
    }


def namespace(name: str) -> Document:
    """Give a Namespace that stays when the bundle goes: others may live in it."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "annotations": {"kustomize.toolkit.fluxcd.io/prune": "disabled"},
        },
    }


def resource_list(paths: Iterable[str]) -> Document:
    """Give a plain Kustomize list of files."""
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(paths),
    }
