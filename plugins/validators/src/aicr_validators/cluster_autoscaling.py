"""Check ``cluster-autoscaling``: the cluster gets GPU nodes when pods need them (spec/validate.md 8.12).

Where Karpenter is installed it is put to the test (:mod:`aicr_validators.karpenter`). Elsewhere a cloud's autoscaler
is looked for and not tried: :data:`PROVIDERS` says which cloud a node's provider ID means, and what shows that it
scales.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import CheckResult, Code, Right, failed, passed, skipped
from aicr_validators import karpenter, listings
from aicr_validators.karpenter import GPU_NODES
from aicr_validators.testpods import entries, section
from aicr_validators.workloads import image, names, part, replicas, wanted_replicas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from aicr_core.api import Context, Target

    Object = dict[str, Any]

KARPENTER = ("app.kubernetes.io/name=karpenter", "app=karpenter")
NAMESPACES = ("kube-system", "cluster-autoscaler", "system")
AUTOSCALERS = ("cluster-autoscaler", "cluster-autoscaler-aws-cluster-autoscaler")
STATUS = "cluster-autoscaler-status"
EVENTS = frozenset({"NotTriggerScaleUp", "ScaledUpGroup", "ScaleDown", "TriggeredScaleUp"})
_SHOWN = 50
"""Nodes that are shown one by one."""
_LATEST = 10
_LIST = f"kubectl get nodes -l {GPU_NODES} -o wide"


class Provider(NamedTuple):
    """A cloud: how its nodes' provider IDs begin, and how it is judged by its GPU nodes."""

    scheme: str
    name: str
    judge: Callable[[Target, Sequence[Node]], CheckResult]
    labels: Mapping[str, tuple[str, ...]]
    """What is shown of a node: a word, and the labels that hold it, the first that is there."""


class Node(NamedTuple):
    """What is needed of a node."""

    name: str
    provider_id: str
    gpus: str
    labels: Mapping[str, Any]
    scale_down_disabled: str

    def label(self, *keys: str) -> str:
        """Give the value of the first label that is there; ``unknown`` when none is."""
        return next((str(self.labels[key]) for key in keys if self.labels.get(key)), "unknown")


def rights(recipe: Mapping[str, Any]) -> Iterable[Right]:  # noqa: ARG001 - every check has this signature
    """Give the rights that the check needs; which cloud it is, is only known at run time."""
    yield Right(verbs=("list",), group="apps", resources=("deployments",))
    yield from karpenter.rights()
    for namespace in NAMESPACES:
        yield Right(
            verbs=("get",), group="apps", resources=("deployments",), namespace=namespace,
            names=AUTOSCALERS,
        )  # fmt: skip
        yield Right(
            verbs=("get",), resources=("configmaps",), namespace=namespace, names=(STATUS,)
        )  # fmt: skip
    yield Right(verbs=("list",), resources=("events",))


def check(ctx: Context, target: Target) -> CheckResult:
    """Judge Karpenter where it is, else the cloud that the first node belongs to."""
    controller = _karpenter(target)
    if controller is not None:
        down = _unhealthy(target, controller)
        if down is not None:
            return down
        listings.show_pods(target, names(controller)[0], "Karpenter pods")
        return karpenter.check_pools(ctx, target)
    provider_id = _first_provider_id(target)
    provider = next((p for p in PROVIDERS if provider_id.startswith(p.scheme)), None)
    if provider is None:
        known = ", ".join(f"{p.scheme} ({p.name})" for p in PROVIDERS)
        seen = (
            f'the first node has provider ID "{provider_id}"'
            if provider_id
            else "no node has a provider ID"
        )
        return skipped(
            "NoAutoscalerKnown", f"there is no Karpenter, and {seen}: no EKS or GKE cluster",
            remediation=f"Install Karpenter to have its scaling tested; clouds that are known otherwise: {known}",
        )  # fmt: skip
    return _cloud(target, provider)


def _karpenter(target: Target) -> Object | None:
    for labels in KARPENTER:
        found = target.list("apps/v1", "deployments", labels=labels)
        if found:
            first: Object = found[0]
            return first
    return None


def _unhealthy(target: Target, controller: Object) -> CheckResult | None:
    namespace, name = names(controller)
    up, wanted = replicas(controller, "availableReplicas"), wanted_replicas(controller)
    command = f"kubectl get deployment {name} -n {namespace}"
    target.evidence(
        "Karpenter Controller",
        f"Name: {namespace}/{name}\nReplicas: {up}/{wanted} available\nImage: {image(controller)}", command,
    )  # fmt: skip
    if up >= wanted > 0:
        return None
    return failed(
        Code.INTERNAL, "KarpenterUnhealthy",
        f"Karpenter {namespace}/{name} is there but not healthy: {up}/{wanted} available",
        expected="all replicas, at least 1, available", actual=f"{up}/{wanted} available",
        remediation=f"See why its pods do not start: kubectl describe deployment {name} -n {namespace}",
    )  # fmt: skip


def _first_provider_id(target: Target) -> str:
    found = target.cluster.get(target.cluster.path("v1", "nodes"), query={"limit": "1"})
    return str(part(next(iter(entries(found, "items")), {}), "spec", "providerID") or "")


# --- clouds ---------------------------------------------------------------------------------------


def _node(item: Object) -> Node:
    metadata = section(item, "metadata")
    return Node(
        names(item)[1],
        str(part(item, "spec", "providerID") or ""),
        str(part(item, "status", "capacity", karpenter.GPU) or "unknown"),
        # Of a node's labels, only these are needed: a large cluster has thousands of nodes.
        {key: value for key, value in section(metadata, "labels").items() if key in _LABELS},
        str(section(metadata, "annotations").get(_DISABLED) or "unknown"),
    )


def _cloud(target: Target, provider: Provider) -> CheckResult:
    nodes: Sequence[Node] = target.list("v1", "nodes", labels=GPU_NODES, keep=_node)
    lines = []
    for node in nodes[:_SHOWN]:
        words = [f"{word}={node.label(*keys)}" for word, keys in provider.labels.items()]
        lines.append(" ".join([node.name, f"gpu={node.gpus}", *words]))
    if len(nodes) > _SHOWN:
        lines.append(f"... and {len(nodes) - _SHOWN} more")
    target.evidence("GPU Nodes", "\n".join(lines) or "none", _LIST)
    if nodes:
        return provider.judge(target, nodes)
    return failed(
        Code.NOT_FOUND, "NoGPUNodes", f"the {provider.name} cluster has no node with label {GPU_NODES}",
        expected="at least 1 GPU node", actual="0",
        remediation="Add a GPU node to the cluster, and see that GPU feature discovery of the GPU operator labels it: "
        "kubectl get pods -n gpu-operator -l app=gpu-feature-discovery",
    )  # fmt: skip


def _eks(target: Target, nodes: Sequence[Node]) -> CheckResult:
    groups = [group for node in nodes if (group := node.label(*_NODE_GROUP)) != "unknown"]
    group = groups[0] if groups else "unknown"
    region = nodes[0].label("topology.kubernetes.io/region")
    running = _autoscaler(target)
    target.evidence(
        "EKS Cluster Details",
        f"GPU Node Group: {group}\nRegion: {region}\nGPU Node Count: {len(nodes)}\n"
        f"Cluster Autoscaler: {running or 'none'}",
    )  # fmt: skip
    if running:
        return passed(f"EKS cluster with {len(nodes)} GPU nodes, scaled by Deployment {running}")
    if groups:
        return passed(
            f'EKS cluster with {len(nodes)} GPU nodes in node group "{group}", which an Auto Scaling group backs'
        )
    return failed(
        Code.NOT_FOUND, "NoAutoscaler",
        f"EKS cluster with {len(nodes)} GPU nodes, but none is in a node group, and no Cluster Autoscaler is available",
        expected=f"a GPU node with label {' or '.join(_NODE_GROUP)}, or a Deployment {' or '.join(AUTOSCALERS)}",
        actual="neither",
        remediation="Put the GPU nodes into a managed node group, or install Cluster Autoscaler or Karpenter",
    )  # fmt: skip


def _autoscaler(target: Target) -> str:
    """Name a Cluster Autoscaler that has an available replica; empty when there is none."""
    for namespace in NAMESPACES:
        for name in AUTOSCALERS:
            found = target.find("apps/v1", "deployments", name, namespace)
            if found is not None and replicas(found, "availableReplicas") >= 1:
                return f"{namespace}/{name}"
    return ""


def _gke(target: Target, nodes: Sequence[Node]) -> CheckResult:
    project, zone = [*nodes[0].provider_id.removeprefix("gce://").split("/"), "", ""][:2]
    target.evidence(
        "GKE Cluster Details",
        f"Project: {project or 'unknown'}\nZone: {zone or 'unknown'}\nGPU Node Count: {len(nodes)}",
    )  # fmt: skip
    namespace = _status(target)
    lines = [
        f"{node.name} nodePool={node.label('cloud.google.com/gke-nodepool')} "
        f"scaleDownDisabled={node.scale_down_disabled}"
        for node in nodes[:_SHOWN]
    ]
    target.evidence("GPU Node Pool Annotations", "\n".join(lines), _LIST)
    target.evidence(
        "Autoscaler Events", listings.lines(lambda: _events(target)), "kubectl get events -A"
    )
    if namespace:
        return passed(
            f"GKE cluster with {len(nodes)} GPU nodes, and an autoscaler that keeps ConfigMap {namespace}/{STATUS}"
        )
    text = (
        f"GKE cluster with {len(nodes)} GPU nodes, but no ConfigMap {STATUS}: that nodes are added on demand is not "
        "shown, for the autoscaler may be off for this node pool"
    )
    target.evidence("GKE Cluster Autoscaling Result", f"PASS (partial): {text}")
    return passed(
        f"partial: {text}", expected=f"ConfigMap {STATUS}",
        actual=f"not in {', '.join(NAMESPACES)}",
    )  # fmt: skip


def _status(target: Target) -> str:
    """Keep the autoscaler's status as evidence; give its namespace, empty when there is none."""
    for namespace in NAMESPACES:
        found = target.find("v1", "configmaps", STATUS, namespace)
        if found is not None:
            text = str(section(found, "data").get("status") or "without a status")
            command = f"kubectl get configmap {STATUS} -n {namespace} -o yaml"
            target.evidence("Cluster Autoscaler Status", text[:4000], command)
            return namespace
    command = f"kubectl get configmap {STATUS} -n {NAMESPACES[0]}"
    target.evidence("Cluster Autoscaler Status", f"ConfigMap {STATUS} is not there", command)
    return ""


def _event(item: Object) -> tuple[str, str] | None:
    """Give time and line of an event of the autoscaler; None for any other: a cluster has a great many."""
    reason = item.get("reason")
    if not isinstance(reason, str) or reason not in EVENTS:
        return None
    created = part(item, "metadata", "creationTimestamp")
    when = str(item.get("lastTimestamp") or item.get("eventTime") or created or "")
    about = section(item, "involvedObject")
    return when, f"{when} {reason} {about.get('kind')}/{about.get('name')}: {item.get('message')}"


def _events(target: Target) -> list[str]:
    found = sorted(target.list("v1", "events", keep=_event), reverse=True)[:_LATEST]
    return [line for _when, line in found]


_DISABLED = "cluster-autoscaler.kubernetes.io/scale-down-disabled"
_NODE_GROUP = ("eks.amazonaws.com/nodegroup", "nodeGroup")
_INSTANCE = {"instance": ("node.kubernetes.io/instance-type",)}
PROVIDERS = (
    Provider("aws://", "EKS", _eks, {
        **_INSTANCE, "nodeGroup": _NODE_GROUP, "zone": ("topology.kubernetes.io/zone",),
    }),
    Provider("gce://", "GKE", _gke, {
        **_INSTANCE, "accelerator": ("cloud.google.com/gke-accelerator",),
        "nodePool": ("cloud.google.com/gke-nodepool",),
    }),
)  # fmt: skip
_LABELS = frozenset(
    {key for provider in PROVIDERS for keys in provider.labels.values() for key in keys}
    | {"topology.kubernetes.io/region"}
)
