"""What becomes of a check that passes, fails, raises or crashes; and that nothing it made is left, and nothing else gone."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from aicr_kube.client import Cluster
from emulated_cluster import FakeCluster, Rule

from aicr_core.api import AicrError, Check, CheckResult, Code, Context, failed, passed, skipped
from aicr_core.engine.checks import clean_up, kubectl_delete, run_check
from aicr_core.model.target import RUN_LABEL, Target

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Iterator

CHECK = Check(name="c", phase="p", description="d", call="", remediation="see the manual")


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    """A cluster with the namespace of the run."""
    with FakeCluster() as cluster:
        cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "val"}})
        yield cluster


def _target(fake: FakeCluster, folder: pathlib.Path, token: str = "admin-token") -> Target:
    client = Cluster.open(fake.kubeconfig(folder / "kubeconfig", token), timeout=10.0)
    return Target(Context(), client, recipe={}, snapshot={}, namespace="val", run="r1", pace=0.01)


def _config_map(name: str = "a") -> dict[str, Any]:
    metadata = {"name": name, "namespace": "val"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {}}


def _names(fake: FakeCluster) -> list[str]:
    return [item["metadata"]["name"] for item in fake.all("configmaps", "val")]


def _run(target: Target, call: Callable[[Context, Target], Any]) -> CheckResult:
    return run_check(CHECK, call, target.ctx, target)


# --- verdicts -------------------------------------------------------------------------------------


def test_a_verdict_keeps_its_evidence(fake: FakeCluster, tmp_path: pathlib.Path) -> None:
    """What was seen comes with the verdict, in its order."""

    def call(_ctx: Context, target: Target) -> CheckResult:
        target.evidence("one", "1")
        target.evidence("two", "2", "kubectl get x")
        return passed("fine")

    result = _run(_target(fake, tmp_path), call)
    assert (result.status, result.message, result.remediation) == ("passed", "fine", "")
    assert [seen.label for seen in result.evidence] == ["one", "two"]


def test_an_error_is_a_failure_with_its_code(fake: FakeCluster, tmp_path: pathlib.Path) -> None:
    """Code, reason, place and remedy are those of the error; evidence from before it stays."""

    def call(_ctx: Context, target: Target) -> CheckResult:
        target.evidence("before", "text")
        return target.get("v1", "pods", "missing", "val") and passed()

    result = _run(_target(fake, tmp_path), call)
    assert (result.status, result.code, result.reason) == ("failed", Code.NOT_FOUND, "NotFound")
    assert "/api/v1/namespaces/val/pods/missing" in result.message
    assert result.remediation == "see the manual"
    assert [seen.label for seen in result.evidence] == ["before"]


def test_an_error_without_a_word_of_a_server(fake: FakeCluster, tmp_path: pathlib.Path) -> None:
    """Its code is its reason, and its hint the remedy."""

    def call(_ctx: Context, _target: Target) -> CheckResult:
        raise AicrError(Code.SERVICE_UNAVAILABLE, "busy", where="here", hint="wait")

    result = _run(_target(fake, tmp_path), call)
    assert (result.reason, result.message) == ("ServiceUnavailable", "busy (here)")
    assert result.remediation == "wait"


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), SystemExit(3)])
def test_a_crash_is_no_verdict(
    fake: FakeCluster, tmp_path: pathlib.Path, error: BaseException
) -> None:
    """Any other exception is ``other``, on one line, and does not end the run."""

    def call(_ctx: Context, target: Target) -> CheckResult:
        target.evidence("before", "text")
        raise error

    result = _run(_target(fake, tmp_path), call)
    assert (result.status, result.reason) == ("other", "Crashed")
    assert type(error).__name__ in result.message
    assert [seen.label for seen in result.evidence] == ["before"]


def test_an_interrupt_is_passed_on(fake: FakeCluster, tmp_path: pathlib.Path) -> None:
    """Ctrl-C is for who called."""

    def call(_ctx: Context, _target: Target) -> CheckResult:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _run(_target(fake, tmp_path), call)


def test_an_answer_that_is_no_result(fake: FakeCluster, tmp_path: pathlib.Path) -> None:
    """A check that returns nothing gave no verdict."""
    result = _run(_target(fake, tmp_path), lambda _ctx, _target: None)
    assert (result.status, result.reason) == ("other", "NoResult")
    assert "NoneType" in result.message


def test_the_check_s_remedy_is_only_for_failures(fake: FakeCluster, tmp_path: pathlib.Path) -> None:
    """A failure keeps its own remedy; a skipped check gets none."""
    target = _target(fake, tmp_path)
    own = failed(Code.INTERNAL, "X", "m", remediation="mine")
    assert _run(target, lambda _c, _t: own).remediation == "mine"
    assert (
        _run(target, lambda _c, _t: failed(Code.INTERNAL, "X", "m")).remediation == "see the manual"
    )
    assert _run(target, lambda _c, _t: skipped("X", "m")).remediation == ""


# --- clean-up -------------------------------------------------------------------------------------


def test_the_last_made_is_removed_first(fake: FakeCluster, tmp_path: pathlib.Path) -> None:
    """Also a namespace; what was there before stays."""
    target = _target(fake, tmp_path)
    target.ensure_namespace("val")  # it was there
    target.ensure_namespace("own")
    target.create("configmaps", _config_map("a"))
    target.create("configmaps", _config_map("b"))
    assert clean_up(target) == ()
    assert fake.asked("DELETE") == [
        "DELETE /api/v1/namespaces/val/configmaps/b",
        "DELETE /api/v1/namespaces/val/configmaps/a",
        "DELETE /api/v1/namespaces/own",
    ]
    assert "val" in [item["metadata"]["name"] for item in fake.all("namespaces")]


def test_an_object_of_somebody_else_stays(fake: FakeCluster, tmp_path: pathlib.Path) -> None:
    """One that took the name of ours meanwhile is another object."""
    target = _target(fake, tmp_path)
    target.create("configmaps", _config_map())
    fake.objects.delete(fake.by_plural["configmaps"], "val", "a")
    fake.add(_config_map())
    assert clean_up(target) == ()
    assert _names(fake) == ["a"]


def test_a_lost_answer_of_our_own_object(fake: FakeCluster, tmp_path: pathlib.Path) -> None:
    """The object was made and nobody heard of it: its label tells whose it is."""
    target = _target(fake, tmp_path)
    fake.faults.add("POST", ".*/configmaps", cut="after", times=1)
    with pytest.raises(AicrError):
        target.create("configmaps", _config_map())
    assert _names(fake) == ["a"]
    assert clean_up(target) == ()
    assert _names(fake) == []


def test_a_lost_answer_about_somebody_else_s_object(
    fake: FakeCluster, tmp_path: pathlib.Path
) -> None:
    """The server's refusal got lost; the object under that name is not of this run."""
    other = _config_map()
    other["metadata"]["labels"] = {RUN_LABEL: "r2"}
    fake.add(other)
    target = _target(fake, tmp_path)
    fake.faults.add("POST", ".*/configmaps", cut="before", times=1)
    with pytest.raises(AicrError):
        target.create("configmaps", _config_map())
    assert clean_up(target) == ()
    assert _names(fake) == ["a"]


def test_what_cannot_be_removed_is_told(fake: FakeCluster, tmp_path: pathlib.Path) -> None:
    """A command for each; the others are removed all the same."""
    rules = [
        Rule(("create", "get"), ("",), ("configmaps",)),
        Rule(("delete",), ("",), ("configmaps",), ("b",)),
    ]
    target = _target(fake, tmp_path, fake.user("u", rules))
    for name in ("a", "b"):
        target.create("configmaps", _config_map(name))
    assert clean_up(target) == ("kubectl delete configmaps a -n val",)
    assert _names(fake) == ["a"]


def test_a_passing_trouble_is_tried_again(fake: FakeCluster, tmp_path: pathlib.Path) -> None:
    """One failed deletion is not yet residue."""
    target = _target(fake, tmp_path)
    target.create("configmaps", _config_map())
    fake.faults.add("DELETE", ".*", status=500, times=1)
    assert clean_up(target) == ()
    assert _names(fake) == []


def test_a_check_that_was_given_up_makes_nothing(fake: FakeCluster, tmp_path: pathlib.Path) -> None:
    """Nothing after the clean-up; and what was just being made is removed by who made it."""
    target = _target(fake, tmp_path)
    made = threading.Event()

    def admission(verb: str, _kind: Any, _item: Any) -> None:
        if verb == "create":
            assert clean_up(target) == ()  # comes while the object is being made
            made.set()

    fake.admission.append(admission)
    with pytest.raises(AicrError) as caught:
        target.create("configmaps", _config_map())
    assert made.is_set()
    assert caught.value.code is Code.TIMEOUT
    assert _names(fake) == []
    with pytest.raises(AicrError):
        target.create("configmaps", _config_map("b"))
    assert _names(fake) == []


def test_commands_that_delete() -> None:
    """Groups, namespaces, cluster-wide objects."""
    assert kubectl_delete("/api/v1/namespaces/x") == "kubectl delete namespaces x"
    assert (
        kubectl_delete("/apis/apps/v1/namespaces/n/deployments/d")
        == "kubectl delete deployments.apps d -n n"
    )
    assert (
        kubectl_delete("/apis/node.k8s.io/v1/runtimeclasses/r")
        == "kubectl delete runtimeclasses.node.k8s.io r"
    )
