"""Check ``operator-health``: a pod of the GPU operator runs (spec/validate.md 8.1).

One running pod is enough; whether its containers are ready is not asked, nor is anything else of the operator looked
at: that is ``gpu-operator-health``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import Code, Right, failed, passed
from aicr_validators.workloads import part

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aicr_core.api import CheckResult, Context, Target

NAMESPACE = "gpu-operator"
LABELS = "app=gpu-operator"
_COMMAND = f"kubectl get pods -n {NAMESPACE} -l {LABELS}"


def rights(_recipe: Mapping[str, Any]) -> Iterable[Right]:
    """Give what the check asks of the API."""
    yield Right(verbs=("list",), resources=("pods",), namespace=NAMESPACE)


def check(_ctx: Context, target: Target) -> CheckResult:
    """Give the verdict: NOT_FOUND without pods of the operator, INTERNAL when none of them runs."""
    pods = target.list("v1", "pods", NAMESPACE, labels=LABELS)
    if not pods:
        target.evidence("GPU operator pods", "none", _COMMAND)
        return failed(
            Code.NOT_FOUND, "NoOperatorPods",
            f"no gpu-operator pods with label {LABELS} in namespace {NAMESPACE}",
            expected="at least 1 running pod", actual="no pod",
            remediation="Deploy the GPU operator, or see whether its Deployment has pods: "
            f"kubectl get deployments -n {NAMESPACE}",
        )  # fmt: skip
    phases = [
        (str(part(pod, "metadata", "name") or "?"), str(part(pod, "status", "phase") or "Unknown"))
        for pod in pods
    ]
    running = sum(phase == "Running" for _, phase in phases)
    lines = [f"Found {len(phases)} gpu-operator pod(s):"]
    lines += [f"  {name}: {phase}" for name, phase in phases]
    lines += [f"Running: {running}/{len(phases)}"]
    target.evidence("GPU operator pods", "\n".join(lines), _COMMAND)
    if running:
        return passed(f"{running}/{len(phases)} gpu-operator pods run")
    states = ", ".join(f"{name} {phase}" for name, phase in phases)
    return failed(
        Code.INTERNAL, "OperatorNotRunning",
        f"none of {len(phases)} gpu-operator pods runs: {states}",
        expected="at least 1 running pod", actual=f"0/{len(phases)} running",
        remediation=f"See what holds them: kubectl describe pods -n {NAMESPACE} -l {LABELS}",
    )  # fmt: skip
