"""Lists of pods and workloads for the evidence: a line for each, as ``kubectl get`` shows them. Gives no verdicts.

Lists that a check merely shows may fail: the evidence then says why they cannot be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError
from aicr_validators.testpods import entries, section
from aicr_validators.workloads import image, names, replicas, wanted_replicas

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aicr_core.api import Target

    Object = dict[str, Any]


def pod_line(pod: Object) -> str:
    """Give a line about a pod: ready containers, phase, node."""
    containers = entries(section(pod, "status"), "containerStatuses")
    ready = sum(status.get("ready") is True for status in containers)
    phase = section(pod, "status").get("phase") or "Unknown"
    node = section(pod, "spec").get("nodeName") or "none"
    return f"{names(pod)[1]} ready={ready}/{len(containers)} phase={phase} node={node}"


def deployment_line(item: Object) -> str:
    """Give a line about a Deployment: available replicas, image."""
    up = replicas(item, "availableReplicas")
    return f"{names(item)[1]} available={up}/{wanted_replicas(item)} image={image(item)}"


def daemonset_line(item: Object) -> str:
    """Give a line about a DaemonSet: ready pods."""
    up, wanted = replicas(item, "numberReady"), replicas(item, "desiredNumberScheduled")
    return f"{names(item)[1]} ready={up}/{wanted}"


def lines(read: Callable[[], Sequence[str]]) -> str:
    """Give the lines of a list that is only shown, or why there are none."""
    try:
        return "\n".join(read()) or "none"
    except AicrError as error:
        return f"cannot be read: {error}"


def show_pods(target: Target, namespace: str, label: str) -> None:
    """Keep the pods of a namespace as evidence."""
    text = lines(lambda: target.list("v1", "pods", namespace, keep=pod_line))
    target.evidence(label, text, f"kubectl get pods -n {namespace} -o wide")


def show_deployments(target: Target, namespace: str, label: str) -> None:
    """Keep the Deployments of a namespace as evidence."""
    text = lines(lambda: target.list("apps/v1", "deployments", namespace, keep=deployment_line))
    target.evidence(label, text, f"kubectl get deployments -n {namespace} -o wide")


def show_daemonsets(target: Target, namespace: str, label: str) -> None:
    """Keep the DaemonSets of a namespace as evidence."""
    text = lines(lambda: target.list("apps/v1", "daemonsets", namespace, keep=daemonset_line))
    target.evidence(label, text, f"kubectl get daemonsets -n {namespace} -o wide")
