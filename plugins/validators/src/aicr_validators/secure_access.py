"""Check ``secure-accelerator-access``: GPUs are reached by claims and by nothing else (spec/validate.md 8.14).

A pod with a claim sees its GPU, without any back door in its specification; a pod without a claim, on the same node,
sees none. What else is shown of GPU operator and slices is for the reader only. It is skipped on a cluster without
dynamic resource allocation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import AicrError, CheckResult, Code, Right, failed, passed, skipped
from aicr_validators import dra, listings, testpods
from aicr_validators.testpods import entries, section

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from aicr_core.api import Context, Target

    Object = dict[str, Any]

OPERATOR = "gpu-operator"
POLICY = "cluster-policy"
_BROKEN = 1
"""Exit code of the pod without a claim when it sees a device."""
_SEES_NONE = """\
for device in /dev/nvidia*; do
  if [ -e "$device" ]; then
    echo "a pod without a claim sees $device"
    exit 1
  fi
done
echo "no GPU device is visible"
"""


def rights(recipe: Mapping[str, Any]) -> Iterable[Right]:  # noqa: ARG001 - every check has this signature
    """Give the rights that the check needs."""
    yield Right(verbs=("get",), group="nvidia.com", resources=("clusterpolicies",), names=(POLICY,))
    yield Right(verbs=("list",), resources=("pods",), namespace=OPERATOR)
    yield Right(verbs=("list",), group="apps", resources=("daemonsets",), namespace=OPERATOR)
    yield dra.slice_right()
    yield from dra.attempt_rights()


def check(ctx: Context, target: Target) -> CheckResult:
    """Show what there is, have a pod claim a GPU, look at it, then look for GPUs from a pod without a claim."""
    missing = dra.unserved(target) or dra.unstable(target)
    if missing is not None:
        return missing
    _show_operator(target)
    if _no_slices(target):
        return skipped(
            "NoResourceSlices", "there are no ResourceSlices: no driver of dynamic resource allocation is at work",
            remediation=dra.INSTALL,
        )  # fmt: skip
    made = dra.attempt(ctx, target)
    if isinstance(made, CheckResult):
        return made
    dra.show_pod(target, made)
    return _with_claim(target, made) or _without_claim(ctx, target, made)


def _no_slices(target: Target) -> bool:
    """Keep the ResourceSlices as evidence; say whether there are none, as far as they can be read."""
    try:
        found = dra.slices(target)
    except AicrError as error:
        target.evidence("ResourceSlices", f"cannot be read: {error}", "kubectl get resourceslices")
        return False
    dra.show_slices(target, found)
    return not found


def _show_operator(target: Target) -> None:
    def policy() -> list[str]:
        found = target.get("nvidia.com/v1", "clusterpolicies", POLICY)
        return [f"Name: {POLICY}", f"State: {section(found, 'status').get('state') or 'unknown'}"]

    target.evidence("ClusterPolicy", listings.lines(policy), f"kubectl get clusterpolicy {POLICY}")
    listings.show_pods(target, OPERATOR, "GPU operator pods")
    listings.show_daemonsets(target, OPERATOR, "GPU operator DaemonSets")


# --- the pod with a claim -------------------------------------------------------------------------


def _with_claim(target: Target, made: dra.Attempt) -> CheckResult | None:
    """Give a failed result unless the pod saw a GPU, and by its claim alone."""
    spec = section(made.end.pod, "spec")
    claims = entries(spec, "resourceClaims")
    limits, paths = _limits(spec), _device_paths(spec)
    target.evidence(
        "How the pod gets at GPUs",
        f"Claims: {len(claims)}\nGPU limits: {len(limits)}\nhostPath volumes of GPUs: {len(paths)}",
        f"kubectl get pod {made.pod} -n {dra.NAMESPACE} -o yaml",
    )
    name = f"{dra.NAMESPACE}/{made.pod}"
    who = "Find what changed the pod: kubectl get mutatingwebhookconfigurations,mutatingadmissionpolicies"
    if not claims:
        return failed(
            Code.INTERNAL, "NoResourceClaim", f"pod {name} has no resource claims",
            expected="1 resource claim", actual="0", remediation=who,
        )  # fmt: skip
    if limits:
        return failed(
            Code.INTERNAL, "DevicePluginLimit",
            f"pod {name} asks for nvidia.com/gpu beside its claim, in container {', '.join(limits)}",
            expected="no limit nvidia.com/gpu", actual=", ".join(limits), remediation=who,
        )  # fmt: skip
    if paths:
        return failed(
            Code.INTERNAL, "HostPathDevice",
            f"pod {name} has a hostPath volume of {', '.join(paths)}",
            expected="no hostPath volume of a GPU", actual=", ".join(paths), remediation=who,
        )  # fmt: skip
    dra.show_claim(target, made)
    dra.show_log(target, made.pod, "Log of the pod with a claim")
    return dra.pod_failed(target, made)


def _limits(spec: Object) -> list[str]:
    """Give the names of containers with a limit of the device plugin's resource."""
    return [
        str(container.get("name"))
        for field in ("initContainers", "containers")
        for container in entries(spec, field)
        if "nvidia.com/gpu" in section(section(container, "resources"), "limits")
    ]


def _device_paths(spec: Object) -> list[str]:
    """Give the paths of GPU devices that are mounted from the node."""
    paths = (
        str(section(volume, "hostPath").get("path") or "") for volume in entries(spec, "volumes")
    )
    return [path for path in paths if "/dev/nvidia" in path]


# --- the pod without a claim ----------------------------------------------------------------------


def _without_claim(ctx: Context, target: Target, made: dra.Attempt) -> CheckResult:
    node = made.end.node
    if not node:
        return failed(
            Code.INTERNAL, "NodeUnknown",
            f"pod {dra.NAMESPACE}/{made.pod} has no node: there is none to test the isolation on",
            expected="the pod has a node", actual="none",
            remediation="Run the check again; see what the scheduler does with pods that have claims",
        )  # fmt: skip
    name = f"dra-no-claim-{target.suffix()}"
    container = {
        "name": "isolation-test", "image": "busybox:1.37", "command": ["sh", "-c", _SEES_NONE],
        "resources": {},
    }  # fmt: skip
    body = testpods.body(target, name, dra.NAMESPACE, container, node=node)
    refused = dra.refusal(f"Pod {dra.NAMESPACE}/{name}", lambda: target.create("pods", body))
    if refused is not None:
        return refused
    (end,) = testpods.until_ended(ctx, target, dra.NAMESPACE, [name], dra.LIMIT)
    stuck = dra.not_ended(target, end)
    if stuck is not None:
        return stuck
    target.evidence(
        "Isolation test",
        f"Pod: {dra.NAMESPACE}/{name}\nNode: {node}\nPhase: {end.phase}\nExit code: {end.exit_code}\nClaims: 0",
        f"kubectl get pod {name} -n {dra.NAMESPACE} -o wide",
    )
    dra.show_log(target, name, "Log of the pod without a claim")
    if end.succeeded:
        return passed(
            f"on node {node}, pod {made.pod} saw the GPU that it claimed, and pod {name} without a claim saw none"
        )
    return _not_isolated(target, name, node, end)


def _not_isolated(target: Target, name: str, node: str, end: testpods.End) -> CheckResult:
    target.evidence(
        "Isolation test that failed", testpods.account(target, end),
        f"kubectl describe pod {name} -n {dra.NAMESPACE}",
    )  # fmt: skip
    if end.exit_code == _BROKEN:
        return failed(
            Code.INTERNAL, "IsolationBroken",
            f"isolation is broken: pod {dra.NAMESPACE}/{name} without a claim sees GPUs of node {node} "
            f"(exit code {_BROKEN})",
            expected="no /dev/nvidia* in a pod without a claim", actual="devices are visible",
            remediation="Have the container runtime give GPUs only to pods that ask: not the nvidia runtime as "
            "the default one, and accept-nvidia-visible-devices-envvar-when-unprivileged = false in its config.toml",
        )  # fmt: skip
    code = "no exit code" if end.exit_code is None else f"exit code {end.exit_code}"
    return failed(
        Code.INTERNAL, "IsolationUnknown",
        f"pod {dra.NAMESPACE}/{name} without a claim failed with {code} on node {node}: isolation cannot be verified",
        expected="exit code 0", actual=code,
        remediation=f"See why a plain pod fails there: kubectl describe node {node}",
    )  # fmt: skip
