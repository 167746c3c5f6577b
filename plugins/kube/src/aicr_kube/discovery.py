"""What an API server serves: aggregated discovery in two requests, else one request for each group version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_kube.failures import KubeError
from aicr_kube.parallel import each
from aicr_kube.paths import object_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_kube.client import Cluster

AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)
_AGGREGATED_KIND = "APIGroupDiscoveryList"


class Resource(NamedTuple):
    """One resource of one served version; ``preferred`` when the version is its group's preferred one."""

    group: str
    version: str
    name: str
    kind: str
    namespaced: bool
    verbs: frozenset[str]
    preferred: bool

    def path(self, namespace: str = "", name: str = "") -> str:
        """The path of the collection (all namespaces without one), or of an object in it."""
        return object_path(
            self.group, self.version, self.name, namespace=namespace, name=name
        )  # fmt: skip


class Discovery(NamedTuple):
    """Resources in the order of the server's group list; and what could not be asked, by group version."""

    resources: tuple[Resource, ...]
    failures: Mapping[str, KubeError]

    def find(self, group: str, name: str) -> Resource | None:
        """Give the resource of that name, in the preferred version if that has it."""
        found = [r for r in self.resources if r.group == group and r.name == name]
        return next((r for r in found if r.preferred), found[0] if found else None)

    def of_kind(self, kind: str) -> tuple[Resource, ...]:
        """Give the resources of a kind, one for each group and name: preferred version first choice."""
        chosen: dict[tuple[str, str], Resource] = {}
        for resource in self.resources:
            if resource.kind == kind:
                key = (resource.group, resource.name)
                if key not in chosen or (resource.preferred and not chosen[key].preferred):
                    chosen[key] = resource
        return tuple(chosen.values())


def discover(cluster: Cluster) -> Discovery:
    """Ask what is served. One group that does not answer is noted; raises KubeError when the list fails."""
    resources: list[Resource] = []
    failures: dict[str, KubeError] = {}
    for root in ("/api", "/apis"):
        document = cluster.get_as(root, AGGREGATED)
        if document.get("kind") == _AGGREGATED_KIND:
            _aggregated(document, resources, failures, root)
        else:
            _by_version(cluster, document, root, resources, failures)
    return Discovery(tuple(resources), failures)


def _aggregated(
    document: dict[str, Any],
    resources: list[Resource],
    failures: dict[str, KubeError],
    root: str,
) -> None:
    from aicr_core.api import Code

    for group in document.get("items") or ():
        name = (group.get("metadata") or {}).get("name", "")
        for number, version in enumerate(group.get("versions") or ()):
            if version.get("freshness") == "Stale":
                where = f"{name}/{version['version']}"
                failures[where] = KubeError(
                    Code.SERVICE_UNAVAILABLE,
                    f"the server behind {where} does not answer",
                    reason="Stale",
                    where=root,
                    hint="see `kubectl get apiservices`",
                )
            for item in version.get("resources") or ():
                kind = (item.get("responseKind") or {}).get("kind", "")
                resources.append(
                    Resource(
                        name, version["version"], item["resource"], kind,
                        item.get("scope") == "Namespaced", frozenset(item.get("verbs") or ()),
                        number == 0,
                    )
                )  # fmt: skip


def _by_version(
    cluster: Cluster,
    document: dict[str, Any],
    root: str,
    resources: list[Resource],
    failures: dict[str, KubeError],
) -> None:
    wanted: list[tuple[str, str, bool, str]] = []
    if root == "/api":
        for version in document.get("versions") or ():
            wanted.append(("", version, True, f"/api/{version}"))
    for group in document.get("groups") or ():
        preferred = (group.get("preferredVersion") or {}).get("version")
        for version in group.get("versions") or ():
            name = version["version"]
            wanted.append((group["name"], name, name == preferred, f"/apis/{group['name']}/{name}"))

    answers = each(cluster.get, [path for *_, path in wanted])
    for (group, version, preferred, path), answer in zip(wanted, answers, strict=True):
        if isinstance(answer, KubeError):
            failures[path] = answer
            continue
        if isinstance(answer, Exception):
            raise answer
        for item in answer.get("resources") or ():
            if "/" not in item["name"]:
                resources.append(
                    Resource(
                        group, version, item["name"], item.get("kind", ""),
                        bool(item.get("namespaced")), frozenset(item.get("verbs") or ()), preferred,
                    )
                )  # fmt: skip
