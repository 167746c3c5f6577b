"""Pods that checks start: their bodies, when a wait is over, what is said of one that went wrong."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from aicr_validators import testpods
from check_support import Lab, Reactor, becomes, ends, open_client, unschedulable, waits

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    import pathlib

    from emulated_cluster import FakeCluster

C = {"name": "c", "image": "reg/img:1"}


def make(lab: Lab, name: str = "p") -> None:
    lab.target.create("pods", testpods.body(lab.target, name, "val", C))


def wait(lab: Lab, *names: str, limit: float = 100.0) -> list[testpods.End]:
    return testpods.until_ended(lab.ctx, lab.target, "val", names or ("p",), limit)


def test_a_body_carries_what_the_user_wants_on_pods(
    fake_cluster: FakeCluster, tmp_path: pathlib.Path
) -> None:
    toleration = {"key": "gpu", "operator": "Exists"}
    with open_client(fake_cluster, tmp_path) as client:
        lab = Lab(
            fake_cluster, client, node_selector={"pool": "gpu"}, tolerations=[toleration],
            image_pull_secrets=["regcred"],
        )  # fmt: skip
        free = testpods.body(lab.target, "p", "val", C, labels={"a": "b"}, schedulerName="s")
        pinned = testpods.body(lab.target, "p", "val", C, node="n1")
    assert free["metadata"] == {"name": "p", "namespace": "val", "labels": {"a": "b"}}
    assert free["spec"] == {
        "containers": [C], "restartPolicy": "Never", "tolerations": [toleration],
        "nodeSelector": {"pool": "gpu"}, "schedulerName": "s",
        "imagePullSecrets": [{"name": "regcred"}],
    }  # fmt: skip
    assert pinned["spec"]["nodeName"] == "n1"
    assert "nodeSelector" not in pinned["spec"], (
        "the kubelet refuses a pinned pod that does not fit"
    )


def test_a_body_tolerates_everything_by_default(lab: Lab) -> None:
    assert testpods.body(lab.target, "p", "val", C)["spec"]["tolerations"] == [
        {"operator": "Exists"}
    ]


@pytest.mark.parametrize("code", [0, 3])
def test_a_pod_that_ends(lab: Lab, code: int) -> None:
    with Reactor(lab.fake, [("Pod", "p", ends(code))]):
        make(lab)
        (end,) = wait(lab)
    assert (end.succeeded, end.exit_code, end.node, end.stuck) == (code == 0, code, "n1", "")


@pytest.mark.parametrize("init", [False, True])
@pytest.mark.parametrize(
    "reason", ["ImagePullBackOff", "ErrImagePull", "InvalidImageName", "CrashLoopBackOff"]
)
def test_what_no_patience_mends_ends_the_wait(lab: Lab, reason: str, *, init: bool) -> None:
    with Reactor(lab.fake, [("Pod", "p", waits(reason, "no such thing", init=init))]):
        make(lab)
        (end,) = wait(lab, limit=1e6)
    assert end.stuck == f"{reason}: no such thing (image: reg/img:1)"
    assert end.phase == "Pending"


def test_one_stuck_pod_ends_the_wait_for_all(lab: Lab) -> None:
    rules = [("Pod", "a", waits("ErrImagePull", "x")), ("Pod", "b", becomes(phase="Running"))]
    with Reactor(lab.fake, rules):
        make(lab, "a")
        make(lab, "b")
        first, second = wait(lab, "a", "b", limit=1e6)
    assert first.stuck.startswith("ErrImagePull")
    # How far the other one came by then is a matter of who was quicker.
    assert second.phase in ("Unknown", "Pending", "Running")
    assert (second.stuck, second.succeeded) == ("", False)


def test_a_pod_without_a_node_is_waited_for(lab: Lab) -> None:
    """An autoscaler may bring the node."""
    kind = lab.fake.by_plural["pods"]
    with Reactor(lab.fake, [("Pod", "p", unschedulable("0/2 nodes"))]):
        make(lab)
        (early,) = wait(lab, limit=10.0)
        later = threading.Timer(0.2, lambda: lab.fake.objects.change(kind, "val", "p", ends()))
        later.start()
        (end,) = wait(lab, limit=1e4)
        later.join()
    assert (early.phase, early.stuck) == ("Pending", "Unschedulable: 0/2 nodes")
    assert end.succeeded
    assert end.stuck == ""


def test_a_container_that_waits_for_something_else_is_named_at_the_end(lab: Lab) -> None:
    with Reactor(lab.fake, [("Pod", "p", waits("CreateContainerConfigError", "no secret"))]):
        make(lab)
        (end,) = wait(lab, limit=10.0)
    assert end.stuck == "CreateContainerConfigError: no secret (image: reg/img:1)"


@pytest.mark.parametrize(
    "status",
    [
        None, {}, {"phase": None, "conditions": None, "containerStatuses": None},
        {"phase": 7, "conditions": "x", "containerStatuses": [None, 3, {"state": None}, {"state": {"waiting": None}}]},
        {"conditions": [None, {"type": "PodScheduled", "status": True}], "initContainerStatuses": {}},
    ],
)  # fmt: skip
def test_a_strange_status_is_no_crash(lab: Lab, status: Any) -> None:
    def edit(pod: dict[str, Any]) -> None:
        pod["status"] = status

    with Reactor(lab.fake, [("Pod", "p", edit)]):
        make(lab)
        (end,) = wait(lab, limit=20.0)
    assert (end.succeeded, end.exit_code, end.stuck) == (False, None, "")
    assert "val/p phase=" in testpods.account(lab.target, end)


def test_a_condition_without_words_still_says_something() -> None:
    pod = {"status": {"conditions": [{"type": "PodScheduled", "status": "False"}]}}
    assert testpods.why_stuck(pod) == "Unschedulable: the scheduler gives no message"


def test_a_pod_that_somebody_deletes(lab: Lab) -> None:
    with pytest.raises(AicrError) as raised:
        wait(lab, "gone")
    assert raised.value.code is Code.INTERNAL
    assert "val/gone was deleted" in raised.value.message


def test_a_busy_server_is_asked_again(lab: Lab) -> None:
    path = "/api/v1/namespaces/val/pods/p"
    with Reactor(lab.fake, [("Pod", "p", ends())]):
        make(lab)
        lab.fake.faults.add("GET", path, status=503, retry_after="9999", times=2)
        (end,) = wait(lab)
    assert end.succeeded


def test_a_forbidden_read_is_raised(lab: Lab) -> None:
    make(lab)
    lab.fake.faults.add("GET", "/api/v1/namespaces/val/pods/p", status=403, reason="Forbidden")
    with pytest.raises(AicrError) as raised:
        wait(lab)
    assert raised.value.code is Code.UNAUTHORIZED


def test_a_cancelled_run_ends_the_wait_and_leaves_nothing(lab: Lab) -> None:
    make(lab)
    timer = threading.Timer(0.2, lab.stop.set)
    timer.start()
    with pytest.raises(AicrError) as raised:
        wait(lab, limit=1e6)
    timer.join()
    assert raised.value.code is Code.TIMEOUT
    lab.clean()
    assert lab.fake.all("pods") == []


def test_a_wait_never_takes_all_that_the_check_has(lab: Lab) -> None:
    assert testpods.budget(lab.ctx, 1e6) < 300.0 * testpods.SHARE + 1
    assert testpods.budget(lab.ctx, 5.0) == 5.0


def test_an_account_names_states_and_warnings(lab: Lab) -> None:
    with Reactor(lab.fake, [("Pod", "p", ends(7))]):
        make(lab)
        (end,) = wait(lab)
    about = {"kind": "Pod", "name": "p", "namespace": "val"}
    for name, kind, reason in (("w", "Warning", "FailedMount"), ("n", "Normal", "Pulled")):
        lab.fake.add(
            {"apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": "val"},
             "involvedObject": about, "type": kind, "reason": reason, "message": "because"}
        )  # fmt: skip
    text = testpods.account(lab.target, end)
    assert "container c terminated reason=Error exitCode=7" in text
    assert "event FailedMount: because" in text
    assert "Pulled" not in text
    lab.fake.faults.add(
        "GET", "/api/v1/namespaces/val/events", status=403, message="no events for you"
    )
    assert "events cannot be read: [UNAUTHORIZED]" in testpods.account(lab.target, end)


def test_a_log_and_one_that_cannot_be_read(lab: Lab) -> None:
    with Reactor(lab.fake, [("Pod", "p", ends())], {"p": "one\ntwo"}):
        make(lab)
        wait(lab)
    assert testpods.log(lab.target, "val", "p") == "one\ntwo"
    assert testpods.log(lab.target, "val", "p", "c") == "one\ntwo"
    lab.fake.faults.add("GET", ".*/log", status=500, message="log rotated away")
    assert "log rotated away" in testpods.log_or_reason(lab.target, "val", "p")


def test_an_endless_log_is_cut(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(testpods, "LOG", 10)
    with Reactor(lab.fake, [("Pod", "p", ends())], {"p": "123456\n" * 20}):
        make(lab)
        wait(lab)
    assert testpods.log(lab.target, "val", "p") == "123456\n123456\n(cut after 10 bytes)"


def test_rights_cover_what_the_helpers_ask() -> None:
    wanted = {
        (verb, resource)
        for right in (*testpods.rights(), *testpods.namespace_rights("x"))
        for verb in right.verbs
        for resource in right.resources
    }
    assert wanted == {
        ("create", "pods"), ("get", "pods"), ("delete", "pods"), ("get", "pods/log"),
        ("list", "events"), ("create", "namespaces"), ("get", "namespaces"), ("delete", "namespaces"),
    }  # fmt: skip
