"""Cluster autoscaling by Karpenter: a node pool with GPUs gives a node when pods ask for one (spec/validate.md 8.12).

Each pool is tried until one works; what a pool's trial made is removed before the next. Called by
:mod:`aicr_validators.cluster_autoscaling`, which found the controller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import AicrError, CheckResult, Code, Right, failed, passed
from aicr_validators import hpa, listings
from aicr_validators.metrics_apis import EXTERNAL_METRIC
from aicr_validators.testpods import SHARE, section, why_stuck
from aicr_validators.workloads import names, part

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aicr_core.api import Context, Target

    Object = dict[str, Any]

GROUP = "karpenter.sh"
LABEL = "karpenter.sh/nodepool"
GPU = "nvidia.com/gpu"
GPU_NODES = "nvidia.com/gpu.present=true"
_SHOWN = 50
"""Nodes that are shown one by one."""
INTENT, NODES, PODS = 180.0, 180.0, 120.0
"""Seconds for: the autoscaler wants more, a node appears, pods run."""
WANTED = 2
"""Pods that have to run: the first one, and one that only a scaled workload has."""
CONTAINER: Object = {
    "name": "gpu-workload", "image": "ubuntu:22.04", "command": ["sleep", "120"],
    "resources": {"limits": {GPU: "1"}, "requests": {GPU: "1"}},
    "securityContext": {"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False},
}  # fmt: skip
_GET_POOLS = "kubectl get nodepools.karpenter.sh -o yaml"


def rights() -> Iterable[Right]:
    """Give the rights that the trials need besides those of :mod:`aicr_validators.hpa`."""
    yield Right(verbs=("list",), group=GROUP, resources=("nodepools",))
    yield Right(verbs=("list",), resources=("nodes", "pods"))
    yield from hpa.rights()


class Pool(NamedTuple):
    """What is needed of a NodePool; ``gpus`` is its limit, empty when it has none."""

    name: str
    gpus: str


def _pool(item: Object) -> Pool:
    limit = section(section(item, "spec"), "limits").get(GPU)
    return Pool(names(item)[1], "" if limit is None else str(limit))


def check_pools(ctx: Context, target: Target) -> CheckResult:
    """Try the pools that limit GPUs, in the order of the API; the last failure is the verdict."""
    pools = _pools(target)
    if isinstance(pools, CheckResult):
        return pools
    _show_nodes(target)
    result: CheckResult | None = None
    for number, pool in enumerate(pools):
        # Every pool gets its part of the time that is left, so that the last one is tried too.
        share = ctx.remaining() * SHARE / (len(pools) - number)
        result = _try(target, pool, share, last=number == len(pools) - 1)
        if result.status == "passed":
            return result
        target.evidence(f"NodePool {pool.name}", f"it does not give a node: {result.message}")
    assert result is not None  # there is a pool, or _pools gave the verdict
    return result


def _pools(target: Target) -> Sequence[Pool] | CheckResult:
    try:
        found: Sequence[Pool] = target.list(f"{GROUP}/v1", "nodepools", keep=_pool)
    except AicrError as error:
        if error.code is not Code.NOT_FOUND:
            raise
        found = ()
    lines = [f"{pool.name} gpuLimit={pool.gpus or 'none'}" for pool in found]
    target.evidence("GPU NodePools", "\n".join(lines) or "none", _GET_POOLS)
    pools = [pool for pool in found if pool.gpus]
    if pools:
        return pools
    return failed(
        Code.NOT_FOUND, "NoGPUNodePool", f"none of {len(found)} NodePools limits {GPU}: no pool is known to give GPUs",
        expected=f"a NodePool with spec.limits[{GPU}]", actual=f"0 of {len(found)}",
        remediation=f"Set the limit on the pool that has GPU instance types: kubectl patch nodepool POOL "
        f"--type merge -p '{{\"spec\":{{\"limits\":{{\"{GPU}\":64}}}}}}'",
    )  # fmt: skip


def _gpu_line(node: Object) -> str:
    gpus = part(node, "status", "capacity", GPU) or "none"
    kind = part(node, "metadata", "labels", "node.kubernetes.io/instance-type") or "unknown"
    return f"{names(node)[1]} gpu={gpus} instance={kind}"


def _show_nodes(target: Target) -> None:
    def lines() -> list[str]:
        found = target.list("v1", "nodes", labels=GPU_NODES, keep=_gpu_line)
        more = [f"... and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        return [*found[:_SHOWN], *more]

    target.evidence("GPU nodes", listings.lines(lines), f"kubectl get nodes -l {GPU_NODES} -o wide")


# --- one pool -------------------------------------------------------------------------------------


def _try(target: Target, pool: Pool, share: float, *, last: bool) -> CheckResult:
    trial = hpa.Trial(target, "cluster-auto-test")
    try:
        result = _scale(target, trial, pool, share)
    except AicrError as error:
        if last or error.code is Code.UNAUTHORIZED or target.ctx.cancelled:
            raise
        result = failed(error.code, "TrialFailed", error.message)
    if result.status != "passed" and not last:
        try:
            trial.remove()
        except AicrError as error:
            # The clean-up at the end tries again; the next pool may work all the same.
            target.evidence(f"Namespace {trial.name}", f"it cannot be removed yet: {error}")
    return result


def _scale(target: Target, trial: hpa.Trial, pool: Pool, share: float) -> CheckResult:
    trial.make_namespace()
    before = _nodes(target, pool)
    trial.make(_workload(trial, pool), trial.autoscaler(4))
    target.evidence(
        "Apply test manifest",
        f"Created Namespace, Deployment and HorizontalPodAutoscaler {trial.name} for NodePool {pool.name}, "
        f"1 to 4 replicas by {EXTERNAL_METRIC}",
    )  # fmt: skip
    whole = INTENT + NODES + PODS

    def limit(seconds: float) -> float:
        return min(seconds, share * seconds / whole)

    wanted = trial.intent(limit(INTENT))
    if wanted is None:
        return _late(
            trial, "NoScalingIntent", limit(INTENT), "more replicas desired than current",
            f"the autoscaler {trial.name} of NodePool {pool.name} wants no more replicas",
            f"See its conditions in the evidence: it has to read the external metric {EXTERNAL_METRIC}",
        )  # fmt: skip
    after = target.wait(limit(NODES), hpa.EVERY, lambda: _more(target, pool, before))
    if after is None:
        return _late(
            trial, "NoNewNode", limit(NODES), f"more than {before} nodes",
            f"Karpenter adds no node to NodePool {pool.name}: {before} nodes as before",
            "See the claims and what the cloud answers: kubectl get nodeclaims; kubectl logs -A -l "
            "app.kubernetes.io/name=karpenter; a quota for the GPU instance type is the usual cause",
        )  # fmt: skip
    running = target.wait(limit(PODS), hpa.EVERY, lambda: _running(target, trial))
    if running is None:
        return _late(
            trial, "PodsNotRunning", limit(PODS), f"{WANTED} pods Running or Succeeded",
            f"fewer than {WANTED} pods of {trial.name} run, though NodePool {pool.name} has {after} nodes",
            "See why they wait, in the evidence: the new node has to offer GPUs before they can start",
        )  # fmt: skip
    target.evidence(
        "Cluster Autoscaling Behavioral Test",
        f"NodePool: {pool.name}\nNamespace: {trial.name}\nHPA desired/current: {wanted[0]}/{wanted[1]}\n"
        f"Karpenter nodes: baseline={before} observed={after}\nScheduled pods: {running[0]}/{running[1]}",
        f"kubectl get nodes -l {LABEL}={pool.name}; kubectl get hpa,pods -n {trial.name}",
    )  # fmt: skip
    return passed(
        f"NodePool {pool.name} went from {before} to {after} nodes, and {running[0]} pods of {trial.name} run"
    )


def _workload(trial: hpa.Trial, pool: Pool) -> Object:
    return trial.deployment(CONTAINER, {
        "restartPolicy": "Always",
        "nodeSelector": {LABEL: pool.name},
        "securityContext": {
            "runAsUser": 65534, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"},
        },
        "tolerations": [
            {"key": GPU, "operator": "Equal", "value": "present", "effect": "NoSchedule"},
            {"key": "kwok.x-k8s.io/node", "operator": "Exists", "effect": "NoSchedule"},
        ],
    })  # fmt: skip


def _nodes(target: Target, pool: Pool) -> int:
    path = target.cluster.path("v1", "nodes")
    return sum(1 for _ in target.cluster.list(path, label_selector=f"{LABEL}={pool.name}"))


def _more(target: Target, pool: Pool, before: int) -> int | None:
    count = _nodes(target, pool)
    return count if count > before else None


def _pods(target: Target, trial: hpa.Trial) -> list[Object]:
    return list(target.cluster.list(target.cluster.path("v1", "pods", namespace=trial.name)))


def _running(target: Target, trial: hpa.Trial) -> tuple[int, int] | None:
    found = _pods(target, trial)
    count = sum(section(pod, "status").get("phase") in ("Running", "Succeeded") for pod in found)
    return (count, len(found)) if count >= WANTED else None


def _late(
    trial: hpa.Trial, reason: str, limit: float, expected: str, message: str, remediation: str
) -> CheckResult:
    target, account = trial.target, trial.account()
    target.evidence(
        "HorizontalPodAutoscaler", account, f"kubectl describe hpa {trial.name} -n {trial.name}"
    )

    def lines() -> list[str]:
        return [
            f"{listings.pod_line(pod)} {why_stuck(pod)}".rstrip() for pod in _pods(target, trial)
        ]

    target.evidence("Test pods", listings.lines(lines), f"kubectl get pods -n {trial.name} -o wide")
    return failed(
        Code.TIMEOUT, reason, f"{message} within {limit:.0f} seconds",
        expected=expected, actual=account.partition("\n")[0], remediation=remediation,
    )  # fmt: skip
