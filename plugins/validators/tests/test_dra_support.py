"""dra-support, and what it shares with other checks: slices, free GPUs, the pod that claims one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from aicr_validators import dra, dra_support
from check_support import (
    Lab,
    Reactor,
    becomes,
    claim,
    ends,
    lab_as,
    resource_slice,
    unschedulable,
    unserve,
    waits,
    workload,
)

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    import pathlib

    from emulated_cluster import FakeCluster

NS = "nvidia-dra-driver"


@pytest.fixture
def ready(lab: Lab) -> Lab:
    """A cluster whose driver is up and publishes devices."""
    lab.fake.add(workload("Deployment", NS, "nvidia-dra-driver-gpu-controller"))
    lab.fake.add(workload("DaemonSet", NS, "nvidia-dra-driver-gpu-kubelet-plugin"))
    lab.fake.add(resource_slice("s1", devices=2))
    return lab


def run(lab: Lab, *rules: Any, log: str = "/dev/nvidia0") -> Any:
    with Reactor(lab.fake, [("Pod", "dra-gpu-test-", rule) for rule in rules], {"dra-": log}):
        return dra_support.check(lab.ctx, lab.target)


def test_a_pod_gets_a_gpu(ready: Lab) -> None:
    result = run(ready, ends())
    assert (result.status, result.code) == ("passed", None)
    assert "n1" in result.message
    assert "/dev/nvidia0" in ready.evidence
    assert "Total ResourceSlices: 1" in ready.evidence
    assert len(ready.clean()) == 3
    assert ready.all("resourceclaims") == ready.all("pods") == []
    assert all(i["metadata"]["name"] != "dra-test" for i in ready.all("namespaces"))


def test_a_cluster_that_serves_only_the_stable_api_is_checked(ready: Lab) -> None:
    unserve(ready.fake, "resource.k8s.io", "v1beta1")
    assert run(ready, ends()).status == "passed"


def test_a_cluster_without_the_api_is_skipped(ready: Lab) -> None:
    unserve(ready.fake, "resource.k8s.io", "v1")
    unserve(ready.fake, "resource.k8s.io", "v1beta1")
    result = run(ready)
    assert (result.status, result.reason) == ("skipped", "DRANotServed")
    assert "resource.k8s.io/v1beta1" in result.message
    assert "1.34" in result.remediation


def test_a_cluster_with_only_the_beta_api_fails(ready: Lab) -> None:
    unserve(ready.fake, "resource.k8s.io", "v1")
    ready.fake.faults.add("GET", "/apis/resource.k8s.io/v1beta1", body=b'{"resources": []}')
    result = run(ready)
    assert (result.status, result.code, result.reason) == ("failed", Code.NOT_FOUND, "DRANotStable")


def test_without_a_driver_it_is_skipped(lab: Lab) -> None:
    result = run(lab)
    assert (result.status, result.reason) == ("skipped", "DRADriverNotFound")
    assert "nvidia-dra-driver-gpu" in result.remediation


def test_a_missing_right_is_no_missing_driver(ready: Lab) -> None:
    ready.fake.faults.add("GET", f"/api/v1/namespaces/{NS}/pods", status=403, reason="Forbidden")
    with pytest.raises(AicrError) as raised:
        run(ready)
    assert raised.value.code is Code.UNAUTHORIZED


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet"])
def test_a_driver_that_is_down(lab: Lab, kind: str) -> None:
    for one, name in (("Deployment", "controller"), ("DaemonSet", "kubelet-plugin")):
        lab.fake.add(workload(one, NS, f"nvidia-dra-driver-gpu-{name}", up=0 if one == kind else 1))
    result = run(lab)
    assert (result.status, result.code) == ("failed", Code.NOT_FOUND)
    assert kind in result.message
    assert "0/1" in result.message
    assert result.remediation


def test_no_slices(ready: Lab) -> None:
    ready.client.delete("/apis/resource.k8s.io/v1/resourceslices/s1")
    result = run(ready)
    assert (result.code, result.reason) == (Code.NOT_FOUND, "NoResourceSlices")
    assert "kubectl logs" in result.remediation


@pytest.mark.parametrize(
    ("plural", "what"), [("resourceclaims", "ResourceClaim"), ("pods", "Pod"), ("namespaces", "Namespace")]
)  # fmt: skip
def test_a_refused_object(ready: Lab, plural: str, what: str) -> None:
    ready.fake.faults.add(
        "POST", f".*/{plural}", status=403, reason="Forbidden", message="quota of team x"
    )
    result = run(ready)
    assert (result.status, result.code, result.reason) == (
        "failed",
        Code.INTERNAL,
        "CreationRefused",
    )
    assert what in result.message
    assert "quota of team x" in result.message
    assert result.remediation
    ready.clean()
    assert ready.all("resourceclaims") == ready.all("pods") == []


def test_credentials_that_expire_are_no_refusal(ready: Lab) -> None:
    ready.fake.faults.add("POST", ".*/resourceclaims", status=401, reason="Unauthorized")
    with pytest.raises(AicrError) as raised:
        run(ready)
    assert raised.value.code is Code.UNAUTHORIZED
    ready.clean()
    assert all(i["metadata"]["name"] != "dra-test" for i in ready.all("namespaces"))


def test_a_pod_that_fails(ready: Lab) -> None:
    result = run(ready, ends(1), log="no device")
    assert (result.code, result.reason) == (Code.INTERNAL, "PodFailed")
    assert "exit code 1" in result.message
    assert "no device" in ready.evidence
    assert "container c terminated" in ready.evidence


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (waits("ImagePullBackOff", "back-off"), "ImagePullBackOff: back-off (image: reg/img:1)"),
        (waits("CrashLoopBackOff", "again"), "CrashLoopBackOff: again"),
        (unschedulable("0/2 nodes"), "Unschedulable: 0/2 nodes"),
    ],
)
def test_a_stuck_pod(ready: Lab, change: Any, words: str) -> None:
    result = run(ready, change)
    assert (result.code, result.reason) == (Code.INTERNAL, "PodStuck")
    assert words in result.message
    assert result.remediation
    ready.clean()
    assert ready.all("resourceclaims") == ready.all("pods") == []


def test_a_pod_that_does_not_end(ready: Lab) -> None:
    result = run(ready, becomes(phase="Running"))
    assert (result.code, result.reason) == (Code.TIMEOUT, "PodNotEnded")
    assert "Running" in result.message


def test_a_cancelled_check_leaves_nothing(ready: Lab) -> None:
    def stop(pod: dict[str, Any]) -> None:
        threading.Timer(0.05, ready.stop.set).start()

    with pytest.raises(AicrError) as raised:
        run(ready, stop)
    assert raised.value.code is Code.TIMEOUT
    ready.clean()
    assert ready.all("resourceclaims") == ready.all("pods") == []


def test_the_rights_are_enough(ready: Lab, tmp_path: pathlib.Path) -> None:
    with lab_as(ready.fake, tmp_path, dra_support.rights({})) as limited:
        assert run(limited, ends()).status == "passed"
        limited.clean()
    assert ready.all("pods") == []


def test_slices_are_counted_once_a_generation(lab: Lab) -> None:
    lab.fake.add(resource_slice("old", devices=8, generation=1))
    lab.fake.add(resource_slice("new", devices=4, generation=2))
    lab.fake.add(resource_slice("other", pool="n2", devices=1))
    lab.fake.add(resource_slice("links", driver="compute-domain.nvidia.com", devices=9))
    assert dra.gpus(lab.target) == (5, 5, 0)
    lab.fake.add(claim("a", "n1", "gpu-0"))
    lab.fake.add(claim("b", "n1", "gpu-0", adminAccess=True))
    lab.fake.add(claim("c", "n1", "x", driver="compute-domain.nvidia.com"))
    assert dra.gpus(lab.target) == (5, 4, 0), "claims are read as they are now"


@pytest.mark.parametrize(
    "spec", [None, {}, {"driver": "gpu.nvidia.com", "pool": None, "devices": None}, {"driver": 3, "pool": "x"}]
)  # fmt: skip
def test_strange_slices_and_claims(lab: Lab, spec: Any) -> None:
    lab.fake.add(
        {"apiVersion": dra.API, "kind": "ResourceSlice", "metadata": {"name": "s"}, "spec": spec}
    )
    for number, status in enumerate(
        (None, {"allocation": None}, {"allocation": {"devices": {"results": [None]}}})
    ):
        lab.fake.add(
            {"apiVersion": dra.API, "kind": "ResourceClaim", "status": status,
             "metadata": {"name": f"c{number}", "namespace": "val"}}
        )  # fmt: skip
    assert dra.gpus(lab.target) == (0, 0, 0)
    assert len(dra.slices(lab.target)) == 1


def test_the_pods_scripts_are_shell(fake_cluster: FakeCluster) -> None:
    """They run: no device here, so one fails and the other is content."""
    import subprocess

    from aicr_validators.secure_access import _SEES_NONE

    claims = subprocess.run(["bash", "-c", dra._SEES_GPUS], capture_output=True, text=True)
    isolated = subprocess.run(["sh", "-c", _SEES_NONE], capture_output=True, text=True)
    assert (claims.returncode == 0) == (isolated.returncode == 1)
    assert "GPU device files:" in claims.stdout
