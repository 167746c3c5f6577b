"""nccl-all-reduce-bw: thresholds, the table of a log, profiles, the verdicts that no recording has."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Any

import pytest
from aicr_validators.nccl import check as nccl
from aicr_validators.nccl import profiles, runtime, table, threshold
from check_support import Lab, crd, open_client
from emulated_cluster import ACCELERATED, node

from aicr_core.api import AicrError, Code, Context
from aicr_core.engine import render
from aicr_core.kit import yamlio

if TYPE_CHECKING:
    from emulated_cluster import FakeCluster

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = sorted(ROOT.glob("*/src/*/data/validators/profiles/*.yaml"))
EKS = {"criteria": {"service": "eks", "accelerator": "h100"}}
ROW = "  8192  2048  float  sum  -1  31.2  0.26  {}  0  31.2  0.26  9.99  0"


def shipped() -> list[dict[str, Any]]:
    return [{**yamlio.load(path.read_bytes(), path.name), "file": path.name} for path in FILES]


@pytest.mark.parametrize(
    ("text", "measured", "met"),
    [
        (">= 300", 271, True), (">= 300", 270, True), (">= 300", 269.9, False), ("> 300", 270, False),
        ("<= 100", 110, True), ("<= 100", 110.1, False), ("< 100", 110, False), (">= 300 GB/s", 271, True),
        (">=0.3TB/s", 271, True), (">= 300000 MB/s", 269, False),
    ],
)  # fmt: skip
def test_the_operator_and_its_tolerance(text: str, measured: float, met: bool) -> None:
    assert threshold.parse("c", text).met(measured) is met


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("300", Code.INVALID_REQUEST), ("== 300", Code.INVALID_REQUEST), ("!= 300", Code.INVALID_REQUEST),
        (">= fast", Code.INTERNAL), (">= 300 Gb/s", Code.INTERNAL), (">= -1", Code.INTERNAL),
        (">= nan", Code.INTERNAL), (">= 1e999", Code.INTERNAL), ("", Code.INTERNAL),
    ],
)  # fmt: skip
def test_thresholds_that_are_none(text: str, code: Code) -> None:
    with pytest.raises(AicrError) as caught:
        threshold.parse("nccl-all-reduce-bw", text)
    assert caught.value.code is code
    assert "nccl-all-reduce-bw" in caught.value.message


def test_the_last_row_counts_and_an_endless_log_is_cut() -> None:
    found = table.read([ROW.format("1.5"), "\x00\xff" * 5000, ROW.format("2.5"), "# Avg 7"])
    assert (found.size, found.bandwidth, found.cut) == (8192, 2.5, False)
    assert table.read([]).size == 0

    def endless() -> Any:
        while True:
            yield "x" * 1000

    assert table.read(endless(), limit=100_000).cut


def test_shipped_profiles_are_right() -> None:
    assert profiles.known(profiles.decode(shipped())) == ["h100/eks", "h100/gke"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "X"}, "kind"), ({"servces": []}, "servces"), ({"services": "eks"}, "services"),
        ({"unit": "MB/s"}, "unit"), ({"minNodes": -1}, "minNodes"), ({"runtime": ""}, "runtime"),
        ({"metadata": None}, "metadata.name"), ({"readings": {}}, "readings"),
        ({"readings": [{"name": "a b", "nodeLabel": "x"}]}, "readings[0].name"),
        ({"readings": [{"name": "gpus", "nodeLabel": "x"}]}, "readings[0].name"),
        ({"readings": [{"name": "a"}]}, "readings[0]"),
        ({"readings": [{"name": "a", "objects": {"resource": "r"}}]}, "readings[0].objects.apiVersion"),
    ],
)  # fmt: skip
def test_a_wrong_profile_is_refused_by_file_and_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(AicrError) as caught:
        profiles.decode([{**shipped()[0], **change}])
    assert caught.value.code is Code.INVALID_REQUEST
    assert f"{FILES[0].name}: {field} " in caught.value.message
    assert caught.value.hint


def run(
    fake: FakeCluster, folder: pathlib.Path, *, trainer: bool = True, nodes: int = 2, **target: Any
) -> Any:
    served = {kind.key for kind in fake.served()}
    fake.serve(*(kind for kind in ACCELERATED if kind.key not in served))
    for number in range(nodes):
        labels = {"node.kubernetes.io/instance-type": "p5"}
        fake.add(node(f"n{number}", gpus=8, labels=labels))
    if trainer:
        fake.add(crd(nccl.CRD))
    target = {
        "recipe": EKS,
        "constraints": {nccl.CONSTRAINT: ">= 300"},
        "profiles": shipped(),
        **target,
    }
    with open_client(fake, folder) as client:
        lab = Lab(fake, client, **target)
        ctx = Context(timeout=20.0, render=render.template, cancelled=lab.stop)
        result = nccl.check(ctx, lab.target)
        made = lab.all("trainingruntimes")
        lab.clean()
        assert not lab.all("trainingruntimes")
        assert not lab.all("trainjobs")
    return result, made


def test_one_node_is_too_few(fake_cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    result, _ = run(fake_cluster, tmp_path, nodes=1)
    assert (result.status, result.reason) == ("skipped", "TooFewGPUNodes")


@pytest.mark.parametrize(
    ("components", "status"), [([], "skipped"), ([{"name": "kubeflow-trainer"}], "failed")]
)
def test_a_cluster_without_the_trainer(
    fake_cluster: FakeCluster, tmp_path: pathlib.Path, components: list[Any], status: str
) -> None:
    recipe = {**EKS, "componentRefs": components}
    result, _ = run(fake_cluster, tmp_path, trainer=False, recipe=recipe)
    assert (result.status, result.reason) == (status, "TrainerNotInstalled")
    assert "kubeflow-trainer" in result.remediation


def test_a_profile_is_borrowed(fake_cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    wanted = {nccl.CONSTRAINT: ">= 1", nccl.BORROW: "h100/eks"}
    result, made = run(fake_cluster, tmp_path, recipe={}, constraints=wanted)
    assert result.reason == "NoLauncher"
    assert made[0]["metadata"]["name"] == runtime.RUNTIME


def test_an_unknown_profile_names_the_known(
    fake_cluster: FakeCluster, tmp_path: pathlib.Path
) -> None:
    wanted = {nccl.CONSTRAINT: ">= 1", nccl.BORROW: "h100/ekss"}
    result, _ = run(fake_cluster, tmp_path, constraints=wanted)
    assert result.reason == "UnknownBenchmarkProfile"
    assert "h100/eks, h100/gke" in result.message
    assert "Did you mean h100/eks?" in result.remediation


def test_what_the_user_wants_on_pods_is_on_the_workers(
    fake_cluster: FakeCluster, tmp_path: pathlib.Path
) -> None:
    result, made = run(
        fake_cluster, tmp_path, nodes=3, node_selector={"node.kubernetes.io/instance-type": "p5"},
        tolerations=[{"key": "x"}], image_pull_secrets=["s"], recipe=EKS,
    )  # fmt: skip
    assert result.reason == "NoLauncher"
    jobs = made[0]["spec"]["template"]["spec"]["replicatedJobs"]
    launcher, worker = (job["template"]["spec"]["template"]["spec"] for job in jobs)
    assert launcher["tolerations"] == worker["tolerations"] == [{"key": "x"}]
    assert launcher["imagePullSecrets"] == worker["imagePullSecrets"] == [{"name": "s"}]
    assert "nodeSelector" not in launcher
    assert worker["nodeSelector"]["node.kubernetes.io/instance-type"] == "p5"


def test_a_runtime_that_is_none(fake_cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    broken = {**shipped()[0], "runtime": "kind: Pod"}
    with pytest.raises(AicrError, match="TrainingRuntime"):
        run(fake_cluster, tmp_path, profiles=[broken])
    missing = {**shipped()[0], "runtime": "{{ nothing }}"}
    with pytest.raises(AicrError, match=FILES[0].name):
        run(fake_cluster, tmp_path, nodes=0, profiles=[missing], trainer=False)
