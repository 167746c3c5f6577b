"""Objects of kind ClusterPolicy, flattened: the GPU operator's settings, and other policy engines' apart.

The reference puts every API group's into one map, where a policy engine's rules mix with driver settings
(spec/snapshot.md 6.4). Here ``policy`` is the GPU operator's group; others get ``policy.<group>`` (14.12).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import Subtype
from aicr_kube.collect.gotext import go_json, go_value
from aicr_kube.collect.parts import reason_of, status_of
from aicr_kube.failures import KubeError

if TYPE_CHECKING:
    from aicr_kube.client import Cluster
    from aicr_kube.discovery import Discovery, Resource

GROUP = "nvidia.com"
KIND = "ClusterPolicy"


def subtypes(
    cluster: Cluster, discovery: Discovery, *, compat: bool = False
) -> tuple[Subtype, ...]:
    """Give ``policy`` first; with ``compat`` it is all there is and holds every group's, as in the reference."""
    found: list[Subtype] = []
    merged: dict[str, str] = {}
    failed: list[KubeError] = []
    own: list[KubeError] = []
    for resource in discovery.of_kind(KIND):
        if "list" not in resource.verbs:
            continue
        mine = compat or resource.group == GROUP
        try:
            objects = [
                (o["metadata"]["name"], flatten(o.get("spec")))
                for o in cluster.list(resource.path())
            ]
        except KubeError as error:
            (own if mine else failed).append(error)
            if not mine:
                found.append(_lost(f"policy.{resource.group}", error, resource))
            continue
        if mine:
            for _, data in objects:
                merged |= data
        if not compat:
            found += _others(resource, objects, mine=mine)
    if own:
        status, reason = status_of(own[0]), reason_of(own[0])
    elif discovery.failures:
        silent = next(iter(discovery.failures.values()))
        status, reason = "degraded", f"not all API groups answered: {reason_of(silent)}"
    else:
        status, reason = "ok", ""
    return (Subtype(name="policy", data=merged, status=status, reason=reason), *found)


def _others(
    resource: Resource, objects: list[tuple[str, dict[str, str]]], *, mine: bool
) -> list[Subtype]:
    """Give the subtypes besides ``policy``: of another group, and one for each object when there are several."""
    base = "policy" if mine else f"policy.{resource.group}"
    source = f"GET {resource.path()}"
    if len(objects) > 1:
        return [Subtype(name=f"{base}.{name}", data=data, source=source) for name, data in objects]
    if mine:
        return []
    return [Subtype(name=base, data=data, source=source) for _, data in objects]


def _lost(name: str, error: KubeError, resource: Resource) -> Subtype:
    return Subtype(
        name=name, data=None, status=status_of(error), reason=reason_of(error),
        source=f"GET {resource.path()}",
    )  # fmt: skip


def flatten(spec: Any) -> dict[str, str]:
    """Give nested maps as dotted keys with text values; empty maps and lists vanish."""
    flat: dict[str, str] = {}
    stack: list[tuple[str, Any]] = [("", spec)]
    while stack:
        at, value = stack.pop()
        if isinstance(value, dict):
            stack.extend((f"{at}.{key}" if at else str(key), value[key]) for key in value)
        elif isinstance(value, list):
            if value:
                flat[at] = go_json(value)
        elif at:
            flat[at] = go_value(value)
    return flat
