"""Check ``gpu-operator-health``: operator, ClusterPolicy and DCGM exporter are ready (spec/validate.md 8.15).

The operator's Deployment is found by its label, else by its name; either way a replica has to be available.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import Code, Right, failed, passed
from aicr_validators import workloads
from aicr_validators.workloads import part

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aicr_core.api import CheckResult, Context, Target

NAMESPACE = "gpu-operator"
LABELS = "app.kubernetes.io/name=gpu-operator"
POLICY = "cluster-policy"
EXPORTER = "nvidia-dcgm-exporter"


def rights(_recipe: Mapping[str, Any]) -> Iterable[Right]:
    """Give what the check asks of the API."""
    yield Right(verbs=("list",), group="apps", resources=("deployments",), namespace=NAMESPACE)
    yield workloads.deployment_right(NAMESPACE, "gpu-operator")
    yield Right(verbs=("get",), group="nvidia.com", resources=("clusterpolicies",), names=(POLICY,))
    yield workloads.daemonset_right(NAMESPACE, EXPORTER)


def check(_ctx: Context, target: Target) -> CheckResult:
    """Give the verdict; the first of the three that is not ready decides."""
    return (
        _operator(target)
        or _policy(target)
        or workloads.ready(target, NAMESPACE, EXPORTER, label="DCGM exporter")
        or passed("GPU operator, ClusterPolicy and DCGM exporter are ready")
    )


def _operator(target: Target) -> CheckResult | None:
    labelled = target.list("apps/v1", "deployments", NAMESPACE, labels=LABELS)
    problem: CheckResult | None = None
    for deployment in labelled:
        problem = workloads.deployment_down(target, deployment, "GPU operator")
        if problem is None:
            return None
    if problem is not None:
        return problem
    return workloads.available(
        target, NAMESPACE, "gpu-operator", label=f"GPU operator, by label {LABELS} or name"
    )


def _policy(target: Target) -> CheckResult | None:
    command = f"kubectl get clusterpolicies.nvidia.com {POLICY}"
    policy = target.find("nvidia.com/v1", "clusterpolicies", POLICY)
    if policy is None:
        target.evidence("ClusterPolicy", "not there", command)
        return failed(
            Code.NOT_FOUND, "ClusterPolicyNotFound", f"ClusterPolicy {POLICY} is not there",
            expected=f"ClusterPolicy {POLICY} in state ready", actual="not found",
            remediation="The chart of the GPU operator makes it; see whether its release is complete: "
            f"helm status -n {NAMESPACE} gpu-operator",
        )  # fmt: skip
    state = str(part(policy, "status", "state") or "unknown")
    target.evidence("ClusterPolicy", f"Name: {POLICY}\nState: {state}", command)
    if state == "ready":
        return None
    return failed(
        Code.INTERNAL, "ClusterPolicyNotReady", f"ClusterPolicy {POLICY} is in state {state}, not ready",
        expected="state ready", actual=f"state {state}",
        remediation="See which of its parts are not ready: "
        f"kubectl describe clusterpolicies.nvidia.com {POLICY}; kubectl get pods -n {NAMESPACE}",
    )  # fmt: skip
