"""An agent that does not run: given up early, with the cluster's reason and what mends it (spec/snapshot.md 14.6)."""

from __future__ import annotations

import pathlib
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from agent_lab import PACE, Lab, Outcome, document, frames, lab
from aicr_kube.jobs import troubles
from emulated_cluster import Rule

from aicr_core.api import AicrError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def here(tmp_path: pathlib.Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def running(pod: dict[str, Any]) -> bool:
    return bool(pod.get("status", {}).get("phase") == "Running")


def refused(pod: dict[str, Any]) -> bool:
    return bool(pod.get("status", {}).get("conditions"))


SCENARIOS = {
    "unschedulable": (Outcome("Unschedulable", message="0/3 nodes are available: 3 Insufficient cpu."),
                      "Unschedulable", "Insufficient cpu", "--node-selector"),
    "image": (Outcome("ImagePullBackOff", message='Back-off pulling image "reg.example/aicr:v9"'),
              "ImagePullBackOff", "reg.example/aicr:v9", "--image-pull-secret"),
    "config": (Outcome("CreateContainerConfigError", message="container has runAsNonRoot and image will run as root"),
               "CreateContainerConfigError", "runAsNonRoot", "--profile"),
    "memory": (Outcome("OOMKilled"), "OOMKilled", "", "--limits memory"),
    "quota": (Outcome("FailedCreate", message='pods "aicr-x" is forbidden: exceeded quota: team, used: pods=5'),
              "FailedCreate", "exceeded quota", "raise the namespace's quota"),
    "limits": (Outcome("FailedCreate", message="failed quota: team: must specify limits.cpu for: aicr"),
               "FailedCreate", "must specify limits.cpu", "--limits"),
    "security": (Outcome("FailedCreate", message='violates PodSecurity "baseline:latest": hostPath volumes'),
                 "FailedCreate", "hostPath", "--profile plain"),
    "account": (Outcome("FailedCreate", message='error looking up service account default/robot: serviceaccount "robot" not found'),
                "FailedCreate", "robot", "--service-account-name"),
    "exit": (Outcome("fail", ["Traceback", "boom: no such thing"]), "Error", "boom: no such thing", "exit status 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
def test_given_up_within_the_grace_with_reason_and_remedy(here: Lab, name: str) -> None:
    outcome, reason, words, remedy = SCENARIOS[name]
    here.play(lambda pod, node: outcome)
    began = time.monotonic()
    node = here.one(timeout=30)
    assert time.monotonic() - began < PACE.grace + 2
    assert (node.status, node.reason) == ("failed", reason)
    assert words in node.message
    assert remedy in node.message
    assert here.left() == []


def test_the_reference_waits_the_whole_timeout_ours_says_it_at_once(here: Lab) -> None:
    here.play(lambda pod, node: Outcome("Unschedulable", message="0/1 nodes are available: taint."))
    here.one()
    assert any("Unschedulable: 0/1 nodes" in line for line in here.log)


def test_a_pod_that_starts_in_time_is_not_given_up(here: Lab) -> None:
    """Unschedulable first, then there is room: within the grace nothing is lost."""

    def behave(pod: dict[str, Any], node: str) -> Outcome:
        return Outcome("Unschedulable")

    here.play(behave)

    def room(pod: dict[str, Any]) -> None:
        name = pod["metadata"]["name"]
        log = here.cluster.log("default", name, "aicr")
        for line in frames("node-00"):
            log.write(line)
        log.close()
        here.edit("pods", name, {"spec": {"nodeName": "node-00"}, "status": {
            "phase": "Running", "conditions": [{"type": "PodScheduled", "status": "True"}]}})  # fmt: skip
        here.edit("pods", name, {"status": {"phase": "Succeeded"}})

    here.when("pods", refused, room)
    node = here.one(pace=PACE._replace(grace=10))
    assert node.document == document("node-00")


def test_a_cluster_that_adds_a_node_is_waited_for(here: Lab) -> None:
    here.play(lambda pod, node: Outcome("Unschedulable"))

    def scale(pod: dict[str, Any]) -> None:
        name = pod["metadata"]["name"]
        here.add("", "events", {
            "metadata": {"name": "up", "namespace": "default"}, "type": "Normal", "reason": "TriggeredScaleUp",
            "involvedObject": {"kind": "Pod", "name": name}})  # fmt: skip

    here.when("pods", refused, scale)
    node = here.one(pace=PACE._replace(grace=1.0), timeout=2.5)
    assert (node.status, node.reason) == ("timeout", "Unschedulable")
    assert any("adding a node" in line for line in here.log)


def test_an_old_complaint_is_not_held_against_a_pod_that_runs(here: Lab) -> None:
    """Events come late, and a list has all of them: what the pod has shown since counts."""
    gate = threading.Event()
    here.play(lambda pod, node: Outcome("ok", frames(node), done=gate))

    def complain(pod: dict[str, Any]) -> None:
        for reason in ("FailedScheduling", "FailedMount", "FailedCreate"):
            here.add("", "events", {
                "metadata": {"name": reason.lower(), "namespace": "default"}, "type": "Warning", "reason": reason,
                "involvedObject": {"kind": "Pod", "name": pod["metadata"]["name"]}})  # fmt: skip
        threading.Timer(1.0, gate.set).start()

    here.when("pods", running, complain)
    assert here.one(pace=PACE._replace(grace=0.5)).status == "ok"


def test_events_may_be_forbidden(here: Lab) -> None:
    """No pod and no right to read why: said so, and in time."""
    here.user(
        "alice", Rule(("create", "get", "delete"), ("batch",), ("jobs",)),
        Rule(("list", "watch"), ("",), ("pods",)), Rule(("get",), ("",), ("pods/log",)),
    )  # fmt: skip
    here.play(lambda pod, node: Outcome("FailedCreate", message="exceeded quota"))
    node = here.one(user="alice")
    assert (node.status, node.reason) == ("failed", "NoPod")
    assert any("no right to read events" in line for line in here.log)


def test_the_condition_of_the_job_is_shown(here: Lab) -> None:
    here.play(lambda pod, node: Outcome("hang"))

    def end(pod: dict[str, Any]) -> None:
        (job,) = here.names("jobs")
        condition = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "Job was active longer than specified deadline"}  # fmt: skip
        here.edit("jobs", job, {"status": {"conditions": [condition]}})
        here.delete("pods", pod["metadata"]["name"])

    here.when("pods", running, end)
    node = here.one(pace=PACE._replace(grace=10))
    assert (node.status, node.reason) == ("failed", "DeadlineExceeded")
    assert "deadline" in node.message


def test_a_pod_that_somebody_deletes(here: Lab) -> None:
    here.play(lambda pod, node: Outcome("hang"))

    def delete(pod: dict[str, Any]) -> None:
        here.delete("pods", pod["metadata"]["name"])

    here.when("pods", running, delete)
    node = here.one(pace=PACE._replace(grace=10))
    assert (node.status, node.reason) == ("failed", "Deleted")


def test_a_log_that_does_not_end_with_its_pod(here: Lab) -> None:
    """A node that is lost leaves the stream of its log open: the failure is not held up by it."""

    here.play(lambda pod, node: Outcome("hang", ["a line"]))

    def lose(item: dict[str, Any]) -> None:
        status = {"phase": "Failed", "reason": "NodeLost", "message": "Node node-00 is gone"}
        here.edit("pods", item["metadata"]["name"], {"status": status})

    here.when("pods", lambda pod: bool(here.sent("GET", "/log?follow")), lose)
    began = time.monotonic()
    node = here.one(pace=PACE._replace(grace=10))
    assert (node.status, node.reason) == ("failed", "NodeLost")
    assert time.monotonic() - began < 5


# --- the API server goes away ------------------------------------------------------------------------


def test_a_watch_that_is_cut_or_expired_goes_on(here: Lab) -> None:
    """11.5: to the reference a closed watch is a failure."""
    here.play()
    here.cluster.faults.add("GET", ".*/pods", query="watch=", cut=0, times=3)
    here.cluster.faults.add("GET", ".*/pods", query="watch=", status=410, times=2)
    assert here.one(pace=PACE._replace(grace=10)).status == "ok"


def test_a_short_outage_is_ridden_out(here: Lab) -> None:
    here.play()
    here.cluster.faults.add("GET", ".*/pods", query="^(?!.*watch=)", status=503, times=4)
    here.cluster.faults.add("GET", ".*/log", cut="before", times=2)
    here.cluster.faults.add("POST", ".*/jobs", status=500, times=2)
    assert here.one(pace=PACE._replace(grace=10)).status == "ok"
    assert here.left() == []


def test_a_long_outage_is_the_end(here: Lab) -> None:
    here.play(lambda pod, node: Outcome("hang"))
    here.cluster.faults.add("GET", ".*/pods.*", status=503, message="etcd is away")
    with pytest.raises(AicrError) as caught:
        here.run(pace=PACE._replace(grace=10, outage=0.5))
    assert caught.value.exit_status == 6
    assert here.left() == []


def test_events_that_cannot_be_had_are_no_end(here: Lab) -> None:
    here.play()
    here.cluster.faults.add("GET", ".*/events", status=500)
    assert here.one(pace=PACE._replace(outage=0.1, grace=10)).status == "ok"


def test_an_answer_that_nobody_has_thought_of_is_no_hang(here: Lab) -> None:
    """A proxy that gives another form of JSON: the thread that reads it must not die in silence."""
    here.play(lambda pod, node: Outcome("hang"))
    here.cluster.faults.add("GET", ".*/pods", body=b'{"items": [7], "metadata": "x"}')
    with pytest.raises(AicrError):
        here.run(timeout=20)
    assert here.left() == []


def test_an_api_server_that_is_not_there(here: Lab) -> None:
    ctx = here.context()
    config = pathlib.Path(str(ctx.options["kubeconfig"]))
    config.write_text(config.read_text().replace(here.cluster.server.url, "http://127.0.0.1:9"))
    with pytest.raises(AicrError) as caught:
        here.run(ctx=ctx)
    assert caught.value.exit_status == 6
    assert not any("left in the cluster" in line for line in here.log)


def test_a_refused_job_is_an_error_with_a_remedy(here: Lab) -> None:
    """11.5: serviceaccount-forbidden and the like end with 8 and no word about what to do."""
    here.cluster.faults.add(
        "POST", ".*/jobs", status=403, message='violates PodSecurity "baseline"'
    )
    with pytest.raises(AicrError) as caught:
        here.run()
    assert caught.value.exit_status == 4
    assert "--profile plain" in (caught.value.hint or "")
    assert here.left() == []


# --- what a pod says, without a cluster ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "reason", "final"),
    [
        ({"phase": "Pending"}, None, False),
        ({"phase": "Running"}, None, False),
        ({"phase": "Succeeded"}, None, False),
        ({"phase": "Failed"}, "Error", True),
        ({"phase": "Failed", "reason": "Evicted", "message": "low on memory",
          "containerStatuses": [{"state": {"terminated": {"exitCode": 137, "reason": "Error"}}}]}, "Evicted", True),
        ({"phase": "Failed", "reason": "DeadlineExceeded"}, "DeadlineExceeded", True),
        ({"phase": "Unknown"}, "NodeLost", False),
        ({"phase": "Running", "conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"}]},
         "NodeLost", False),
        ({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]},
         "SchedulingGated", False),
        ({"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}]}, None, False),
        ({"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "InvalidImageName"}}}]},
         "InvalidImageName", False),
    ],
)  # fmt: skip
def test_what_a_pod_says(status: dict[str, Any], reason: str | None, final: bool) -> None:
    found = troubles.of_pod({"status": status})
    assert (found.reason if found else None) == reason
    if found:
        assert found.final is final


def test_one_failed_pull_is_no_reason_to_give_up() -> None:
    from aicr_kube.agent.units import Unit

    unit = Unit("n")
    waiting = {"state": {"waiting": {"reason": "ErrImagePull"}}}
    pod = {
        "metadata": {"name": "p"},
        "status": {"phase": "Pending", "containerStatuses": [waiting]},
    }
    assert unit.observe(pod) is None
    assert (found := unit.observe(pod)) is not None
    assert found.reason == "ErrImagePull"


@pytest.mark.parametrize("seen", ["pod", "event", "late event", "itself"])
def test_a_back_off_says_why_the_pull_failed(seen: str) -> None:
    """Older kubelets write only that they wait; and of two states of a pod a list shows the last."""
    from aicr_kube.agent.units import Unit

    unit = Unit("n")

    def waits(reason: str, message: str) -> dict[str, Any]:
        waiting = {"state": {"waiting": {"reason": reason, "message": message}}}
        return {
            "metadata": {"name": "p"},
            "status": {"phase": "Pending", "containerStatuses": [waiting]},
        }

    event = {"type": "Warning", "reason": "Failed", "message": 'Failed to pull image "x": no way'}
    if seen == "pod":
        unit.observe(waits("ErrImagePull", "no way"))
    if seen == "event":
        unit.learn(troubles.pull_failure(event))
    text = "Back-off: ErrImagePull: no way" if seen == "itself" else "Back-off"
    unit.trouble = unit.observe(waits("ImagePullBackOff", text))
    if seen == "late event":
        unit.learn(troubles.pull_failure(event))
    assert unit.trouble is not None
    assert unit.trouble.reason == "ImagePullBackOff"
    assert unit.trouble.text.startswith("Back-off: ")
    assert unit.trouble.text.count("no way") == 1
    assert troubles.pull_failure({"reason": "Failed", "message": "Error: ErrImagePull"}) == ""


def test_events_that_complain_and_those_that_do_not() -> None:
    mount = {"type": "Warning", "reason": "FailedMount", "message": "hostPath type check failed"}
    assert (found := troubles.of_event(mount)) is not None
    assert "--profile plain" in str(found)
    assert troubles.of_event({"type": "Normal", "reason": "Scheduled"}) is None
    assert troubles.of_event({"type": "Warning", "reason": "Unhealthy"}) is None
    scheduling = {"type": "Warning", "reason": "FailedScheduling", "message": "x" * 9000}
    assert (found := troubles.of_event(scheduling)) is not None
    assert found.reason == "Unschedulable"
    assert len(found.text) <= 500
