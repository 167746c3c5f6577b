"""The whole way: `aicr snapshot` starts agents in a cluster, they run `aicr` themselves, one document comes out."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from agent_lab import Lab, Outcome, frames, lab, real

from aicr_core.kit import yamlio

if TYPE_CHECKING:
    from collections.abc import Iterator

AICR = str(pathlib.Path(sys.executable).parent / "aicr")


@pytest.fixture
def here(tmp_path: pathlib.Path) -> Iterator[Lab]:
    with lab(tmp_path, 3) as made:
        yield made


def aicr(here: Lab, *words: str) -> subprocess.CompletedProcess[str]:
    config = here.cluster.kubeconfig(here.folder / "config")
    return subprocess.run(
        [AICR, *words, "-k", config], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )  # fmt: skip


def test_one_node(here: Lab) -> None:
    here.play(real)
    done = aicr(here, "snapshot", "--redact", "none")
    assert done.returncode == 0, done.stderr
    document: Any = yamlio.load(done.stdout, "stdout")
    assert document["kind"] == "Snapshot"
    assert document["metadata"]["source-node"] == "node-00"
    types = [item["type"] for item in document["measurements"]]
    assert types[0] == "K8s"
    assert {"OS", "NodeTopology"} <= set(types)
    assert here.left() == []


def test_every_node(here: Lab) -> None:
    def behave(pod: dict[str, Any], node: str) -> Outcome:
        return Outcome("ok", frames(node, 7 if node == "node-01" else 8))

    here.play(behave)
    done = aicr(here, "snapshot", "--all-nodes", "--redact", "none")
    assert done.returncode == 0, done.stderr
    fleet: Any = yamlio.load(done.stdout, "stdout")["fleet"]
    assert fleet["nodes"] == {"desired": 3, "collected": 3, "failed": 0}
    assert [group["nodes"] for group in fleet["groups"]] == [["node-00", "node-02"], ["node-01"]]
    (differs,) = fleet["groups"][1]["differs"]
    assert (differs["path"], str(differs["base"]), str(differs["value"])) == (
        "GPU.smi.gpu-count",
        "8",
        "7",
    )
    assert here.left() == []


@pytest.mark.parametrize(
    ("outcome", "words", "status"),
    [
        (Outcome("hang"), ("--timeout", "1s"), 5),
        (Outcome("fail", ["boom"]), (), 8),
    ],
)
def test_how_it_ends(here: Lab, outcome: Outcome, words: tuple[str, ...], status: int) -> None:
    here.play(lambda pod, node: outcome)
    done = aicr(here, "snapshot", *words)
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert here.left() == []


def test_ctrl_c(here: Lab) -> None:
    here.play(lambda pod, node: Outcome("hang"))
    config = here.cluster.kubeconfig(here.folder / "config")
    process = subprocess.Popen([AICR, "snapshot", "-k", config], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)  # fmt: skip
    with here.cluster.objects.changed:
        for _ in range(300):
            if here.cluster.logs:
                break
            here.cluster.objects.changed.wait(0.1)
    os.kill(process.pid, signal.SIGINT)
    _, text = process.communicate(timeout=30)
    assert process.returncode == 9, text
    assert here.left() == [], text


def test_the_dry_run_is_what_kubectl_takes(here: Lab) -> None:
    done = aicr(here, "snapshot", "--dry-run")
    assert done.returncode == 0, done.stderr
    job: Any = yamlio.load(done.stdout, "stdout")
    assert job["kind"] == "Job"
    assert here.left() == []


def test_the_command_is_shown_without_importing_the_plugin() -> None:
    done = subprocess.run([AICR, "--help"], capture_output=True, text=True, check=True)
    assert "Care for the snapshot agents of a cluster" in done.stdout
