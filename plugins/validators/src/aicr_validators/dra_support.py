"""Check ``dra-support``: a pod gets a GPU by a ResourceClaim (spec/validate.md 8.6).

It is skipped where the cluster has no dynamic resource allocation or no driver of it. Otherwise driver, slices and a
pod that claims a GPU have to be as they should.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from aicr_core.api import CheckResult, Code, Right, failed, passed, skipped
from aicr_validators import dra, listings, workloads

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from aicr_core.api import Context, Target

CONTROLLER = "nvidia-dra-driver-gpu-controller"


def rights(recipe: Mapping[str, Any]) -> Iterable[Right]:  # noqa: ARG001 - every check has this signature
    """Give the rights that the check needs."""
    yield Right(verbs=("list",), resources=("pods",), namespace=dra.DRIVER_NAMESPACE)
    yield workloads.deployment_right(dra.DRIVER_NAMESPACE, CONTROLLER)
    yield workloads.daemonset_right(dra.DRIVER_NAMESPACE, dra.PLUGIN)
    yield dra.slice_right()
    yield from dra.attempt_rights()


def check(ctx: Context, target: Target) -> CheckResult:
    """Look at API, driver and slices, then have a pod claim a GPU."""
    skip = dra.unserved(target)
    if skip is not None:
        return skip
    pods = target.list("v1", "pods", dra.DRIVER_NAMESPACE, keep=listings.pod_line)
    if not pods and target.find("apps/v1", "deployments", CONTROLLER, dra.DRIVER_NAMESPACE) is None:
        return skipped(
            "DRADriverNotFound",
            f"namespace {dra.DRIVER_NAMESPACE} has no pods and no Deployment {CONTROLLER}",
            remediation=dra.INSTALL,
        )  # fmt: skip
    listings.show_pods(target, dra.DRIVER_NAMESPACE, "DRA driver pods")
    return dra.unstable(target) or _driver(target) or _slices(target) or _claim(ctx, target)


def _driver(target: Target) -> CheckResult | None:
    down = workloads.available(
        target, dra.DRIVER_NAMESPACE, CONTROLLER, label="DRA driver controller"
    ) or workloads.ready(
        target, dra.DRIVER_NAMESPACE, dra.PLUGIN, label="DRA driver kubelet plugin"
    )
    # Whether it is absent or down: there is no working driver.
    return None if down is None else attrs.evolve(down, code=Code.NOT_FOUND)


def _slices(target: Target) -> CheckResult | None:
    found = dra.slices(target)
    dra.show_slices(target, found)
    if found:
        return None
    return failed(
        Code.NOT_FOUND, "NoResourceSlices", "there are no ResourceSlices: no driver publishes devices",
        expected="at least 1 ResourceSlice", actual="0",
        remediation=f"See why the kubelet plugin publishes nothing: {dra.PLUGIN_LOG}",
    )  # fmt: skip


def _claim(ctx: Context, target: Target) -> CheckResult:
    made = dra.attempt(ctx, target)
    if isinstance(made, CheckResult):
        return made
    dra.show_claim(target, made)
    dra.show_pod(target, made)
    dra.show_log(target, made.pod, "Pod log")
    return dra.pod_failed(target, made) or passed(
        f"pod {dra.NAMESPACE}/{made.pod} got a GPU on node {made.end.node or 'unknown'} by ResourceClaim {made.claim}"
    )
