"""The whole of ``aicr validate`` with a shipped recipe, against any cluster: a real one where one is named.

``AICR_TEST_KUBECONFIG`` names a cluster; without it an emulated one, with RBAC and strict validation, takes its place.
"""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
from emulated_cluster.fixtures import cluster_under_test, fake_cluster, fake_kubeconfig

from aicr_core.cli.root import run

__all__ = ["cluster_under_test", "fake_cluster", "fake_kubeconfig"]
CRITERIA = (
    "--service",
    "eks",
    "--accelerator",
    "h100",
    "--os",
    "ubuntu",
    "--intent",
    "training",
    "--platform",
    "kubeflow",
)
SNAPSHOT = """\
kind: Snapshot
measurements:
- type: K8s
  subtypes: [{subtype: server, data: {version: v1.34.1}}]
- type: OS
  subtypes:
  - {subtype: release, data: {ID: ubuntu, VERSION_ID: "24.04"}}
  - {subtype: sysctl, data: {/proc/sys/kernel/osrelease: 6.8.0-1024-aws}}
"""


@pytest.fixture
def place(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A directory with the recipe and a snapshot that meets it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AICR_WAIT_FACTOR", "0.001")
    assert run(["recipe", *CRITERIA, "-o", "recipe.yaml"]) == 0
    (tmp_path / "snapshot.yaml").write_text(SNAPSHOT)
    return tmp_path


def validate(kubeconfig: str, *arguments: str) -> int:
    return run(
        ["validate", "-r", "recipe.yaml", "-s", "snapshot.yaml", "-k", kubeconfig, *arguments]
    )


def test_every_check_that_only_reads_has_a_verdict(
    place: pathlib.Path, cluster_under_test: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the cluster is like: passed, failed or skipped with a reason; never without a verdict."""
    words = [
        "--read-only",
        "--keep-going",
        "-t",
        "ctrf",
        "--report",
        "junit=junit.xml",
        "--report",
        "json=all.json",
    ]
    status = validate(cluster_under_test, *words)
    tests = json.loads(capsys.readouterr().out)["results"]["tests"]
    assert status in (0, 8)
    assert len(tests) == 15  # a recipe for training asks for all but the inference gateway
    assert {test["status"] for test in tests} <= {"passed", "failed", "skipped"}
    assert all(test.get("message") for test in tests if test["status"] != "passed")
    assert all(test["extra"]["reason"] for test in tests if test["status"] != "passed")
    everything = json.loads((place / "all.json").read_text())
    assert everything["kind"] == "ValidationReport"


def test_nothing_is_written_by_checks_that_only_read(
    place: pathlib.Path, fake_cluster: Any, fake_kubeconfig: str
) -> None:
    validate(fake_kubeconfig, "--read-only", "--keep-going")
    assert {asked.method for asked in fake_cluster.requests} == {"GET"}


def test_all_checks_of_an_empty_cluster_leave_it_as_it_was(
    place: pathlib.Path, fake_cluster: Any, fake_kubeconfig: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {item["metadata"]["name"] for item in fake_cluster.all("namespaces")}
    status = validate(fake_kubeconfig, "--keep-going", "-t", "ctrf")
    tests = json.loads(capsys.readouterr().out)["results"]["tests"]
    assert status == 8
    assert {test["status"] for test in tests} <= {"failed", "skipped"}
    assert {item["metadata"]["name"] for item in fake_cluster.all("namespaces")} == before


@pytest.mark.parametrize("phase", ["deployment", "performance", "conformance"])
def test_the_printed_rights_are_enough_for_a_phase(
    place: pathlib.Path,
    fake_cluster: Any,
    fake_kubeconfig: str,
    phase: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Who has just what ``--print-rbac`` prints misses nothing, and never is an administrator."""
    from emulated_cluster.rbac import rules_of

    from aicr_core.kit.yamlio import load_all

    assert run(["validate", "-r", "recipe.yaml", "--phase", phase, "--print-rbac"]) == 0
    text = capsys.readouterr().out
    assert "cluster-admin" not in text
    objects = load_all(text, "stdout")
    rules = [
        rule
        for item in objects
        if item["kind"] in ("Role", "ClusterRole")
        for rule in rules_of(item, item["metadata"].get("namespace", ""))
    ]
    assert all("*" not in (*rule.verbs, *rule.resources) for rule in rules)
    token = fake_cluster.user("validator", rules)
    mine = fake_cluster.kubeconfig(place / "mine", token)
    validate(mine, "--phase", phase, "-t", "ctrf")
    tests = json.loads(capsys.readouterr().out)["results"]["tests"]
    refused = [test for test in tests if "forbidden" in test.get("message", "").lower()]
    assert not refused
    assert not [test for test in tests if test.get("extra", {}).get("reason") == "MissingRights"]


def test_a_submission_without_a_recipe(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    fake_cluster: Any,
    fake_kubeconfig: str,
) -> None:
    """All features of an empty cluster: a relative directory, a page for each requirement, and a verdict that counts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AICR_WAIT_FACTOR", "0.001")
    words = ["validate", "--cncf-submission", "--evidence-dir", "proof/v1", "-k", fake_kubeconfig]
    assert run([*words, "-o", "report.json"]) == 8
    written = sorted(path.name for path in (tmp_path / "proof/v1").rglob("*") if path.is_file())
    assert {"PRODUCT.yaml", "README.md", "dra-support.md", "gang-scheduling.md"} <= set(written)
    assert "kubernetesVersion: v1.33" in (tmp_path / "proof/v1/PRODUCT.yaml").read_text()
    tests = json.loads((tmp_path / "report.json").read_text())["results"]["tests"]
    assert len(tests) == 9
    assert run([*words, "--feature", "dar"]) == 2
    assert (
        run([*words, "--feature", "dra", "-t", "markdown"]) == 0
    )  # it does not apply, and says so


def test_without_a_snapshot_an_agent_takes_one(
    place: pathlib.Path, fake_cluster: Any, fake_kubeconfig: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The agent's pod runs in the namespace of the run, and is gone afterwards."""
    from agent_lab import frames
    from emulated_cluster import Controllers, node

    fake_cluster.add(node("gpu-1", labels={"nvidia.com/gpu.present": "true"}))

    def produce(_pod: Any, _container: Any) -> Any:
        yield from frames("gpu-1")

    (place / "recipe.yaml").write_text(
        "kind: RecipeResult\nconstraints: [{name: GPU.smi.gpu-count, value: '8'}]\n"
    )
    with Controllers(fake_cluster, produce):
        words = [
            "-k",
            fake_kubeconfig,
            "-t",
            "json",
            "--image",
            "r.example/aicr:1",
            "--timeout",
            "20s",
        ]
        status = run(["validate", "-r", "recipe.yaml", *words])
    out, err = capsys.readouterr()
    assert status == 0, err
    gate = json.loads(out)["phases"][0]
    assert gate["items"][0]["status"] == "passed"
    assert not fake_cluster.all("jobs")
    assert not fake_cluster.all("pods", "aicr-validation")
