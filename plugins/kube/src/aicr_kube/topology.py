"""Collector ``topology``: taints and labels of all nodes, each with the nodes that carry it (spec/snapshot.md 7).

One list of nodes, page by page; memory grows with distinct labels, not with nodes times labels times copies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code, Measurement, Subtype
from aicr_kube.k8s import connect

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aicr_core.api import Context

_STATUS = {Code.UNAUTHORIZED: "forbidden", Code.TIMEOUT: "timeout"}


def collect(ctx: Context) -> Measurement:
    """Measure the topology of the cluster that the run's kubeconfig names."""
    limit = int(ctx.options.get("max_nodes_per_entry") or 0)
    try:
        cluster = connect(ctx)
    except AicrError as error:
        status = "skipped" if error.code is Code.NOT_FOUND else "failed"
        return Measurement(
            type="NodeTopology", subtypes=_subtypes([], limit, status, error.message)
        )
    try:
        nodes = [_slim(node) for node in cluster.list("/api/v1/nodes")]
    except AicrError as error:
        missing = tuple(
            Subtype(
                name=name, data=None, status=_STATUS.get(error.code, "failed"), reason=str(error)
            )
            for name in ("summary", "taint", "label")
        )
        return Measurement(type="NodeTopology", subtypes=missing)
    return Measurement(type="NodeTopology", subtypes=_subtypes(nodes, limit, "ok", ""))


Node = tuple[str, list[tuple[str, str, str]], dict[str, str]]


def _slim(node: dict[str, Any]) -> Node:
    metadata, spec = node.get("metadata") or {}, node.get("spec") or {}
    taints = [
        (item.get("key", ""), item.get("effect", ""), item.get("value") or "")
        for item in spec.get("taints") or ()
    ]
    return metadata.get("name", ""), taints, metadata.get("labels") or {}


def _subtypes(nodes: list[Node], limit: int, status: str, reason: str) -> tuple[Subtype, ...]:
    taints = _taints(nodes, limit)
    labels = _labels(nodes, limit)
    summary = {"node-count": len(nodes), "taint-count": len(taints), "label-count": len(labels)}
    return tuple(
        Subtype(name=name, data=data, status=status, reason=reason, source="/api/v1/nodes")
        for name, data in (("summary", summary), ("taint", taints), ("label", labels))
    )


def _names(nodes: Iterable[str], limit: int) -> str:
    names = sorted(set(nodes))
    if 0 < limit < len(names):
        return f"{','.join(names[:limit])} (+{len(names) - limit} more)"
    return ",".join(names)


def _taints(nodes: list[Node], limit: int) -> dict[str, str]:
    found: dict[str, dict[tuple[str, str], list[str]]] = {}
    for name, taints, _ in nodes:
        for key, effect, value in taints:
            found.setdefault(key, {}).setdefault((effect, value), []).append(name)
    data: dict[str, str] = {}
    for key, variants in found.items():
        if len(variants) == 1:
            ((effect, value), names) = next(iter(variants.items()))
            data[key] = f"{effect}|{value}|{_names(names, limit)}"
            continue
        # The reference gives one key to all values of an effect and keeps a random one; the greatest is kept here, and
        # every further one gets a key of its own.
        for (effect, value), names in sorted(variants.items()):
            cell = f"{value}|{_names(names, limit)}"
            if any(other != value and kind == effect and other > value for kind, other in variants):
                data[f"{key}.{effect}.{value}"] = cell
            else:
                data[f"{key}.{effect}"] = cell
    return data


def _labels(nodes: list[Node], limit: int) -> dict[str, str]:
    found: dict[str, dict[str, list[str]]] = {}
    for name, _, labels in nodes:
        for key, value in labels.items():
            found.setdefault(key, {}).setdefault(value, []).append(name)
    data: dict[str, str] = {}
    for key, variants in found.items():
        for value, names in variants.items():
            data[key if len(variants) == 1 else f"{key}.{value}"] = (
                f"{value}|{_names(names, limit)}"
            )
    return data
