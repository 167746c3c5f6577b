"""Every health check that this workspace ships: it is read, holds for a healthy component, and says what is wrong."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Any

import pytest
from aicr_validators.assertions.documents import Assertions, Operation, parse
from aicr_validators.assertions.reading import Reader
from aicr_validators.assertions.running import hold
from aicr_validators.expected_resources import check, rights
from check_support import Lab, open_client
from emulated_cluster import Kind, Rule

from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from emulated_cluster import FakeCluster

    from aicr_core.api import CheckResult

ROOT = pathlib.Path(__file__).resolve().parents[3]
FILES = sorted(
    path
    for pattern in (
        "recipes/**/checks/*/health-check.yaml",
        "plugins/*/src/*/data/checks/*/health-check.yaml",
    )
    for path in ROOT.glob(pattern)
)
NAMES = [path.parent.name for path in FILES]
UP: dict[str, dict[str, Any]] = {
    "Deployment": {"replicas": 2, "readyReplicas": 2, "availableReplicas": 2},
    "DaemonSet": {"desiredNumberScheduled": 2, "numberReady": 2},
    "Skyhook": {"status": "complete"},
}
DOWN: dict[str, dict[str, Any]] = {
    "Deployment": {"replicas": 2, "readyReplicas": 0, "availableReplicas": 0},
    "DaemonSet": {"desiredNumberScheduled": 2, "numberReady": 0},
    "Skyhook": {"status": "in_progress"},
}


def _read(path: pathlib.Path) -> Assertions:
    return parse(path.read_text("utf-8"), path.parent.name)


@pytest.fixture
def cluster(fake_cluster: FakeCluster) -> FakeCluster:
    fake_cluster.serve(
        Kind(
            "skyhook.nvidia.com",
            "v1alpha1",
            "skyhooks",
            "Skyhook",
            namespaced=False,
            status=True,
            custom=True,
        )
    )
    return fake_cluster


def _component(
    cluster: FakeCluster, path: pathlib.Path, status: dict[str, dict[str, Any]]
) -> list[Operation]:
    """Put the guarded objects of a health check into the cluster, and a pod of each scope; give what looks at pods."""
    pods = []
    for one in _read(path).operations:
        metadata = {
            k: v
            for k, v in one.resource["metadata"].items()
            if k in ("name", "namespace", "labels")
        }
        if one.kind == "assert":
            cluster.add({"apiVersion": one.api_version, "kind": one.object_kind, "metadata": metadata,
                         "status": status[one.object_kind]})  # fmt: skip
        elif one.object_kind == "Pod":
            pods.append(one)
    if pods:
        cluster.add(_pod(pods[0], "fine", "Running"))
        cluster.add(_pod(pods[0], "done", "Succeeded"))
    return pods


def _pod(scope: Operation, name: str, phase: str) -> dict[str, Any]:
    labels = scope.resource["metadata"].get("labels") or {}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": scope.namespace, "labels": labels},
            "spec": {"nodeName": "n1"}, "status": {"phase": phase}}  # fmt: skip


def _check(cluster: FakeCluster, folder: pathlib.Path, path: pathlib.Path) -> CheckResult:
    """Run the check with exactly the rights that it says it needs."""
    name, text = path.parent.name, path.read_text("utf-8")
    recipe = {"componentRefs": [{"name": name, "healthCheckAsserts": text}]}
    rules = [Rule(r.verbs, (r.group,), r.resources, r.names, r.namespace) for r in rights(recipe)]
    with open_client(cluster, folder, cluster.user("checker", rules)) as client:
        lab = Lab(cluster, client, recipe=recipe, asserts={name: text})
        return check(lab.ctx, lab.target)


def test_the_files_are_found() -> None:
    assert len(FILES) >= 16
    assert {"gpu-operator", "cert-manager", "skyhook-customizations"} <= set(NAMES)


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_it_asserts_something_within_five_minutes(path: pathlib.Path) -> None:
    found = _read(path)
    assert found.operations
    assert found.operations[0].kind == "assert"
    assert found.budget == 300.0


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_healthy_component_passes(
    cluster: FakeCluster, tmp_path: pathlib.Path, path: pathlib.Path
) -> None:
    _component(cluster, path, UP)
    result = _check(cluster, tmp_path, path)
    assert result.status == "passed", result.message


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_component_that_is_down_fails(
    cluster: FakeCluster, tmp_path: pathlib.Path, path: pathlib.Path
) -> None:
    _component(cluster, path, DOWN)
    guard = _read(path).operations[0]
    result = _check(cluster, tmp_path, path)
    assert (result.status, result.code) == ("failed", Code.NOT_FOUND)
    place = f"{guard.namespace}/" if guard.namespace else ""
    assert (
        f"{path.parent.name}: [INTERNAL] {guard.object_kind} {place}{guard.name}: status."
        in result.message
    )
    assert "expected is" in result.message


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_component_that_is_not_there_fails(
    cluster: FakeCluster, tmp_path: pathlib.Path, path: pathlib.Path
) -> None:
    guard = _read(path).operations[0]
    result = _check(cluster, tmp_path, path)
    assert f"{path.parent.name}: [NOT_FOUND] {guard.object_kind}" in result.message
    assert guard.name in result.message


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_bad_pod_fails(cluster: FakeCluster, tmp_path: pathlib.Path, path: pathlib.Path) -> None:
    pods = _component(cluster, path, UP)
    assert pods or path.parent.name == "skyhook-customizations"
    forbidden = {one.resource["status"]["phase"] for one in pods}
    assert forbidden == ({"Pending", "Failed", "Unknown"} if pods else set())
    for number, phase in enumerate(sorted(forbidden)):
        if number:
            cluster.objects.change(
                cluster.by_plural["pods"],
                pods[0].namespace,
                "bad",
                lambda pod, to=phase: pod["status"].update(phase=to),
            )
        else:
            cluster.add(_pod(pods[0], "bad", phase))
        error = _refusal(cluster, tmp_path, path)
        assert f"Pod {pods[0].namespace}/bad is as it must not be (phase={phase}, node=n1)" in error


def _refusal(cluster: FakeCluster, folder: pathlib.Path, path: pathlib.Path) -> str:
    """What the assertions say to one look."""
    with open_client(cluster, folder) as client:
        lab = Lab(cluster, client)
        with pytest.raises(AicrError) as caught:
            hold(_read(path), lab.target, Reader(client), 1.0)
        return caught.value.message
