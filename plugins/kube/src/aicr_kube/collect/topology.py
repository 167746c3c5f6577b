"""The collector ``topology``: measurement type NodeTopology (spec/snapshot.md 7).

``summary`` counts, ``taint`` and ``label`` say which nodes share what. One list of nodes, page by page; of a node
only names, taints and labels are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code, Item, Measurement, Subtype
from aicr_kube.collect.parts import cluster_of, lost, status_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aicr_core.api import Context

_NODES = "/api/v1/nodes"
_NAMES = ("summary", "taint", "label")
PER_NODE = 100
"""From this many values on, a label whose value is each node's own name is one entry (spec/snapshot.md 14.10)."""

# Key -> (effect, value) or value -> names of nodes.
Taints = dict[str, dict[tuple[str, str], list[str]]]
Labels = dict[str, dict[str, list[str]]]


def collect(ctx: Context) -> Measurement:
    """Give the measurement; its parts have no data when the nodes cannot be listed.

    Without a cluster to ask, they are there with counts of 0, and skipped.
    """
    source = f"GET {_NODES}"
    try:
        with cluster_of(ctx) as cluster:
            return measure(cluster.list(_NODES), int(ctx.options.get("max_nodes_per_entry") or 0))
    except AicrError as error:
        if status_of(error) == "skipped":
            return _skipped(error)
        wrong = error
    except (KeyError, TypeError, AttributeError) as error:
        wrong = AicrError(Code.INTERNAL, f"the list of nodes is not as expected: {error!r}")
    return Measurement(
        type="NodeTopology", subtypes=tuple(lost(name, wrong, source, None) for name in _NAMES)
    )


def _skipped(error: AicrError) -> Measurement:
    counts = {"node-count": 0, "taint-count": 0, "label-count": 0}
    parts = [
        lost(name, error, "kubeconfig", {} if name != "summary" else counts) for name in _NAMES
    ]
    return Measurement(type="NodeTopology", subtypes=tuple(parts))


def measure(nodes: Iterable[dict[str, Any]], most: int = 0) -> Measurement:
    """Give the measurement of these Node objects; ``most`` limits the names in an entry (0: no limit)."""
    taints: Taints = {}
    labels: Labels = {}
    count = 0
    for node in nodes:
        count += 1
        metadata = node["metadata"]
        name = metadata["name"]
        for taint in (node.get("spec") or {}).get("taints") or ():
            form = (taint.get("effect") or "", taint.get("value") or "")
            names = taints.setdefault(taint["key"], {}).setdefault(form, [])
            if not names or names[-1] != name:
                names.append(name)
        for key, value in (metadata.get("labels") or {}).items():
            labels.setdefault(key, {}).setdefault(value, []).append(name)
    taint_data, collided = _taint_entries(taints, most)
    label_data, folded = _label_entries(labels, most)
    summary = {
        "node-count": count,
        "taint-count": len(taint_data),
        "label-count": len(label_data) + folded,
    }
    source = f"GET {_NODES}"
    return Measurement(
        type="NodeTopology",
        subtypes=(
            Subtype(name="summary", data=summary, source=source),
            Subtype(
                name="taint", data=taint_data, items=collided, source=source,
                status="ok" if taint_data else "empty",
            ),
            Subtype(
                name="label", data=label_data, source=source, status="ok" if label_data else "empty"
            ),
        ),
    )  # fmt: skip


def _taint_entries(taints: Taints, most: int) -> tuple[dict[str, str], tuple[Item, ...]]:
    """Give the entries, and the forms of those taints of which only one fits into the map.

    The same key and effect with different values have one place only. The reference lets chance decide; here the
    value that most nodes have stands there, of several the greatest, and ``items`` have them all.
    """
    data: dict[str, str] = {}
    items: list[Item] = []
    for key, forms in sorted(taints.items()):
        if len(forms) == 1:
            ((effect, value), names), *_ = forms.items()
            data[key] = f"{effect}|{value}|{_listed(names, most)}"
            continue
        effects: dict[str, list[tuple[str, list[str]]]] = {}
        for (effect, value), names in sorted(forms.items()):
            effects.setdefault(effect, []).append((value, names))
        for effect, variants in effects.items():
            value, names = max(variants, key=lambda v: (len(v[1]), v[0]))
            data[f"{key}.{effect}"] = f"{value}|{_listed(names, most)}"
            if len(variants) > 1:
                items += [
                    Item(
                        context={"key": key, "effect": effect, "value": value},
                        data={"nodes": _listed(names, most)},
                    )
                    for value, names in variants
                ]
    return data, tuple(items)


def _label_entries(labels: Labels, most: int) -> tuple[dict[str, str], int]:
    """Give the entries, and how many more they would be if none stood for several."""
    data: dict[str, str] = {}
    folded = 0
    several = [(key, values) for key, values in sorted(labels.items()) if len(values) > 1]
    for key, values in several:
        if len(values) > PER_NODE and all(names == [value] for value, names in values.items()):
            data[key] = f"<node>|{_listed(list(values), most)}"
            folded += len(values) - 1
            continue
        for value, names in values.items():
            data[f"{key}.{value}"] = f"{value}|{_listed(names, most)}"
    # A key of one value comes last: where `a.b` is both a key and key `a` with value `b`, the key itself stays.
    for key, values in labels.items():
        if len(values) == 1:
            ((value, names),) = values.items()
            data[key] = f"{value}|{_listed(names, most)}"
    return data, folded


def _listed(names: list[str], most: int) -> str:
    names = sorted(names)
    if 0 < most < len(names):
        return f"{','.join(names[:most])} (+{len(names) - most} more)"
    return ",".join(names)
