"""What the server says it serves, in both forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emulated_cluster.kinds import Kind


def _groups(kinds: Iterable[Kind]) -> dict[str, dict[str, list[Kind]]]:
    found: dict[str, dict[str, list[Kind]]] = {}
    for kind in kinds:
        found.setdefault(kind.group, {}).setdefault(kind.version, []).append(kind)
    return found


def api_versions() -> dict[str, Any]:
    """``/api``."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def group_list(kinds: Iterable[Kind]) -> dict[str, Any]:
    """``/apis``; the first version of a group is the preferred one."""
    groups = []
    for group, versions in _groups(kinds).items():
        if group:
            listed = [{"groupVersion": f"{group}/{v}", "version": v} for v in versions]
            groups.append({"name": group, "versions": listed, "preferredVersion": listed[0]})
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def resource_list(kinds: Iterable[Kind], group: str, version: str) -> dict[str, Any] | None:
    """``/api/v1``, ``/apis/GROUP/VERSION``."""
    listed = _groups(kinds).get(group, {}).get(version)
    if listed is None:
        return None
    resources = []
    for kind in listed:
        base = {"singularName": kind.kind.lower(), "namespaced": kind.namespaced, "kind": kind.kind}
        resources.append({"name": kind.plural, **base, "verbs": list(kind.verbs)})
        if kind.status:
            name = f"{kind.plural}/status"
            resources.append({"name": name, **base, "verbs": ["get", "patch", "update"]})
        for sub in kind.subresources:
            resources.append({"name": f"{kind.plural}/{sub}", **base, "verbs": ["get"]})
    name = f"{group}/{version}" if group else version
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": name,
        "resources": resources,
    }


def aggregated(kinds: Iterable[Kind], *, core: bool) -> dict[str, Any]:
    """The aggregated form of ``/api`` (core) and ``/apis``."""
    items = []
    for group, versions in _groups(kinds).items():
        if (not group) != core:
            continue
        listed = []
        for version, members in versions.items():
            resources = [
                {
                    "resource": kind.plural,
                    "responseKind": {"group": group, "version": version, "kind": kind.kind},
                    "scope": "Namespaced" if kind.namespaced else "Cluster",
                    "singularResource": kind.kind.lower(),
                    "verbs": list(kind.verbs),
                }
                for kind in members
            ]
            listed.append({"version": version, "resources": resources, "freshness": "Current"})
        items.append({"metadata": {"name": group} if group else {}, "versions": listed})
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }
