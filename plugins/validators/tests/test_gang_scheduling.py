"""gang-scheduling: the scheduler's parts, free GPUs, and two pods that are scheduled together."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from aicr_validators import gang_scheduling
from check_support import (
    Lab,
    Reactor,
    claim,
    crd,
    ends,
    lab_as,
    resource_slice,
    unschedulable,
    waits,
    workload,
)

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

    Change = Callable[[dict[str, Any]], None]

PARTS = gang_scheduling.DEPLOYMENTS


@pytest.fixture
def ready(lab: Lab) -> Lab:
    """A cluster with KAI scheduler and two GPUs."""
    for name in PARTS:
        lab.fake.add(workload("Deployment", "kai-scheduler", name))
    for name in gang_scheduling.CRDS:
        lab.fake.add(crd(name))
    lab.fake.add(resource_slice("s1", devices=2))
    return lab


def scheduled(at: Any, code: int = 0, **spec: Any) -> Change:
    """The pod ends, having been scheduled at a time (None: nobody says when)."""

    def edit(pod: dict[str, Any]) -> None:
        ends(code)(pod)
        condition = {"type": "PodScheduled", "status": "True"}
        pod["status"]["conditions"] = [
            condition if at is None else {**condition, "lastTransitionTime": at}
        ]
        pod["spec"].update(spec)

    return edit


AT = "2026-01-01T00:00:00Z"


def run(lab: Lab, first: Change | None = None, second: Change | None = None) -> Any:
    ends_in = {"0": first or scheduled(AT), "1": second or scheduled(AT)}

    def edit(pod: dict[str, Any]) -> None:
        ends_in[pod["metadata"]["name"][-1]](pod)

    with Reactor(lab.fake, [("Pod", "gang-worker-", edit)], {"gang-worker-": "GPU 0"}):
        return gang_scheduling.check(lab.ctx, lab.target)


def nothing_left(lab: Lab) -> bool:
    lab.clean()
    spaces = [item["metadata"]["name"] for item in lab.all("namespaces")]
    left = [*lab.all("pods"), *lab.all("podgroups"), *lab.all("resourceclaims")]
    return not left and "gang-scheduling-test" not in spaces


@pytest.mark.parametrize("second", [AT, "2026-01-01T00:00:30Z", "2026-01-01T01:00:10+01:00"])
def test_two_pods_together(ready: Lab, second: str) -> None:
    result = run(ready, None, scheduled(second))
    assert result.status == "passed"
    for words in ("Free GPUs: 2", "Allowed: 30s", "GPU 0", "minMember=2"):
        assert words in ready.evidence
    assert nothing_left(ready)


def test_without_the_scheduler_it_is_skipped(lab: Lab) -> None:
    result = run(lab)
    assert (result.status, result.reason) == ("skipped", "KAISchedulerNotFound")
    assert "kai-scheduler" in result.remediation


def test_a_missing_right_is_no_other_scheduler(ready: Lab) -> None:
    ready.fake.faults.add("GET", ".*/deployments/.*", status=403, reason="Forbidden")
    with pytest.raises(AicrError) as raised:
        run(ready)
    assert raised.value.code is Code.UNAUTHORIZED


@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_is_down(ready: Lab, name: str) -> None:
    kind = ready.fake.by_plural["deployments"]
    ready.fake.objects.change(kind, "kai-scheduler", name, lambda i: i["status"].clear())
    result = run(ready)
    assert (result.status, result.code) == ("failed", Code.NOT_FOUND)
    assert f"kai-scheduler/{name}" in result.message
    assert result.remediation


def test_a_missing_kind(ready: Lab) -> None:
    ready.client.delete(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/podgroups.scheduling.run.ai"
    )
    result = run(ready)
    assert (result.code, result.reason) == (Code.NOT_FOUND, "CRDNotFound")


def test_too_few_free_gpus(ready: Lab) -> None:
    ready.fake.add(claim("a", "n1", "gpu-0"))
    result = run(ready)
    assert (result.code, result.reason) == (Code.SERVICE_UNAVAILABLE, "NotEnoughGPUs")
    assert "1 free of 2" in result.message
    assert result.remediation
    assert ready.fake.asked("POST") == []


def hold(lab: Lab) -> None:
    """Have a claim on its way out that holds a GPU still."""
    held = claim("a", "n1", "gpu-0")
    held["metadata"]["finalizers"] = ["resource.kubernetes.io/delete-protection"]
    lab.fake.add(held)
    lab.client.delete("/apis/resource.k8s.io/v1/namespaces/other/resourceclaims/a")


def test_a_claim_on_its_way_out_is_waited_for(ready: Lab) -> None:
    hold(ready)
    kind = next(kind for kind in ready.fake.served() if kind.plural == "resourceclaims")

    def release() -> None:
        ready.fake.objects.change(kind, "other", "a", lambda i: i["metadata"].pop("finalizers"))

    timer = threading.Timer(0.05, release)
    timer.start()
    result = run(ready)
    timer.join()
    assert result.status == "passed"
    assert "Free GPUs: 2" in ready.evidence


def test_a_claim_that_does_not_go(ready: Lab) -> None:
    hold(ready)
    result = run(ready)
    assert result.reason == "NotEnoughGPUs"
    assert "1 free of 2" in result.message


@pytest.mark.parametrize(
    ("first", "reason", "words"),
    [
        (scheduled(AT, 3), "PodFailed", "ended as Failed"),
        (scheduled(AT, schedulerName="default-scheduler"), "OtherScheduler", "default-scheduler"),
        (scheduled(AT, schedulerName=None), "OtherScheduler", "none"),
        (scheduled(AT, resourceClaims=None), "NoResourceClaim", "no resource claim"),
        (ends(), "NotScheduled", "PodScheduled=True"),
        (scheduled(None), "ScheduledTimeUnknown", "unknown"),
        (scheduled("noon"), "ScheduledTimeUnknown", "noon"),
        (scheduled("2026-01-01T00:00:31Z"), "NotScheduledTogether", "31s"),
        (waits("ImagePullBackOff", "no"), "PodStuck", "ImagePullBackOff: no"),
        (unschedulable("0/4 nodes"), "PodStuck", "Unschedulable: 0/4 nodes"),
    ],
)  # fmt: skip
def test_a_group_that_is_none(ready: Lab, first: Change, reason: str, words: str) -> None:
    result = run(ready, first)
    assert (result.status, result.code, result.reason) == ("failed", Code.INTERNAL, reason)
    assert words in result.message
    assert result.remediation
    assert nothing_left(ready)


def test_a_lost_label(ready: Lab) -> None:
    def edit(pod: dict[str, Any]) -> None:
        scheduled(AT)(pod)
        del pod["metadata"]["labels"][gang_scheduling.NAME_LABEL]

    assert run(ready, edit).reason == "NotInGroup"


def test_a_pod_that_does_not_end(ready: Lab) -> None:
    result = run(ready, lambda pod: None)
    assert (result.code, result.reason) == (Code.TIMEOUT, "PodNotEnded")
    assert "gang-worker-" in result.message
    assert nothing_left(ready)


@pytest.mark.parametrize("plural", ["namespaces", "podgroups", "resourceclaims", "pods"])
def test_a_refused_object(ready: Lab, plural: str) -> None:
    ready.fake.faults.add("POST", f".*/{plural}", status=403, message="not here")
    result = run(ready)
    assert (result.code, result.reason) == (Code.INTERNAL, "CreationRefused")
    assert "not here" in result.message
    assert len([line for line in ready.fake.asked("POST") if line.endswith(plural)]) == 1
    assert nothing_left(ready)


def test_a_cancelled_check_leaves_nothing(ready: Lab) -> None:
    def stop(pod: dict[str, Any]) -> None:
        threading.Timer(0.05, ready.stop.set).start()

    with pytest.raises(AicrError) as raised:
        run(ready, stop)
    assert raised.value.code is Code.TIMEOUT
    assert nothing_left(ready)


def test_the_rights_are_enough(ready: Lab, tmp_path: pathlib.Path) -> None:
    with lab_as(ready.fake, tmp_path, gang_scheduling.rights({})) as limited:
        assert run(limited).status == "passed"
        assert "UNAUTHORIZED" not in limited.evidence
        assert nothing_left(limited)
