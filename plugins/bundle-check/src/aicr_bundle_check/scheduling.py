"""Workloads that no node of the snapshot would run: their selectors match none, or they do not tolerate its taints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_bundle_check.objects import entries, finding, mapping, pods_of, texts, title
from aicr_core.api import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aicr_core.api import BundleObject, BundleRelease, BundleView, Context

    Node = Mapping[str, Any]

_HARD = ("NoSchedule", "NoExecute")
# Pods of a daemon set tolerate these by themselves.
_DAEMONS = frozenset(
    f"node.kubernetes.io/{name}"
    for name in ("not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure",
                 "unschedulable", "network-unavailable")
)  # fmt: skip


class Fit(NamedTuple):
    """The nodes that pods select, and those of them whose taints they tolerate."""

    selected: tuple[Node, ...]
    tolerated: tuple[Node, ...]


def check(_ctx: Context, view: BundleView) -> Iterator[Finding]:
    """Hold selectors, required node affinity and tolerations to the nodes of the snapshot."""
    if view.nodes is None:
        return
    for item in view.objects:
        pods = pods_of(item)
        if pods is None or mapping(item.document.get("spec")).get("replicas") == 0:
            continue
        found = fit(pods.spec, view.nodes, daemon=item.kind == "DaemonSet")
        yield from _judge(item, pods.spec, pods.path, found)
    for release in view.releases:
        yield from _values(release, view.nodes)


def fit(spec: Mapping[str, Any], nodes: Sequence[Node], *, daemon: bool) -> Fit:
    """Find the nodes that a pod's spec selects, and those that it tolerates."""
    wanted = mapping(spec.get("nodeSelector"))
    affinity = mapping(mapping(spec.get("affinity")).get("nodeAffinity"))
    required = mapping(affinity.get("requiredDuringSchedulingIgnoredDuringExecution"))
    terms = [term for _, term in entries(required.get("nodeSelectorTerms"))]
    selected = tuple(
        node
        for node in nodes
        if all(node["labels"].get(key) == str(value) for key, value in wanted.items())
        and (not terms or any(_term(term, node) for term in terms))
    )
    tolerations = [item for _, item in entries(spec.get("tolerations"))]
    tolerated = tuple(
        node
        for node in selected
        if all(
            _tolerates(tolerations, taint) or (daemon and taint["key"] in _DAEMONS)
            for taint in node["taints"]
            if taint["effect"] in _HARD
        )
    )
    return Fit(selected, tolerated)


def _term(term: Mapping[str, Any], node: Node) -> bool:
    labels = node["labels"]
    fields = {"metadata.name": node["name"]}
    return all(_holds(rule, labels) for _, rule in entries(term.get("matchExpressions"))) and all(
        _holds(rule, fields) for _, rule in entries(term.get("matchFields"))
    )


def _holds(rule: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, operator = str(rule.get("key")), rule.get("operator")
    values = texts(rule.get("values"))
    have = labels.get(key)
    if operator == "In":
        return have in values
    if operator == "NotIn":
        return have not in values
    if operator == "Exists":
        return have is not None
    if operator == "DoesNotExist":
        return have is None
    try:
        left, right = int(have or ""), int(values[0])
    except (ValueError, IndexError):
        return False
    return left > right if operator == "Gt" else left < right


def _tolerates(tolerations: Sequence[Mapping[str, Any]], taint: Mapping[str, str]) -> bool:
    for item in tolerations:
        exists = item.get("operator") == "Exists"
        key = item.get("key")
        same = (not key and exists) or key == taint["key"]
        value = exists or str(item.get("value") or "") == taint["value"]
        if same and value and item.get("effect") in (None, "", taint["effect"]):
            return True
    return False


def _judge(item: BundleObject, spec: Mapping[str, Any], path: str, found: Fit) -> Iterator[Finding]:
    daemon = item.kind == "DaemonSet"
    severity = "error" if daemon else "warning"
    key = "nodeSelector" if spec.get("nodeSelector") else "affinity"
    taints = f"{path}.{'tolerations' if spec.get('tolerations') else key}"
    if not found.selected:
        said = _said(mapping(spec.get("nodeSelector"))) or "its node affinity"
        yield finding(
            item, "AB301", severity, f"{title(item)} selects no node of the snapshot: {said}",
            hint="label the nodes so, or select by a label that they have", path=f"{path}.{key}",
        )  # fmt: skip
    elif not found.tolerated:
        what = f"{title(item)} tolerates none of the {len(found.selected)} nodes that it selects"
        yield finding(
            item, "AB301", severity, f"{what}: {_taints(found.selected)}",
            hint="add tolerations for these taints", path=taints,
        )  # fmt: skip
    elif daemon and _selects(spec) and len(found.tolerated) < len(found.selected):
        left = [node for node in found.selected if node not in found.tolerated]
        yield finding(
            item, "AB302", "warning",
            f"{title(item)} leaves out {len(left)} of the {len(found.selected)} nodes that it selects: {_taints(left)}",
            hint="add tolerations for these taints, if it belongs there", path=taints,
        )  # fmt: skip


def _selects(spec: Mapping[str, Any]) -> bool:
    return bool(spec.get("nodeSelector") or mapping(spec.get("affinity")).get("nodeAffinity"))


def _said(selector: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(selector.items()))


def _taints(nodes: Sequence[Node]) -> str:
    found = {
        f"{taint['key']}={taint['value']}:{taint['effect']}"
        for node in nodes
        for taint in node["taints"]
        if taint["effect"] in _HARD
    }
    names = sorted(str(node["name"]) for node in nodes)
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"{', '.join(sorted(found))} on {shown}"


def _values(release: BundleRelease, nodes: Sequence[Node]) -> Iterator[Finding]:
    """Look at selectors in the values: without its chart that is all there is of a component."""

    def walk(value: Any, path: str) -> Iterator[Finding]:
        if isinstance(value, list):
            for number, below in enumerate(value):
                yield from walk(below, f"{path}[{number}]")
        if not isinstance(value, dict):
            return
        for key, below in value.items():
            name = str(key).replace(".", "\\.")
            at = f"{path}.{name}" if path else name
            flat = isinstance(below, dict) and all(isinstance(v, str) for v in below.values())
            if key == "nodeSelector" and flat and below:
                if not fit({"nodeSelector": below}, nodes, daemon=False).selected:
                    yield Finding(
                        rule="AB303", severity="warning", component=release.name,
                        message=f"{at} selects no node of the snapshot: {_said(below)}",
                        hint="label the nodes so, or select by a label that they have",
                        path=release.values_path, line=release.values_places.get(at, 0),
                    )  # fmt: skip
            else:
                yield from walk(below, at)

    yield from walk(release.values, "")
