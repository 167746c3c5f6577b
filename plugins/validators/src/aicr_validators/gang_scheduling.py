"""Check ``gang-scheduling``: KAI scheduler places two pods of a group together (spec/validate.md 8.7).

It is skipped where there is no KAI scheduler, and fails where fewer than two GPUs are free: nothing can be said then.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from aicr_core.api import CheckResult, Code, Right, failed, passed, skipped
from aicr_validators import dra, listings, testpods, workloads
from aicr_validators.testpods import entries, section

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aicr_core.api import Context, Target

    Object = dict[str, Any]

SYSTEM = "kai-scheduler"
"""Namespace of KAI scheduler, and the name that pods call it by."""
DEPLOYMENTS = (
    "kai-scheduler-default", "admission", "binder", "kai-operator", "pod-grouper", "podgroup-controller",
    "queue-controller",
)  # fmt: skip
CRDS = ("queues.scheduling.run.ai", "podgroups.scheduling.run.ai")
GROUP, API = "scheduling.run.ai", "scheduling.run.ai/v2alpha2"
NAMESPACE = "gang-scheduling-test"
QUEUE = "default-queue"
SIZE = 2
WINDOW = 30.0
"""Seconds that may lie between the scheduling of the first and of the last pod."""
NAME_LABEL = "pod-group.scheduling.run.ai/name"
ID_LABEL = "pod-group.scheduling.run.ai/group-id"


def rights(recipe: Mapping[str, Any]) -> Iterable[Right]:  # noqa: ARG001 - every check has this signature
    """Give the rights that the check needs."""
    yield workloads.deployment_right(SYSTEM, *DEPLOYMENTS)
    yield Right(verbs=("list",), resources=("pods",), namespace=SYSTEM)
    yield workloads.crd_right(*CRDS)
    yield dra.slice_right()
    yield Right(verbs=("list",), group=dra.GROUP, resources=("resourceclaims",))
    yield from testpods.namespace_rights(NAMESPACE)
    yield Right(
        verbs=("create", "get", "list", "delete"), group=GROUP, resources=("podgroups",),
        namespace=NAMESPACE,
    )  # fmt: skip
    yield from dra.claim_rights(NAMESPACE)
    yield from testpods.rights(NAMESPACE)


def check(ctx: Context, target: Target) -> CheckResult:
    """Look at the scheduler and the free GPUs, then have it place a group of two pods."""
    if target.find("apps/v1", "deployments", DEPLOYMENTS[0], SYSTEM) is None:
        return skipped(
            "KAISchedulerNotFound",
            f"there is no Deployment {SYSTEM}/{DEPLOYMENTS[0]}: the cluster may use another scheduler",
            remediation="Install KAI scheduler (component kai-scheduler of the recipe) to have this checked",
        )  # fmt: skip
    problem = _scheduler(target) or _free_gpus(ctx, target)
    if problem is not None:
        return problem
    names = Group.of(target.suffix())
    refused = _start(target, names)
    if refused is not None:
        return refused
    ends = testpods.until_ended(ctx, target, NAMESPACE, names.pods, dra.LIMIT)
    _show(target, names, ends)
    for end in ends:
        stuck = dra.not_ended(target, end) if end.stuck else None
        if stuck is not None:
            return stuck
    return _judge(target, names, ends)


def _scheduler(target: Target) -> CheckResult | None:
    for name in DEPLOYMENTS:
        down = workloads.available(target, SYSTEM, name, label=f"KAI scheduler: {name}")
        if down is not None:
            return attrs.evolve(down, code=Code.NOT_FOUND)  # absent or down: a part is missing
    listings.show_pods(target, SYSTEM, "KAI scheduler pods")
    for name in CRDS:
        missing = workloads.crd(target, name)
        if missing is not None:
            return missing
    return None


def _free_gpus(ctx: Context, target: Target) -> CheckResult | None:
    def settled() -> dra.GPUs | None:
        # The claims of a check that ran before may be on their way out still.
        found = dra.gpus(target)
        return None if found.free < SIZE <= found.free + found.leaving else found

    found = target.wait(testpods.budget(ctx, testpods.VANISH), 2.0, settled) or dra.gpus(target)
    total, free = found.total, found.free
    target.evidence(
        "GPU availability", f"Total GPUs: {total}\nFree GPUs: {free}\nRequired: {SIZE}",
        "kubectl get resourceslices,resourceclaims -A",
    )  # fmt: skip
    if free >= SIZE:
        return None
    return failed(
        Code.SERVICE_UNAVAILABLE, "NotEnoughGPUs",
        f"too few free GPUs for a group of pods: {free} free of {total} published by {dra.DRIVER} "
        f"(need {SIZE})",
        expected=f"at least {SIZE} free GPUs", actual=f"{free} of {total}",
        remediation="Wait until workloads end, or free GPUs: kubectl get resourceclaims -A. "
        f"If none are published, see: {dra.PLUGIN_LOG}",
    )  # fmt: skip


# --- the group ------------------------------------------------------------------------------------


class Group(NamedTuple):
    """Names of the test's objects."""

    group: str
    claims: tuple[str, ...]
    pods: tuple[str, ...]

    @classmethod
    def of(cls, suffix: str) -> Group:
        """Give the names with this suffix."""
        numbers = range(SIZE)
        return cls(
            f"gang-group-{suffix}",
            tuple(f"gang-gpu-claim-{suffix}-{i}" for i in numbers),
            tuple(f"gang-worker-{suffix}-{i}" for i in numbers),
        )


def _start(target: Target, names: Group) -> CheckResult | None:
    """Make the group, and a claim and a pod for each member; give a failed result when one is refused."""
    target.evidence(
        "Test objects",
        f"Namespace {NAMESPACE}, PodGroup {names.group}, ResourceClaims {', '.join(names.claims)}, "
        f"Pods {', '.join(names.pods)}",
        f"kubectl get podgroups,resourceclaims,pods -n {NAMESPACE}",
    )
    group = {
        "apiVersion": API, "kind": "PodGroup",
        "metadata": {"name": names.group, "namespace": NAMESPACE},
        "spec": {"minMember": SIZE, "queue": QUEUE},
    }  # fmt: skip
    refused = dra.refusal(
        f"Namespace {NAMESPACE}", lambda: target.ensure_namespace(NAMESPACE)
    ) or dra.refusal(
        f"PodGroup {NAMESPACE}/{names.group}", lambda: target.create("podgroups", group)
    )
    for number in range(SIZE):
        refused = refused or _start_member(target, names, number)
    return refused


def _start_member(target: Target, names: Group, number: int) -> CheckResult | None:
    claim, name = names.claims[number], names.pods[number]
    claim_body = dra.claim_body(claim, NAMESPACE, {"kai.scheduler/queue": QUEUE})
    pod = dra.pod_body(
        target, name, NAMESPACE, claim, "worker", f"nvidia-smi && echo 'worker {number} is done'",
        labels={NAME_LABEL: names.group, ID_LABEL: names.group}, schedulerName=SYSTEM,
    )  # fmt: skip
    return dra.refusal(
        f"ResourceClaim {NAMESPACE}/{claim}", lambda: target.create("resourceclaims", claim_body)
    ) or dra.refusal(f"Pod {NAMESPACE}/{name}", lambda: target.create("pods", pod))


def _show(target: Target, names: Group, ends: Sequence[testpods.End]) -> None:
    def groups() -> list[str]:
        found = target.cluster.list(target.cluster.path(API, "podgroups", namespace=NAMESPACE))
        return [
            f"{workloads.names(item)[1]} minMember={section(item, 'spec').get('minMember')} "
            f"phase={section(item, 'status').get('phase') or 'unknown'}"
            for item in found
        ]

    target.evidence(
        "PodGroup", listings.lines(groups), f"kubectl get podgroup {names.group} -n {NAMESPACE}"
    )
    target.evidence(
        "Pods of the group",
        "\n".join(
            f"{name} phase={end.phase} node={end.node or 'none'} "
            f"scheduler={section(end.pod, 'spec').get('schedulerName')} scheduled={_scheduled(end.pod) or 'no'}"
            for name, end in zip(names.pods, ends, strict=True)
        ),
        f"kubectl get pods -n {NAMESPACE} -o wide",
    )
    for name, end in zip(names.pods, ends, strict=True):
        if end.phase in testpods.ENDED:
            text = testpods.log_or_reason(target, NAMESPACE, name)
            target.evidence(f"Log of {name}", text, f"kubectl logs {name} -n {NAMESPACE}")


# --- the verdict ----------------------------------------------------------------------------------


def _judge(target: Target, names: Group, ends: Sequence[testpods.End]) -> CheckResult:
    times = []
    for name, end in zip(names.pods, ends, strict=True):
        problem = dra.not_ended(target, end) or _member(target, names, name, end)
        if problem is not None:
            return problem
        word = _scheduled(end.pod)
        time = _time(word)
        if time is None:
            return _wrong(
                name, "ScheduledTimeUnknown", f'says "{word}" as the time when it was scheduled',
                "a time", word,
            )  # fmt: skip
        times.append(time)
    span = (max(times) - min(times)).total_seconds()
    target.evidence("Co-scheduling", f"Span: {span:g}s\nAllowed: {WINDOW:g}s")
    if span > WINDOW:
        return failed(
            Code.INTERNAL, "NotScheduledTogether",
            f"the pods {', '.join(names.pods)} were scheduled {span:g}s apart (at most {WINDOW:g}s)",
            expected=f"at most {WINDOW:g}s", actual=f"{span:g}s",
            remediation=f"See what the scheduler did: kubectl logs -n {SYSTEM} deployment/{DEPLOYMENTS[0]}",
        )  # fmt: skip
    return passed(
        f"{SIZE} pods of PodGroup {NAMESPACE}/{names.group} were scheduled together, {span:g}s apart"
    )


def _member(target: Target, names: Group, name: str, end: testpods.End) -> CheckResult | None:
    """Give a failed result unless the pod ran as a member of the group, with its claim."""
    spec, labels = section(end.pod, "spec"), section(section(end.pod, "metadata"), "labels")
    if not end.succeeded:
        target.evidence(f"Failure of {name}", testpods.account(target, end))
        return _wrong(name, "PodFailed", f"ended as {end.phase}", "Succeeded", end.phase)
    scheduler = str(spec.get("schedulerName") or "none")
    if scheduler != SYSTEM:
        return _wrong(name, "OtherScheduler", f"was given to {scheduler}", SYSTEM, scheduler)
    if labels.get(NAME_LABEL) != names.group:
        found = str(labels.get(NAME_LABEL) or "none")
        return _wrong(
            name, "NotInGroup", f"has {NAME_LABEL}={found} as its label", names.group, found
        )
    if not entries(spec, "resourceClaims"):
        return _wrong(name, "NoResourceClaim", "has no resource claim", "1 resource claim", "0")
    if not _scheduled(end.pod):
        return _wrong(
            name, "NotScheduled", "lacks the condition PodScheduled=True", "PodScheduled=True", "none"
        )  # fmt: skip
    return None


def _wrong(name: str, reason: str, text: str, expected: str, actual: str) -> CheckResult:
    return failed(
        Code.INTERNAL, reason, f"pod {NAMESPACE}/{name} {text} (expected: {expected})",
        expected=expected, actual=actual,
        remediation=f"See what the scheduler did: kubectl logs -n {SYSTEM} deployment/{DEPLOYMENTS[0]}",
    )  # fmt: skip


def _scheduled(pod: Object) -> str:
    """Give when a pod was scheduled, ``unknown`` when that is not said; empty when it was not."""
    for condition in entries(section(pod, "status"), "conditions"):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "True":
            return str(condition.get("lastTransitionTime") or "unknown")
    return ""


def _time(text: str) -> datetime.datetime | None:
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
