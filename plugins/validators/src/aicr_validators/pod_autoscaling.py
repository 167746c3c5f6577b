"""Check ``pod-autoscaling``: an autoscaler grows and shrinks a workload on a GPU metric (spec/validate.md 8.11).

First the way of the metric is looked at (exporter, custom and external metrics APIs), then a small workload without
a GPU is scaled up and down by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, CheckResult, Code, Right, failed, passed, skipped
from aicr_validators import hpa, metrics_apis
from aicr_validators.testpods import budget

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aicr_core.api import Context, Target

    Object = dict[str, Any]

EXPORTER = "app=nvidia-dcgm-exporter"
METRICS = ("gpu_utilization", "gpu_memory_used", "gpu_power_usage")
NAMESPACES = ("gpu-operator", "dynamo-system")
ROUNDS, EVERY = 12, 10.0
INTENT, SCALE = 180.0, 120.0
"""Seconds that the autoscaler may take to want more, and the Deployment to follow."""
CONTAINER: Mapping[str, Any] = {
    "name": "sleep", "image": "busybox:1.37", "command": ["sleep", "3600"],
    "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
}  # fmt: skip
AT_ONCE = {"scaleDown": {"stabilizationWindowSeconds": 0}}


def rights(recipe: Mapping[str, Any]) -> Iterable[Right]:  # noqa: ARG001 - every check has this signature
    """Give the rights that the check needs."""
    yield Right(verbs=("list",), resources=("pods",))
    for namespace in NAMESPACES:
        yield Right(
            verbs=("get",), group=metrics_apis.CUSTOM_GROUP, namespace=namespace,
            resources=tuple(f"pods/{metric}" for metric in METRICS),
        )  # fmt: skip
    yield from metrics_apis.external_right()
    yield from hpa.rights()


def check(ctx: Context, target: Target) -> CheckResult:
    """Follow the metric from the exporter to the autoscaler; the first place where it ends decides."""
    return (
        _exporter(target)
        or metrics_apis.custom_api(target)
        or _custom_metric(ctx, target)
        or metrics_apis.external_metric(target)
        or _behaviour(ctx, target)
    )


def _exporter(target: Target) -> CheckResult | None:
    problem = ""
    try:
        found = target.list("v1", "pods", labels=EXPORTER, keep=_present)
    except AicrError as error:
        if error.code is Code.UNAUTHORIZED:
            raise
        found, problem = [], f" ({error})"
    if found:
        return None
    return skipped(
        "NoExporter", f"no pod with label {EXPORTER} can be seen{problem}: there are no GPU metrics to scale on",
        remediation="Switch the DCGM exporter on: dcgmExporter.enabled=true of the component gpu-operator",
    )  # fmt: skip


def _present(pod: Object) -> bool:  # noqa: ARG001 - that it is there is all that is asked
    return True


def _custom_metric(ctx: Context, target: Target) -> CheckResult | None:
    """Look for a GPU metric of pods, in rounds: the first values take as long as a scrape or two."""
    problems: dict[str, str] = {}

    def probe() -> tuple[str, int] | None:
        for metric in METRICS:
            for namespace in NAMESPACES:
                path = f"{metrics_apis.CUSTOM}/namespaces/{namespace}/pods/*/{metric}"
                try:
                    count = metrics_apis.items(target.cluster.get(path))
                except AicrError as error:
                    if error.code is Code.UNAUTHORIZED:
                        raise
                    problems[path] = metrics_apis.said(error)
                    continue
                if count:
                    return path, count
                problems[path] = "0 items"
        return None

    found = target.wait(budget(ctx, (ROUNDS - 1) * EVERY), EVERY, probe)
    if found is not None:
        path, count = found
        target.evidence(
            "Custom metric sample", f"Path: {path}\nItems observed: {count}", f"kubectl get --raw {path}"
        )  # fmt: skip
        return None
    target.evidence(
        "Custom metrics", "\n".join(f"{path}: {text}" for path, text in problems.items())
    )
    return failed(
        Code.NOT_FOUND, "NoGPUMetric",
        f"the custom metrics API has no value of {', '.join(METRICS)} for pods in {' or '.join(NAMESPACES)}",
        expected="at least 1 item of one of them", actual="0 items",
        remediation="Add rules for DCGM metrics to prometheus-adapter, and see that Prometheus scrapes the exporter: "
        "kubectl get servicemonitors -A",
    )  # fmt: skip


# --- the trial ------------------------------------------------------------------------------------


def _behaviour(ctx: Context, target: Target) -> CheckResult:
    trial = hpa.Trial(target, "hpa-test")
    trial.make_namespace()
    trial.make(trial.deployment(CONTAINER, {}), trial.autoscaler(3, behavior=AT_ONCE))
    target.evidence(
        "Apply test manifest",
        f"Created Namespace, Deployment and HorizontalPodAutoscaler {trial.name}, 1 to 3 replicas by "
        f"{metrics_apis.EXTERNAL_METRIC}",
    )  # fmt: skip
    wanted = trial.intent(budget(ctx, INTENT))
    if wanted is None:
        return _late(
            trial, "NoScalingIntent", "more replicas desired than current", INTENT,
            f"the autoscaler {trial.name} wants no more replicas",
            "See its conditions in the evidence: ScalingActive=False means that it cannot read the metric",
        )  # fmt: skip
    up = trial.scaled(budget(ctx, SCALE), up=True)
    if up is None:
        return _late(
            trial, "NoScaleUp", "more than 1 replica", SCALE,
            f"Deployment {trial.name} does not grow, though its autoscaler wants {wanted[0]} replicas",
            "See whether kube-controller-manager works, and whether a quota or a policy holds the Deployment",
        )  # fmt: skip
    trial.lower()
    down = trial.scaled(budget(ctx, SCALE), up=False)
    if down is None:
        return _late(
            trial, "NoScaleDown", "at most 1 replica", SCALE,
            f"Deployment {trial.name} does not shrink, though its metric is below the target {hpa.HIGH}",
            "See the autoscaler's conditions in the evidence; a cluster-wide scale-down window may be longer",
        )  # fmt: skip
    target.evidence(
        "HPA Behavioral Test",
        f"Namespace: {trial.name}\nScale-up desired: {wanted[0]}\nScale-up current: {wanted[1]}\n"
        f"Deployment scale-up: {up}\nDeployment scale-down: {down}",
        f"kubectl get hpa,deployment -n {trial.name}",
    )  # fmt: skip
    return passed(f"Deployment {trial.name} grew from 1 to {up} replicas and shrank to {down}")


def _late(
    trial: hpa.Trial, reason: str, expected: str, limit: float, message: str, remediation: str
) -> CheckResult:
    account = trial.account()
    trial.target.evidence(
        "HorizontalPodAutoscaler", account, f"kubectl describe hpa {trial.name} -n {trial.name}"
    )
    return failed(
        Code.TIMEOUT, reason, f"{message} within {limit:g} seconds",
        expected=expected, actual=account.partition("\n")[0], remediation=remediation,
    )  # fmt: skip
