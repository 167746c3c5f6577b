"""One check as a process: documents from the environment, verdict by exit status, termination log, evidence."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from emulated_cluster import FakeCluster

from aicr_core.app import check_process
from aicr_core.cli.root import run
from aicr_core.kit.errors import Code
from aicr_core.model.resultline import MARK, read_result_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_core.model.check import CheckResult

RECIPE = """\
kind: RecipeResult
apiVersion: aicr.nvidia.com/v1alpha1
metadata: {version: dev}
criteria: {service: eks, accelerator: h100, intent: training, os: ubuntu}
componentRefs: []
"""
SNAPSHOT = "kind: Snapshot\napiVersion: aicr.nvidia.com/v1alpha1\nmeasurements: []\n"


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster() as found:
        yield found


@pytest.fixture
def place(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, cluster: FakeCluster
) -> pathlib.Path:
    """A folder with the documents, and the environment of a container that has them."""
    for name, text in (("recipe.yaml", RECIPE), ("snapshot.yaml", SNAPSHOT)):
        (tmp_path / name).write_text(text)
        monkeypatch.setenv(f"AICR_{name.partition('.')[0].upper()}_PATH", str(tmp_path / name))
    monkeypatch.setenv("AICR_TERMINATION_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("AICR_RUN_ID", "r1")
    monkeypatch.setenv("KUBECONFIG", cluster.kubeconfig(tmp_path / "kubeconfig"))
    return tmp_path


def _pod(phase: str) -> dict[str, Any]:
    metadata = {"name": "p", "namespace": "gpu-operator", "labels": {"app": "gpu-operator"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": []},
            "status": {"phase": phase}}  # fmt: skip


def _said(place: pathlib.Path) -> str:
    return (place / "log").read_text("utf-8")


def test_a_check_that_passes(
    place: pathlib.Path, cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.add(_pod("Running"))
    assert run(["check", "operator-health"]) == 0
    out, _ = capsys.readouterr()
    assert out.startswith("--- GPU operator pods ---\nEquivalent: kubectl get pods -n gpu-operator")
    assert "p: Running" in out


def test_a_check_that_fails_says_why_in_the_termination_log(
    place: pathlib.Path, cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", "operator-health"]) == 1
    assert _said(place).startswith("[NOT_FOUND] no gpu-operator pods")
    out, err = capsys.readouterr()
    assert "--- GPU operator pods ---" in out
    assert "[NOT_FOUND]" in err
    assert "[NOT_FOUND]" not in out


def test_a_skip_says_why_too(place: pathlib.Path) -> None:
    assert run(["check", "expected-resources"]) == 2
    assert _said(place)


def _line(name: str, out: str) -> CheckResult:
    """Give what the last line of standard output carries."""
    found = read_result_line(out.splitlines()[-1], run="r1", check=name)
    assert found is not None, out
    return found


def test_the_last_line_carries_the_verdict_to_the_run_that_waits_for_it(
    place: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AICR_VALIDATOR_NAME", "mine")
    assert run(["check", "operator-health"]) == 1
    found = _line("mine", capsys.readouterr().out)
    assert (found.status, found.code, found.reason) == ("failed", Code.NOT_FOUND, "NoOperatorPods")
    assert _said(place) == f"[NOT_FOUND] {found.message}"
    assert found.expected
    assert found.remediation
    assert [one.label for one in found.evidence] == ["GPU operator pods"]


def test_a_check_that_cannot_start_has_the_line_too(
    place: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AICR_VALIDATOR_NAME", "operator-helth")
    assert run(["check", "operator-helth"]) == 1
    found = _line("operator-helth", capsys.readouterr().out)
    assert (found.status, found.code, found.reason) == ("failed", Code.NOT_FOUND, "NotFound")
    assert "operator-health" in found.remediation


@pytest.mark.parametrize("absent", ["AICR_RUN_ID", "AICR_VALIDATOR_NAME"])
def test_a_person_does_not_see_the_line(
    place: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    absent: str,
) -> None:
    monkeypatch.setenv("AICR_VALIDATOR_NAME", "operator-health")
    monkeypatch.delenv(absent)
    assert run(["check", "operator-health"]) == 1
    out, err = capsys.readouterr()
    assert MARK not in out + err
    assert "--- GPU operator pods ---" in out


def test_options_for_people_win(
    place: pathlib.Path, monkeypatch: pytest.MonkeyPatch, cluster: FakeCluster
) -> None:
    cluster.add(_pod("Running"))
    given = [str(place / name) for name in ("recipe.yaml", "snapshot.yaml", "kubeconfig")]
    for name in ("AICR_RECIPE_PATH", "AICR_SNAPSHOT_PATH", "KUBECONFIG"):
        monkeypatch.setenv(name, str(place / "nowhere"))
    words = ["--recipe", given[0], "--snapshot", given[1], "--kubeconfig", given[2]]
    assert run(["check", "operator-health", *words, "--namespace", "mine"]) == 0


def test_without_a_recipe_the_check_still_runs(
    place: pathlib.Path, monkeypatch: pytest.MonkeyPatch, cluster: FakeCluster
) -> None:
    monkeypatch.setenv("AICR_RECIPE_PATH", str(place / "absent.yaml"))
    cluster.add(_pod("Running"))
    assert run(["check", "operator-health"]) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "[INVALID_REQUEST] no check is named"),
        (["operator-helth"], '[NOT_FOUND] no check "operator-helth"'),
        (["operator-health", "--snapshot", "/nowhere/s.yaml"], "[NOT_FOUND]"),
        (["operator-health", "--recipe", "/nowhere/r.yaml"], "[NOT_FOUND]"),
        (["operator-health", "--kubeconfig", "/nowhere/k"], "[NOT_FOUND]"),
    ],
)
def test_what_cannot_start_fails_with_a_reason(
    place: pathlib.Path, words: list[str], said: str
) -> None:
    assert run(["check", *words]) == 1
    assert _said(place).startswith(said)


def test_a_time_that_is_none_is_refused(
    place: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AICR_CHECK_TIMEOUT", "soon")
    assert run(["check", "operator-health"]) == 1
    assert "AICR_CHECK_TIMEOUT" in _said(place)


def test_inputs_beside_the_recipe_count(place: pathlib.Path, cluster: FakeCluster) -> None:
    """The constraint that the run hands over is evaluated: the recipe has none."""
    cluster.add({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "gpu-operator", "namespace": "gpu-operator",
                     "labels": {"app.kubernetes.io/version": "v24.6.0"}},
        "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "r/gpu-operator:v24.6.0"}]}}},
    })  # fmt: skip
    text = "constraints:\n  deployment:\n    Deployment.gpu-operator.version: '>= v99.1'\n"
    (place / "inputs.yaml").write_text(text)
    assert run(["check", "gpu-operator-version"]) == 1
    assert "v99.1" in _said(place)


def test_inputs_that_are_none_are_refused(place: pathlib.Path) -> None:
    (place / "inputs.yaml").write_text("- 1\n")
    assert run(["check", "operator-health"]) == 1
    assert "inputs.yaml" in _said(place)


def test_the_termination_log_is_cut_between_characters() -> None:
    assert check_process.cut("ab") == b"ab"
    found = check_process.cut("x" + "é" * 4000)
    assert len(found) == 4095
    assert found.decode("utf-8").endswith("é")


def test_outside_of_a_container_no_log_is_made(
    place: pathlib.Path, monkeypatch: pytest.MonkeyPatch, cluster: FakeCluster
) -> None:
    monkeypatch.delenv("AICR_TERMINATION_LOG")
    monkeypatch.setattr(check_process, "TERMINATION_LOG", str(place / "none"))
    cluster.add(_pod("Running"))
    assert run(["check", "operator-health"]) == 0
    assert not (place / "none").exists()


def test_a_stopped_check_ends_in_order(place: pathlib.Path, cluster: FakeCluster) -> None:
    """SIGTERM is what a cluster sends first: nothing is left, and the termination log says what happened."""
    cluster.faults.add("GET", ".*/pods", delay=30.0)
    process = subprocess.Popen(
        [sys.executable, "-m", "aicr_core", "check", "operator-health"],
        env={**os.environ}, stderr=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    end = time.monotonic() + 30
    while not any("/pods" in line for line in cluster.asked("GET")) and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 143, err
    assert _said(place).startswith("[TIMEOUT]")


def test_without_a_snapshot_it_says_how_to_give_one(
    place: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AICR_SNAPSHOT_PATH")
    assert run(["check", "operator-health"]) == 1
    assert "--snapshot or AICR_SNAPSHOT_PATH" in _said(place)
