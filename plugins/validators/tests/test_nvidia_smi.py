"""check-nvidia-smi: which nodes, which are busy, what a log has to hold, many nodes at once, clean-up."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from aicr_validators import gpus, nvidia_smi
from check_support import Lab, becomes, lab_as, open_client, waits
from emulated_cluster import node

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    import pathlib

    from emulated_cluster import FakeCluster

OLD = "NVIDIA-SMI 580\nDriver Version: 580 CUDA Version: 13.0\nGPU_CHECK_SUCCESS\n"
NEW = "NVIDIA-SMI 610\nKMD Version: 610 CUDA UMD Version: 13.3\nGPU_CHECK_SUCCESS\n"


def run(lab: Lab) -> Any:
    return nvidia_smi.check(lab.ctx, lab.target)


def good(lab: Lab, log: str = OLD) -> None:
    lab.fake.reactions.add(
        {
            "kind": "Pod",
            "name": "nvidia-smi-.*",
            "set": {"status": {"phase": "Succeeded"}},
            "log": log,
        }
    )


@pytest.mark.parametrize("log", [OLD, NEW])
def test_either_spelling_of_the_driver_counts(lab: Lab, log: str) -> None:
    lab.fake.add(node("n1", gpus=8))
    good(lab, log)
    assert run(lab).status == "passed"


def test_three_hundred_nodes_with_the_declared_rights_and_two_lists(
    fake_cluster: FakeCluster, tmp_path: pathlib.Path
) -> None:
    for number in range(300):
        fake_cluster.add(node(f"n{number:03}", gpus=8))
    with lab_as(fake_cluster, tmp_path, nvidia_smi.rights({})) as lab:
        good(lab)
        result = run(lab)
    assert result.status == "passed", result.message
    assert "300" in result.message
    assert fake_cluster.asked().count("GET /api/v1/nodes") == 1
    assert fake_cluster.asked().count("GET /api/v1/pods") == 1
    assert not fake_cluster.all("pods")
    assert not fake_cluster.denied


def test_failures_are_sorted_and_a_node_that_is_not_ready_gets_no_pod(lab: Lab) -> None:
    for name in ("c", "a", "b"):
        lab.fake.add(node(name, gpus=1))
    down = node("d", gpus=1)
    down["status"]["conditions"] = [{"type": "Ready", "status": "False", "reason": "KubeletDown"}]
    lab.fake.add(down)
    good(lab, "nothing")
    result = run(lab)
    places = [result.message.index(f"{name} (") for name in ("a", "b", "c", "d")]
    assert places == sorted(places)
    assert "4/4" in result.message
    assert "KubeletDown" in result.message
    assert "nvidia-smi-verify-d" not in result.message
    assert result.remediation


def test_the_phase_and_the_user_choose_nodes(
    fake_cluster: FakeCluster, tmp_path: pathlib.Path
) -> None:
    for name in ("a", "b", "c", "e"):
        fake_cluster.add(node(name, gpus=1, labels={"pool": "x"}))
    fake_cluster.add(node("d", gpus=1))
    with open_client(fake_cluster, tmp_path) as client:
        lab = Lab(
            fake_cluster, client, node_selector={"pool": "x"},
            nodes={"maxNodes": 2, "excludeNodes": ["b"]},
        )  # fmt: skip
        assert [found.name for found in gpus.nodes(lab.target)] == ["a", "c"]


def test_a_pod_that_cannot_be_made(fake_cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    fake_cluster.add(node("n1", gpus=1))
    rights = [right for right in nvidia_smi.rights({}) if "create" not in right.verbs]
    with lab_as(fake_cluster, tmp_path, rights) as lab, pytest.raises(AicrError) as caught:
        run(lab)
    assert caught.value.code is Code.UNAUTHORIZED


def test_an_image_that_cannot_be_had(lab: Lab) -> None:
    from check_support import Reactor

    lab.fake.add(node("n1", gpus=1))
    with Reactor(lab.fake, [("Pod", "nvidia-smi", waits("ErrImagePull", "no such image"))]):
        result = run(lab)
    assert "ErrImagePull" in result.message
    assert "--image-pull-secret" in result.remediation


def test_cancellation_leaves_nothing_and_starts_nothing_more(lab: Lab) -> None:
    for number in range(20):
        lab.fake.add(node(f"n{number:02}", gpus=1))
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(run(lab)))
    thread.start()
    with lab.fake.objects.changed:
        while not lab.fake.all("pods"):
            lab.fake.objects.changed.wait(0.05)
    lab.stop.set()
    thread.join()
    lab.clean()
    assert not lab.fake.all("pods")
    assert found[0].reason in ("NodesNotReached", "NvidiaSmiFailed")


def test_names_of_pods_do_not_meet() -> None:
    found = nvidia_smi.pod_names(["A.b", "a-b", "x" * 250])
    assert len(set(found)) == 3
    assert all(len(name) <= 253 for name in found)


@pytest.mark.parametrize(
    ("quantity", "count"),
    [("8", 8), (8, 8), ("0", 0), (None, 0), ("1k", 1000), ("x", 0), ([], 0), (True, 0), ("8.0", 8)],
)
def test_quantities(quantity: Any, count: int) -> None:
    assert gpus.amount(quantity) == count


@pytest.mark.parametrize(
    "item", [{}, {"spec": None, "status": []}, {"metadata": 1, "status": {"allocatable": 3}}]
)
def test_strange_objects_are_left_out(item: Any) -> None:
    assert gpus.node_of(item) is None
    assert gpus.user_of(item) is None


def test_a_busy_node_names_its_pods(lab: Lab) -> None:
    lab.fake.add(node("n1", gpus=1))
    pod = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "train", "namespace": "ml"},
        "spec": {"containers": [{"name": "c", "image": "i", "resources": {"requests": {gpus.RESOURCE: "1"}}}]},
    }  # fmt: skip
    becomes("n1", phase="Running")(pod)
    lab.fake.add(pod)
    result = run(lab)
    assert (result.status, result.reason) == ("skipped", "GPUNodesBusy")
    assert "ml/train" in lab.evidence
