"""The whole way of ``--runner job``: the pod's container is the real ``aicr check``, with the rights of its account."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from emulated_cluster import Controllers, Exit, FakeCluster, Fate, node, write_kubeconfig
from golden_run import run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Item = dict[str, Any]

KINDS = ("jobs", "pods", "configmaps", "serviceaccounts", "clusterroles", "clusterrolebindings", "roles",
         "rolebindings")  # fmt: skip
RECIPE = """\
kind: RecipeResult
apiVersion: aicr.nvidia.com/v1alpha1
metadata: {version: dev}
criteria: {service: eks, accelerator: h100, intent: training, os: ubuntu}
componentRefs: []
validation:
  deployment:
    checks: [operator-health, gpu-operator-version, expected-resources]
    constraints:
    - {name: Deployment.gpu-operator.version, value: ">= v24.6.0"}
"""
SNAPSHOT = "kind: Snapshot\napiVersion: aicr.nvidia.com/v1alpha1\nmeasurements: []\n"


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster() as found:
        found.add(node("n1"))
        yield found


class Container:
    """Runs the container of a check: mounts, environment and account are those of the pod."""

    def __init__(self, cluster: FakeCluster, folder: pathlib.Path) -> None:
        self._cluster, self._folder = cluster, folder

    def __call__(self, pod: Item, container: Item) -> Iterable[str]:
        metadata, spec = pod["metadata"], pod["spec"]
        place = self._folder / metadata["name"]
        for volume in spec["volumes"]:
            if "configMap" in volume:
                held = self._cluster.get(
                    "configmaps", metadata["namespace"], volume["configMap"]["name"]
                )
                (place / volume["name"]).mkdir(parents=True)
                for key, text in held["data"].items():
                    (place / volume["name"] / key).write_text(text)
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(place),
            "AICR_TERMINATION_LOG": str(place / "end"),
        }
        for entry in container["env"]:
            value = entry.get("value", metadata["namespace"])
            env[entry["name"]] = value.replace("/data/", f"{place}/")
        token = self._cluster.service_account(metadata["namespace"], spec["serviceAccountName"])
        env["KUBECONFIG"] = write_kubeconfig(place / "kubeconfig", self._cluster.server.url, token)
        words = [sys.executable, "-m", "aicr_core", "check", *container["args"]]
        ended = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60)
        yield from (ended.stdout + ended.stderr).splitlines()
        end = place / "end"
        raise Exit(ended.returncode, end.read_text("utf-8") if end.exists() else "")


def _validate(
    cluster: FakeCluster, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, *more: str
) -> tuple[int, dict[str, Item], str]:
    from aicr_core.app.environment import Environment
    from aicr_core.model.settings import Settings

    monkeypatch.chdir(folder)
    (folder / "recipe.yaml").write_text(RECIPE)
    (folder / "snapshot.yaml").write_text(SNAPSHOT)
    kubeconfig = cluster.kubeconfig(folder / "kubeconfig")
    words = [
        "validate",
        "-r",
        "recipe.yaml",
        "-s",
        "snapshot.yaml",
        "-k",
        kubeconfig,
        "-t",
        "json",
        *more,
    ]
    with Controllers(cluster, Container(cluster, folder)):
        status, out, err = run(words, Environment(Settings.from_env(os.environ)))
    phases = json.loads(out)["phases"]
    items = {item["name"]: item for phase in phases if not phase["gate"] for item in phase["items"]}
    return status, items, err


def _install(cluster: FakeCluster, version: str) -> None:
    labels = {"app": "gpu-operator", "app.kubernetes.io/version": version}
    metadata = {"name": "gpu-operator", "namespace": "gpu-operator", "labels": labels}
    spec = {"containers": [{"name": "c", "image": f"r/gpu-operator:{version}"}]}
    cluster.add({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
                 "spec": {"template": {"spec": spec}}})  # fmt: skip
    cluster.add({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec,
                 "status": {"phase": "Running"}})  # fmt: skip


SAME = ("status", "code", "reason", "message", "expected", "actual", "remediation", "evidence")
"""Fields of an item that are the check's, wherever it ran."""


@pytest.mark.parametrize("version", ["v25.3.0", "v23.9.0", ""])
def test_a_check_says_the_same_in_a_pod_and_in_this_process(
    cluster: FakeCluster, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    if version:
        _install(cluster, version)
    (tmp_path / "here").mkdir()
    here = _validate(cluster, tmp_path / "here", monkeypatch)
    (tmp_path / "pods").mkdir()
    pods = _validate(cluster, tmp_path / "pods", monkeypatch, "--runner", "job")
    assert pods[0] == here[0], pods[2]
    assert list(pods[1]) == list(here[1])
    for name, item in here[1].items():
        assert _verdict(pods[1][name]) == _verdict(item)
    ran = {name: item for name, item in pods[1].items() if item.get("runner") == "job"}
    assert len(ran) == 3
    for item in ran.values():
        assert not [line for line in item["output"] if "aicr.run/result" in line]
        for block in item.get("evidence", ()):
            assert f"--- {block['label']} ---" in item["output"]
    failing = [item for item in here[1].values() if item["status"] == "failed"]
    assert bool(failing) == (version != "v25.3.0")
    for item in failing:
        assert {
            "code",
            "reason",
            "message",
            "expected",
            "actual",
            "remediation",
            "evidence",
        } <= set(item)
    assert [item for plural in KINDS if plural != "pods" for item in cluster.all(plural)] == []


def _verdict(item: Item) -> Item:
    return {name: item[name] for name in SAME if name in item}


def test_a_check_that_the_cluster_refuses_says_the_same_in_both(
    cluster: FakeCluster, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that is raised is a verdict too, with the server's own word as its reason."""
    cluster.faults.add(
        "GET", ".*/namespaces/gpu-operator/.*", status=403, reason="Forbidden", message="no"
    )
    for place in ("here", "pods"):
        (tmp_path / place).mkdir()
    here = _validate(cluster, tmp_path / "here", monkeypatch)[1]
    pods = _validate(cluster, tmp_path / "pods", monkeypatch, "--runner", "job")[1]
    assert {name: _verdict(item) for name, item in pods.items()} == {
        name: _verdict(item) for name, item in here.items()
    }
    assert (here["operator-health"]["code"], here["operator-health"]["reason"]) == (
        "UNAUTHORIZED",
        "Forbidden",
    )


def test_an_interrupted_run_leaves_nothing(cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    """Ctrl-C while checks run in pods: everything of the run is removed, and there is still a report."""
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "snapshot.yaml").write_text(SNAPSHOT)
    words = [
        "-r",
        "recipe.yaml",
        "-s",
        "snapshot.yaml",
        "-k",
        cluster.kubeconfig(tmp_path / "k"),
        "--runner",
        "job",
    ]
    with Controllers(cluster, None, lambda pod: Fate("hang")):
        process = subprocess.Popen(
            [sys.executable, "-m", "aicr_core", "validate", *words, "-t", "ctrf"], cwd=tmp_path,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        end = time.monotonic() + 30
        while len(cluster.all("pods")) < 3 and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode not in (0, 1), err
    assert json.loads(out)["results"]["summary"]["other"] == 3
    left = [
        f"{plural}/{item['metadata']['name']}" for plural in KINDS for item in cluster.all(plural)
    ]
    assert left == []
