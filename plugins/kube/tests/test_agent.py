"""One agent on one node: what it gives, what it leaves, what it asks the cluster for (spec/snapshot.md 11, 14.2, 14.3)."""

from __future__ import annotations

import pathlib
import re
import threading
from typing import TYPE_CHECKING, Any

import pytest
from agent_lab import PACE, Lab, Outcome, document, frames, lab, real
from emulated_cluster import Kind, Rule

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN = re.compile(r"\d{8}-\d{6}-[0-9a-f]{8}")


@pytest.fixture
def here(tmp_path: pathlib.Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def test_a_node_is_measured_and_nothing_stays(here: Lab) -> None:
    here.play()
    result = here.run()
    assert RUN.fullmatch(result.run)
    (node,) = result.results
    assert (node.node, node.status, node.document) == ("node-00", "ok", document("node-00"))
    assert result.residue == ()
    assert here.left() == []
    assert "reading the host" in here.log


def test_the_agent_asks_for_no_right_and_gets_no_token(here: Lab) -> None:
    here.play()
    here.run(profile="node")
    assert here.sent(part="rbac.authorization") == []
    assert here.sent("POST", "serviceaccounts") == []
    (job,) = here.created("jobs")
    spec = job["spec"]["template"]["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC", "serviceAccountName"} & set(spec)


def test_the_container_runs_our_own_command_line(here: Lab) -> None:
    """The words in the pod are words that `aicr` knows, and what it prints is what the client reads."""
    here.play(real)
    node = here.one(arguments=("--redact", "none"), pace=PACE._replace(grace=30))
    assert node.status == "ok", node.message
    assert node.document is not None
    assert node.document["metadata"]["source-node"] == "worker"
    assert "OS" in [item["type"] for item in node.document["measurements"]]


def test_every_object_carries_the_run(here: Lab) -> None:
    here.play()
    run = here.run(name="jobx").run
    (job,) = here.created("jobs")
    assert job["metadata"]["name"] == f"jobx-{run}"
    wanted = {
        "app.kubernetes.io/name": "aicr",
        "app.kubernetes.io/managed-by": "aicr",
        "aicr.run/run-id": run,
    }
    assert job["metadata"]["labels"] == wanted
    assert job["spec"]["template"]["metadata"]["labels"] == wanted


def test_a_long_prefix_is_cut_and_never_the_run(here: Lab) -> None:
    here.play()
    run = here.run(name="p" * 63).run
    (job,) = here.created("jobs")
    name = job["metadata"]["name"]
    assert name.endswith(f"-{run}")
    assert len(name) <= 57


def test_only_own_objects_are_deleted_and_by_uid(here: Lab) -> None:
    """11.5: the reference deletes by fixed name, also the objects of another user's run."""
    here.add("batch", "jobs", {"metadata": {"name": "aicr", "namespace": "default"}, "spec": {"suspend": True, "template": {"spec": {"containers": []}}}})  # fmt: skip
    here.play()
    run = here.run().run
    assert here.left() == ["jobs/aicr"]
    deletes = here.sent("DELETE")
    assert deletes
    assert all(run in line for line in deletes)
    bodies = [asked.json for asked in here.cluster.requests if asked.method == "DELETE"]
    assert len(bodies) == len(deletes)
    assert all(body["preconditions"]["uid"] for body in bodies)


def test_two_interleaved_runs_do_not_meet(here: Lab) -> None:
    """14.3: both succeed, each with its own answer, and neither deletes a foreign name."""
    both = threading.Barrier(2, timeout=20)

    def behave(pod: dict[str, Any], node: str) -> Outcome:
        both.wait()
        gpus = 7 if "second" in pod["metadata"]["name"] else 8
        return Outcome("ok", frames(node, gpus))

    here.play(behave)
    results: dict[str, Any] = {}

    def go(name: str) -> None:
        results[name] = here.run(name=name, pace=PACE._replace(grace=20))

    threads = [threading.Thread(target=go, args=(name,)) for name in ("first", "second")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results["first"].results[0].document == document("node-00", 8)
    assert results["second"].results[0].document == document("node-00", 7)
    assert here.left() == []
    for name in ("first", "second"):
        mine = [line for line in here.sent("DELETE") if results[name].run in line]
        assert len(mine) == 1
        assert f"/{name}-" in mine[0]


def test_no_cleanup_names_the_commands(here: Lab) -> None:
    here.play()
    result = here.run(cleanup=False)
    assert here.left()[0] == f"jobs/aicr-{result.run}"
    assert here.sent("DELETE") == []
    config = here.folder / "kubeconfig-admin"
    assert result.residue == (
        f"kubectl --kubeconfig {config} -n default delete jobs.batch aicr-{result.run}",
    )


def test_what_cannot_be_removed_is_named(here: Lab) -> None:
    here.play()
    here.cluster.faults.add("DELETE", ".*", status=403, message="no")
    result = here.run()
    assert result.results[0].status == "ok"
    assert [command.split()[-1] for command in result.residue] == [f"aicr-{result.run}"]


def test_an_answer_that_came_twice_is_one_object(here: Lab) -> None:
    """The POST was done but its answer lost: the object is taken as ours, by the run id, and removed."""
    here.play()
    lost = here.cluster.faults.add("POST", ".*/jobs", cut="after", times=1)
    node = here.one()
    assert node.status == "ok", node.message
    assert lost.seen >= 1
    assert here.left() == []


class Interrupt:
    """A log that is interrupted at a line, as by Ctrl-C."""

    def __init__(self, word: str, lines: list[str]) -> None:
        self.word, self.lines = word, lines

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        if self.word in line:
            raise KeyboardInterrupt


def test_ctrl_c_cleans_up(here: Lab) -> None:
    here.play(lambda pod, node: Outcome("Unschedulable"))
    ctx = here.context()
    ctx._log = Interrupt("Unschedulable", here.log)
    with pytest.raises(KeyboardInterrupt):
        here.run(ctx=ctx)
    assert here.left() == []


def test_a_second_ctrl_c_leaves_at_once_and_says_what_remains(here: Lab) -> None:
    here.play(lambda pod, node: Outcome("Unschedulable"))
    here.cluster.faults.add("DELETE", ".*", status=500, message="busy")
    ctx = here.context()
    first = Interrupt("Unschedulable", here.log)

    def log(line: str) -> None:
        if "cleaning up" in line:
            raise KeyboardInterrupt
        first(line)

    ctx._log = log
    with pytest.raises(KeyboardInterrupt):
        here.run(ctx=ctx)
    assert any("kubectl" in line and "delete jobs.batch aicr-" in line for line in here.log)


def test_cancelled_by_the_core(here: Lab) -> None:
    stopped = threading.Event()
    here.play(lambda pod, node: Outcome("hang"))
    ctx = here.context(cancelled=stopped)
    here.when(
        "pods",
        lambda pod: pod.get("status", {}).get("phase") == "Running",
        lambda pod: stopped.set(),
    )
    with pytest.raises(AicrError, match="cancelled"):
        here.run(ctx=ctx)
    assert here.left() == []


def test_a_timeout_is_one_and_cleans_up(here: Lab) -> None:
    here.play(lambda pod, node: Outcome("hang", ["started"]))
    node = here.one(timeout=0.5)
    assert (node.status, node.reason) == ("timeout", "Timeout")
    assert "0.5 s" in node.message
    assert "--timeout" in node.message
    assert here.left() == []


def test_cleanup_has_time_of_its_own(here: Lab) -> None:
    here.play(lambda pod, node: Outcome("hang"))
    node = here.one(ctx=here.context(timeout=0.6), timeout=0.5)
    assert node.status == "timeout"
    assert here.left() == []


# --- preflight ---------------------------------------------------------------------------------------


def user(here: Lab, *rules: Rule) -> str:
    return here.user("alice", *rules)


SINGLE = (
    Rule(("create", "get", "delete"), ("batch",), ("jobs",), namespace="default"),
    Rule(("list", "watch"), ("",), ("pods",), namespace="default"),
    Rule(("get",), ("",), ("pods/log",), namespace="default"),
)


def test_exactly_these_rights_are_enough(here: Lab) -> None:
    """11.5: the reference asks for the wrong API groups, and for cluster-wide rights."""
    here.play()
    node = here.one(user=user(here, *SINGLE))
    assert node.status == "ok", node.message
    assert here.left() == []


@pytest.mark.parametrize("lacking", range(len(SINGLE)))
def test_each_right_is_needed(here: Lab, lacking: int) -> None:
    here.play()
    rules = [rule for number, rule in enumerate(SINGLE) if number != lacking]
    with pytest.raises(AicrError) as caught:
        here.run(user=user(here, *rules))
    assert caught.value.exit_status == 4
    assert SINGLE[lacking].resources[0] in str(caught.value)
    assert here.sent("POST", "/jobs") == []
    assert here.sent("DELETE") == []


def test_all_that_is_denied_is_listed_at_once_with_a_role(here: Lab) -> None:
    with pytest.raises(AicrError) as caught:
        here.run(user=user(here))
    text = str(caught.value)
    for right in ("create jobs.batch", "delete jobs.batch", "watch pods", "get pods/log"):
        assert right in text
    role = next(line for line in here.log if "kind: Role" in line)
    assert "apiGroups" in role
    assert "batch" in role
    # A refused preflight has made nothing, so it deletes nothing (11.5).
    assert here.sent("DELETE") == []


def test_a_namespace_that_is_there_needs_no_right_to_make_one(here: Lab) -> None:
    here.play()
    here.add("", "namespaces", {"metadata": {"name": "team"}})
    rules = [rule._replace(namespace="team") for rule in SINGLE]
    node = here.one(
        user=user(here, *rules, Rule(("get",), ("",), ("namespaces",))), namespace="team"
    )
    assert node.status == "ok"
    assert here.sent("POST", "/api/v1/namespaces ") == []


def test_a_missing_namespace_is_made_and_stays(here: Lab) -> None:
    here.play()
    assert here.one(namespace="fresh").status == "ok"
    assert "fresh" in here.names("namespaces")
    assert any("fresh" in line and "stays" in line for line in here.log)


def test_a_missing_namespace_without_the_right_says_so(here: Lab) -> None:
    rules = [rule._replace(namespace="fresh") for rule in SINGLE]
    with pytest.raises(AicrError, match="namespace fresh is not there") as caught:
        here.run(user=user(here, *rules, Rule(("get",), ("",), ("namespaces",))), namespace="fresh")
    assert caught.value.exit_status == 4


def test_a_namespace_that_is_going_away(here: Lab) -> None:
    here.add("", "namespaces", {"metadata": {"name": "old"}, "status": {"phase": "Terminating"}})
    with pytest.raises(AicrError, match="being deleted"):
        here.run(namespace="old")


@pytest.mark.parametrize("level", ["restricted", "baseline"])
def test_a_namespace_that_admits_no_agent(here: Lab, level: str) -> None:
    """14.2: the profile ``api`` is chosen, and said so; the document says what it has not, and why."""
    here.add("", "namespaces", {"metadata": {"name": "tight", "labels": {"pod-security.kubernetes.io/enforce": level}}})  # fmt: skip
    here.play()
    node = here.one(namespace="tight")
    assert here.sent("POST", "/jobs") == []
    assert node.status == "ok"
    assert node.document is not None
    assert [entry["status"] for entry in node.document["collection"]] == ["skipped"] * 3
    assert any(
        "profile api" in line and level in line and "--profile plain" in line for line in here.log
    )
    with pytest.raises(AicrError, match=level) as caught:
        here.run(namespace="tight", profile="node")
    assert caught.value.code is Code.UNAUTHORIZED
    with pytest.raises(AicrError, match=level):
        here.run(namespace="tight", all_nodes=True)


def test_the_plain_profile_fits_a_restricted_namespace(here: Lab) -> None:
    here.add("", "namespaces", {"metadata": {"name": "tight", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})  # fmt: skip
    here.play()
    assert here.one(namespace="tight", profile="plain").status == "ok"
    spec = here.created("jobs")[0]["spec"]["template"]["spec"]
    assert [volume for volume in spec["volumes"] if "hostPath" in volume] == []
    assert spec["securityContext"]["runAsNonRoot"] is True


def test_a_runtime_class_that_is_not_there(here: Lab) -> None:
    with pytest.raises(AicrError, match="RuntimeClass") as caught:
        here.run(runtime_class="nvidia")
    assert caught.value.exit_status == 3
    assert here.sent("POST", "/jobs") == []


def test_a_runtime_class_needs_no_privileged_pod(here: Lab) -> None:
    here.add("node.k8s.io", "runtimeclasses", {"metadata": {"name": "nvidia"}, "handler": "nvidia"})
    here.play()
    here.run(runtime_class="nvidia")
    spec = here.created("jobs")[0]["spec"]["template"]["spec"]
    assert spec["runtimeClassName"] == "nvidia"
    assert spec["containers"][0]["securityContext"]["privileged"] is False
    assert {"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"} in spec["containers"][0]["env"]


def test_openshift_names_the_constraint(here: Lab) -> None:
    here.cluster.serve(
        Kind("security.openshift.io", "v1", "securitycontextconstraints", "SecurityContextConstraints",
             namespaced=False, custom=True)
    )  # fmt: skip
    here.play()
    here.run(profile="node")
    assert any("oc adm policy add-scc-to-user hostmount-anyuid" in line for line in here.log)


# --- where ---------------------------------------------------------------------------------------------


def test_without_a_word_about_where_a_gpu_node_is_measured(here: Lab) -> None:
    """#1179, #1199: the reference lands on any node and reports no GPU."""
    here.node("zz-gpu", {"nvidia.com/gpu.present": "true"})
    here.play()
    assert here.one().node == "zz-gpu"
    assert any("GPU node" in line for line in here.log)


@pytest.mark.parametrize("fields", [{"node_selector": {"pool": "a"}}, {"require_gpu": True}])
def test_a_word_about_where_is_kept(here: Lab, fields: dict[str, Any]) -> None:
    here.node("zz-gpu", {"nvidia.com/gpu.present": "true"})
    here.node("zz-pool", {"pool": "a"})
    here.play()
    here.run(**fields)
    spec = here.created("jobs")[0]["spec"]["template"]["spec"]
    assert spec.get("nodeSelector", {}) == fields.get("node_selector", {})


def test_nodes_that_may_not_be_listed_are_no_obstacle(here: Lab) -> None:
    here.play()
    here.run(user=user(here, *SINGLE))
    assert any("GPU nodes" in line for line in here.log)


def test_bad_names_are_refused_before_anything(here: Lab) -> None:
    for fields in ({"name": "Aicr"}, {"namespace": "a/b"}, {"service_account": "-x"}):
        with pytest.raises(AicrError) as caught:
            here.run(**fields)  # type: ignore[arg-type]
        assert caught.value.code is Code.INVALID_REQUEST
    assert here.cluster.requests == []


def test_a_dry_run_makes_nothing(here: Lab) -> None:
    result = here.run(dry_run=True, namespace="fresh")
    assert [item["kind"] for item in result.manifests] == ["Namespace", "Job"]
    assert here.sent("POST") == []


# --- the log ---------------------------------------------------------------------------------------------


def test_a_cut_log_is_read_again(here: Lab) -> None:
    here.play()
    here.cluster.faults.add("GET", ".*/log", cut=1, times=1)
    assert here.one().document == document("node-00")
    assert len(here.sent("GET", "/log")) >= 2


def test_a_lost_log_costs_one_more_pod(here: Lab) -> None:
    """Rotated: the first frame never comes back. One more pod, and only one."""

    def behave(pod: dict[str, Any], node: str) -> Outcome:
        first = not pod["metadata"]["labels"]["batch.kubernetes.io/job-name"].endswith("-2")
        return Outcome("ok", frames(node)[1:] if first else frames(node))

    here.play(behave)
    node = here.one()
    assert node.document == document("node-00")
    assert len(here.created("jobs")) == 2
    assert here.left() == []


def test_a_log_that_stays_lost_is_a_failure(here: Lab) -> None:
    here.play(lambda pod, node: Outcome("ok", ["half a word", *frames(node)[:-1]]))
    node = here.one()
    assert (node.status, node.reason) == ("failed", "LogLost")
    assert len(here.created("jobs")) == 2


@pytest.mark.parametrize("lines", [["usage: aicr"], []])
def test_an_image_that_is_no_agent(here: Lab, lines: list[str]) -> None:
    here.play(lambda pod, node: Outcome("ok", lines))
    node = here.one()
    assert (node.status, node.reason) == ("failed", "NoSnapshot")
    assert "--image" in node.message
    assert "".join(lines) in node.message


def test_controls_in_a_log_do_not_reach_the_terminal(here: Lab) -> None:
    here.play(lambda pod, node: Outcome("ok", ["\x1b[2Jboo\x07", *frames(node)]))
    here.one()
    assert not any("\x1b" in line or "\x07" in line for line in here.log)
    assert any("boo" in line for line in here.log)


def test_the_environment_of_a_pod_is_not_needed_to_know_its_node(here: Lab) -> None:
    """A document without a node name: the pod's own node is what counts."""
    here.play(lambda pod, node: Outcome("ok", frames("")))
    assert here.one().node == "node-00"
