"""Which node takes a pod, and what the scheduler says when none does."""

from __future__ import annotations

from typing import Any

Item = dict[str, Any]


def node(
    name: str,
    *,
    labels: dict[str, str] | None = None,
    taints: list[dict[str, str]] | None = None,
    gpus: int = 0,
) -> Item:
    """Make a Node object for a test."""
    return {
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
        "spec": {"taints": taints} if taints else {},
        "status": {
            "allocatable": {"cpu": "8", "memory": "32Gi", **({"nvidia.com/gpu": str(gpus)} if gpus else {})},
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {
                "kernelVersion": "6.8.0", "osImage": "Ubuntu 24.04.2 LTS", "operatingSystem": "linux",
                "architecture": "amd64", "machineID": name, "systemUUID": name, "bootID": name,
                "kubeProxyVersion": "", "kubeletVersion": "v1.33.4",
                "containerRuntimeVersion": "containerd://1.7.27",
            },
        },
    }  # fmt: skip


def choose(pod: Item, nodes: list[Item], load: dict[str, int]) -> tuple[str, str]:
    """Give the node with the fewest pods that takes it, or ("", the scheduler's message)."""
    if not nodes:
        return "", "no nodes available to schedule pods"
    refusals: dict[str, int] = {}
    fitting = []
    for candidate in nodes:
        why = refusal(pod["spec"], candidate)
        if why:
            refusals[why] = refusals.get(why, 0) + 1
        else:
            fitting.append(candidate["metadata"]["name"])
    if fitting:
        return min(fitting, key=lambda name: (load.get(name, 0), name)), ""
    listed = ", ".join(f"{count} {why}" for why, count in sorted(refusals.items()))
    return "", f"0/{len(nodes)} nodes are available: {listed}."


def refusal(spec: Item, candidate: Item) -> str:
    """Why a node does not take a pod; empty when it does."""
    labels = candidate["metadata"].get("labels") or {}
    for key, value in (spec.get("nodeSelector") or {}).items():
        if labels.get(key) != value:
            return "node(s) didn't match Pod's node affinity/selector"
    affinity = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    if affinity and not any(_term(term, candidate) for term in affinity["nodeSelectorTerms"]):
        return "node(s) didn't match Pod's node affinity/selector"
    for taint in candidate["spec"].get("taints") or ():
        if taint["effect"] != "PreferNoSchedule" and not _tolerated(
            taint, spec.get("tolerations") or ()
        ):
            return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    if candidate["spec"].get("unschedulable"):
        return "node(s) were unschedulable"
    have = (candidate.get("status") or {}).get("allocatable") or {}
    for container in spec["containers"]:
        for name, wanted in ((container.get("resources") or {}).get("limits") or {}).items():
            if "/" in name and int(have.get(name, "0")) < int(wanted):
                return f"Insufficient {name}"
    return ""


def _term(term: Item, candidate: Item) -> bool:
    labels = candidate["metadata"].get("labels") or {}
    fields = {"metadata.name": candidate["metadata"]["name"]}
    return all(_matches(e, labels) for e in term.get("matchExpressions") or ()) and all(
        _matches(e, fields) for e in term.get("matchFields") or ()
    )


def _matches(expression: Item, values: dict[str, str]) -> bool:
    key, word = expression["key"], expression["operator"]
    listed = expression.get("values") or []
    return {
        "In": values.get(key) in listed,
        "NotIn": values.get(key) not in listed,
        "Exists": key in values,
        "DoesNotExist": key not in values,
    }[word]


def _tolerated(taint: Item, tolerations: Any) -> bool:
    for toleration in tolerations:
        if toleration.get("effect") not in (None, "", taint["effect"]):
            continue
        key = toleration.get("key", "")
        exists = toleration.get("operator") == "Exists"
        if not key and exists:
            return True
        if key == taint["key"] and (
            exists or toleration.get("value", "") == taint.get("value", "")
        ):
            return True
    return False
