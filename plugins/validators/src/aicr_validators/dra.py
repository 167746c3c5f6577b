"""Dynamic resource allocation: what the driver publishes, what is taken, and a pod that claims a GPU.

The pod of :func:`attempt` is the one of spec/validate.md 8.6 step 6. Whether the outcome is good is for the checks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import AicrError, CheckResult, Code, Right, failed, skipped
from aicr_validators import testpods
from aicr_validators.testpods import entries, section

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from aicr_core.api import Context, Target

    Object = dict[str, Any]

GROUP = "resource.k8s.io"
API, BETA = f"{GROUP}/v1", f"{GROUP}/v1beta1"
DRIVER = "gpu.nvidia.com"
"""The driver of GPUs, and the device class that it brings."""
IMAGE = "nvidia/cuda:12.9.0-base-ubuntu24.04"
NAMESPACE = "dra-test"
DRIVER_NAMESPACE = "nvidia-dra-driver"
PLUGIN = "nvidia-dra-driver-gpu-kubelet-plugin"
PLUGIN_LOG = f"kubectl logs -n {DRIVER_NAMESPACE} daemonset/{PLUGIN} --all-containers"
LIMIT = 300.0
"""Seconds that a test pod may take."""
INSTALL = (
    "Install the DRA driver (component nvidia-dra-driver-gpu of the recipe): make a bundle with "
    "`aicr bundle` and run its deploy.sh"
)
UPGRADE = (
    "Use Kubernetes 1.34 or later, which serves resource.k8s.io/v1; on older versions switch the API on, "
    "see https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/"
)
_SEES_GPUS = """\
found=0
for device in /dev/nvidia*; do
  [ -e "$device" ] || continue
  echo "$device"
  found=$((found + 1))
done
echo "GPU device files: $found"
[ "$found" -gt 0 ]
"""


# --- what there is --------------------------------------------------------------------------------


def unserved(target: Target) -> CheckResult | None:
    """Give a skipped result when the cluster has no dynamic resource allocation of any version."""
    if target.cluster.serves(API) or target.cluster.serves(BETA):
        return None
    return skipped(
        "DRANotServed", f"the cluster serves neither {API} nor {BETA}", remediation=UPGRADE
    )


def unstable(target: Target) -> CheckResult | None:
    """Give a failed result when the cluster serves no stable version of it."""
    if target.cluster.serves(API):
        return None
    return failed(
        Code.NOT_FOUND, "DRANotStable", f"the cluster serves {BETA}, but not {API}",
        expected=API, actual=BETA, remediation=UPGRADE,
    )  # fmt: skip


class Slice(NamedTuple):
    """What is needed of a ResourceSlice."""

    name: str
    driver: str
    node: str
    pool: str
    generation: int
    devices: int

    def line(self) -> str:
        """A line for the evidence."""
        return (
            f"{self.name} node={self.node or 'any'} driver={self.driver} pool={self.pool} "
            f"devices={self.devices}"
        )


def _slice(item: Object) -> Slice:
    spec, metadata = section(item, "spec"), section(item, "metadata")
    pool = section(spec, "pool")
    generation = pool.get("generation")
    return Slice(
        str(metadata.get("name") or ""), str(spec.get("driver") or ""), str(spec.get("nodeName") or ""),
        str(pool.get("name") or ""), generation if isinstance(generation, int) else 0,
        len(entries(spec, "devices")),
    )  # fmt: skip


def slices(target: Target) -> Sequence[Slice]:
    """Give all ResourceSlices, of every driver."""
    return target.list(API, "resourceslices", keep=_slice)


class GPUs(NamedTuple):
    """How many GPUs there are; ``leaving`` are those of claims that are being deleted, not free yet."""

    total: int
    free: int
    leaving: int


def gpus(target: Target) -> GPUs:
    """Count the devices that the GPU driver publishes, and those in no claim's allocation.

    Of a pool only the newest generation counts: the driver replaces slices one by one. A result with ``adminAccess``
    takes nothing away from others. Claims are read as they are now.
    """
    ours = [found for found in slices(target) if found.driver == DRIVER]
    newest: dict[str, int] = {}
    for found in ours:
        newest[found.pool] = max(found.generation, newest.get(found.pool, 0))
    total = sum(found.devices for found in ours if found.generation == newest[found.pool])
    taken = leaving = 0
    for claim in target.cluster.list(target.cluster.path(API, "resourceclaims")):
        held = sum(
            result.get("driver") == DRIVER and result.get("adminAccess") is not True
            for result in results(claim)
        )
        taken += held
        leaving += held if section(claim, "metadata").get("deletionTimestamp") else 0
    return GPUs(total, max(0, total - taken), leaving)


def results(claim: Object) -> list[Object]:
    """Give the devices that a claim was given."""
    return entries(section(section(section(claim, "status"), "allocation"), "devices"), "results")


def show_slices(target: Target, found: Sequence[Slice]) -> None:
    """Keep the ResourceSlices as evidence."""
    text = "\n".join([f"Total ResourceSlices: {len(found)}", *(item.line() for item in found)])
    target.evidence("ResourceSlices", text, "kubectl get resourceslices -o wide")


# --- a pod that claims a GPU ----------------------------------------------------------------------


def claim_body(name: str, namespace: str, labels: Mapping[str, str] | None = None) -> Object:
    """Give the body of a ResourceClaim for one GPU."""
    metadata: Object = {"name": name, "namespace": namespace}
    if labels:
        metadata["labels"] = dict(labels)
    wanted = {"allocationMode": "ExactCount", "count": 1, "deviceClassName": DRIVER}
    return {
        "apiVersion": API, "kind": "ResourceClaim", "metadata": metadata,
        "spec": {"devices": {"requests": [{"name": "gpu", "exactly": wanted}]}},
    }  # fmt: skip


def pod_body(
    target: Target, name: str, namespace: str, claim: str, container: str, script: str, **more: Any
) -> Object:
    """Give the body of a pod whose container runs a Bash script with the GPU of ``claim``."""
    return testpods.body(
        target, name, namespace,
        {"name": container, "image": IMAGE, "command": ["bash", "-c", script],
         "resources": {"claims": [{"name": "gpu"}]}},
        resourceClaims=[{"name": "gpu", "resourceClaimName": claim}], **more,
    )  # fmt: skip


class Attempt(NamedTuple):
    """A pod that claimed a GPU and ended: the names of claim and pod, and how it ended."""

    claim: str
    pod: str
    end: testpods.End


def attempt(ctx: Context, target: Target) -> Attempt | CheckResult:
    """Have a pod in the namespace ``dra-test`` claim a GPU; give it, or a failed result when it does not end.

    Raises AicrError when the API gives no answer, and TIMEOUT when the time of the check is over.
    """
    suffix = target.suffix()
    claim, name = f"gpu-claim-{suffix}", f"dra-gpu-test-{suffix}"
    target.evidence(
        "Test objects",
        f"Namespace {NAMESPACE}, ResourceClaim {claim}, Pod {name}",
        f"kubectl get resourceclaims,pods -n {NAMESPACE}",
    )
    pod = pod_body(target, name, NAMESPACE, claim, "gpu-test", _SEES_GPUS)
    refused = (
        refusal(f"Namespace {NAMESPACE}", lambda: target.ensure_namespace(NAMESPACE))
        or refusal(
            f"ResourceClaim {NAMESPACE}/{claim}",
            lambda: target.create("resourceclaims", claim_body(claim, NAMESPACE)),
        )
        or refusal(f"Pod {NAMESPACE}/{name}", lambda: target.create("pods", pod))
    )
    if refused is not None:
        return refused
    (end,) = testpods.until_ended(ctx, target, NAMESPACE, [name], LIMIT)
    return not_ended(target, end) or Attempt(claim, name, end)


def refusal(what: str, make: Callable[[], object]) -> CheckResult | None:
    """Make an object; give a failed result when the API server refuses it: rights, quotas, admission.

    Raises AicrError for credentials that are not accepted, and when there was no answer.
    """
    try:
        make()
    except AicrError as error:
        if getattr(error, "status", 0) not in (400, 403, 404, 409, 422):
            raise
        return failed(
            Code.INTERNAL, "CreationRefused", f"the API server refused {what}: {error.message}",
            expected=f"{what} is created", actual=error.message,
            remediation=error.hint or "Look whether a quota or an admission policy forbids it",
        )  # fmt: skip
    return None


def not_ended(target: Target, end: testpods.End) -> CheckResult | None:
    """Give a failed result for a pod that did not end, with what is known of it as evidence; None for one that did."""
    if end.phase in testpods.ENDED:
        return None
    metadata = section(end.pod, "metadata")
    namespace, pod = str(metadata.get("namespace") or ""), str(metadata.get("name") or "")
    name = f"{namespace}/{pod}"
    target.evidence(
        "Pod that did not end", testpods.account(target, end), f"kubectl describe pod {pod} -n {namespace}"
    )  # fmt: skip
    if end.stuck:
        return failed(
            Code.INTERNAL, "PodStuck", f"test pod {name} is stuck: {end.stuck}",
            expected="the pod runs and ends", actual=f"{end.phase}: {end.stuck}",
            remediation=testpods.remedy(end.stuck),
        )  # fmt: skip
    return failed(
        Code.TIMEOUT, "PodNotEnded", f"test pod {name} did not end in time, its phase is {end.phase}",
        expected="the pod ends", actual=end.phase,
        remediation="See whether the node is slow to pull images or to prepare claims (the log of the DRA "
        "driver's kubelet plugin), and allow the check more time",
    )  # fmt: skip


def pod_failed(target: Target, made: Attempt) -> CheckResult | None:
    """Give a failed result, with what is known of the pod as evidence, unless it succeeded."""
    end = made.end
    if end.succeeded:
        return None
    target.evidence(
        "Pod that failed", testpods.account(target, end),
        f"kubectl describe pod {made.pod} -n {NAMESPACE}",
    )  # fmt: skip
    code = "" if end.exit_code is None else f" with exit code {end.exit_code}"
    return failed(
        Code.INTERNAL, "PodFailed",
        f"test pod {NAMESPACE}/{made.pod} ended as {end.phase}{code} (Succeeded is wanted): it did not get to "
        "see a GPU",
        expected="Succeeded", actual=end.phase,
        remediation=f"See how the driver prepared the claim: {PLUGIN_LOG}",
    )  # fmt: skip


def show_pod(target: Target, made: Attempt) -> None:
    """Keep the pod of an attempt as evidence, as it was at its end."""
    claims = entries(section(made.end.pod, "spec"), "resourceClaims")
    target.evidence(
        "Pod status",
        f"Name: {NAMESPACE}/{made.pod}\nPhase: {made.end.phase}\nNode: {made.end.node or 'unknown'}\n"
        f"Claims: {len(claims)}",
        f"kubectl get pod {made.pod} -n {NAMESPACE} -o wide",
    )


def show_log(target: Target, pod: str, label: str) -> None:
    """Keep what a test pod wrote as evidence."""
    text = testpods.log_or_reason(target, NAMESPACE, pod)
    target.evidence(label, text, f"kubectl logs {pod} -n {NAMESPACE}")


def show_claim(target: Target, made: Attempt) -> None:
    """Keep the claim of an attempt as evidence. Raises AicrError(NOT_FOUND) when it is gone."""
    claim = target.cluster.get(
        target.cluster.path(API, "resourceclaims", namespace=NAMESPACE, name=made.claim)
    )
    given = [
        f"Device: {result.get('driver')}/{result.get('pool')}/{result.get('device')}"
        for result in results(claim)
    ]
    target.evidence(
        "ResourceClaim",
        "\n".join(
            [f"Name: {NAMESPACE}/{made.claim}", *(given or ["Device: no allocation reported"])]
        ),
        f"kubectl get resourceclaim {made.claim} -n {NAMESPACE} -o yaml",
    )


# --- rights ---------------------------------------------------------------------------------------


def claim_rights(namespace: str) -> Iterable[Right]:
    """Give the rights that claims for test pods in ``namespace`` take."""
    yield Right(
        verbs=("create", "get", "delete"), group=GROUP, resources=("resourceclaims",),
        namespace=namespace,
    )  # fmt: skip


def slice_right() -> Right:
    """Give the right that reading ResourceSlices takes."""
    return Right(verbs=("list",), group=GROUP, resources=("resourceslices",))


def attempt_rights() -> Iterable[Right]:
    """Give the rights that :func:`attempt` takes."""
    yield from testpods.namespace_rights(NAMESPACE)
    yield from claim_rights(NAMESPACE)
    yield from testpods.rights(NAMESPACE)
