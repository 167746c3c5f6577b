"""secure-accelerator-access: a claimed GPU and no back door, and isolation from the pod beside it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from aicr_validators import secure_access
from check_support import (
    Lab,
    Reactor,
    becomes,
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
    from collections.abc import Callable

    Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def ready(lab: Lab) -> Lab:
    """A cluster whose driver publishes devices."""
    lab.fake.add(resource_slice("s1", devices=2))
    lab.fake.add(workload("DaemonSet", "gpu-operator", "nvidia-driver-daemonset"))
    lab.fake.add(
        {"apiVersion": "nvidia.com/v1", "kind": "ClusterPolicy", "metadata": {"name": "cluster-policy"},
         "status": {"state": "ready"}}
    )  # fmt: skip
    return lab


def run(lab: Lab, claiming: Change, other: Change | None = None, log: str = "") -> Any:
    rules = [("Pod", "dra-gpu-test-", claiming), ("Pod", "dra-no-claim-", other or ends())]
    with Reactor(lab.fake, rules, {"dra-": log}):
        return secure_access.check(lab.ctx, lab.target)


def mutated(**spec: Any) -> Change:
    """The pod ends well, but something changed its specification."""

    def edit(pod: dict[str, Any]) -> None:
        ends()(pod)
        pod["spec"].update(spec)

    return edit


def nothing_left(lab: Lab) -> bool:
    lab.clean()
    spaces = [item["metadata"]["name"] for item in lab.all("namespaces")]
    return not lab.all("pods") and not lab.all("resourceclaims") and "dra-test" not in spaces


def test_a_claimed_gpu_is_seen_and_no_other(ready: Lab) -> None:
    result = run(ready, ends(), log="as seen")
    assert result.status == "passed"
    assert "n1" in result.message
    for words in ("State: ready", "nvidia-driver-daemonset ready=1/1", "Exit code: 0", "as seen"):
        assert words in ready.evidence
    made = [item for item in ready.fake.requests if item.method == "POST"]
    assert len(made) == 4
    assert nothing_left(ready)


def test_the_pod_without_a_claim_goes_to_the_same_node(ready: Lab) -> None:
    seen: list[dict[str, Any]] = []

    def keep(pod: dict[str, Any]) -> None:
        seen.append(pod["spec"])
        ends(node="")(pod)

    assert run(ready, ends(node="gpu-7"), keep).status == "passed"
    assert seen[0]["nodeName"] == "gpu-7"
    assert "resourceClaims" not in seen[0]


def test_a_cluster_without_the_api_is_skipped(ready: Lab) -> None:
    unserve(ready.fake, "resource.k8s.io", "v1")
    unserve(ready.fake, "resource.k8s.io", "v1beta1")
    result = run(ready, ends())
    assert (result.status, result.reason) == ("skipped", "DRANotServed")
    assert result.remediation
    assert ready.fake.asked("POST") == []


def test_a_cluster_with_only_the_beta_api_fails(ready: Lab) -> None:
    unserve(ready.fake, "resource.k8s.io", "v1")
    ready.fake.faults.add("GET", "/apis/resource.k8s.io/v1beta1", body=b'{"resources": []}')
    assert run(ready, ends()).reason == "DRANotStable"


def test_a_cluster_without_slices_is_skipped(lab: Lab) -> None:
    result = run(lab, ends())
    assert (result.status, result.reason) == ("skipped", "NoResourceSlices")
    assert "nvidia-dra-driver-gpu" in result.remediation


def test_what_is_only_shown_may_be_forbidden(ready: Lab) -> None:
    for path in (
        ".*/clusterpolicies/.*",
        ".*/gpu-operator/pods",
        ".*/daemonsets",
        ".*/resourceslices",
    ):
        ready.fake.faults.add("GET", path, status=403, reason="Forbidden")
    assert run(ready, ends()).status == "passed"
    assert ready.evidence.count("cannot be read: [UNAUTHORIZED]") == 4


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        ({"resourceClaims": []}, "NoResourceClaim", "no resource claims"),
        ({"resourceClaims": None}, "NoResourceClaim", "no resource claims"),
        ({"volumes": [None, {"hostPath": None}, {"hostPath": {"path": "/dev/nvidia0"}}]},
         "HostPathDevice", "/dev/nvidia0"),
        ({"containers": [{"name": "gpu-test", "image": "i", "resources": {"limits": {"nvidia.com/gpu": "1"}}}]},
         "DevicePluginLimit", "gpu-test"),
        ({"initContainers": [{"name": "init", "resources": {"limits": {"nvidia.com/gpu": "1"}}}]},
         "DevicePluginLimit", "init"),
    ],
)  # fmt: skip
def test_a_back_door_in_the_pod(ready: Lab, spec: Any, reason: str, words: str) -> None:
    result = run(ready, mutated(**spec))
    assert (result.status, result.code, result.reason) == ("failed", Code.INTERNAL, reason)
    assert words in result.message
    assert "mutatingwebhookconfigurations" in result.remediation
    assert nothing_left(ready)


def test_a_harmless_host_path_is_none(ready: Lab) -> None:
    assert run(ready, mutated(volumes=[{"hostPath": {"path": "/var/log"}}])).status == "passed"


def test_a_claiming_pod_that_fails(ready: Lab) -> None:
    result = run(ready, ends(1))
    assert (result.code, result.reason) == (Code.INTERNAL, "PodFailed")
    assert nothing_left(ready)


def test_a_claim_that_vanished(ready: Lab) -> None:
    def vanish(pod: dict[str, Any]) -> None:
        name = pod["spec"]["resourceClaims"][0]["resourceClaimName"]
        ready.fake.faults.add("GET", f".*/resourceclaims/{name}", status=404, reason="NotFound")
        ends()(pod)

    with pytest.raises(AicrError) as raised:
        run(ready, vanish)
    assert raised.value.code is Code.NOT_FOUND
    assert nothing_left(ready)


@pytest.mark.parametrize(
    "change", [waits("ErrImagePull", "x"), unschedulable("0/1 nodes"), becomes(phase="Running")]
)
def test_a_claiming_pod_that_does_not_end(ready: Lab, change: Change) -> None:
    result = run(ready, change)
    assert result.status == "failed"
    assert result.remediation
    assert not [line for line in ready.fake.asked("GET") if "no-claim" in line]
    assert nothing_left(ready)


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        (ends(1), "IsolationBroken", "exit code 1"),
        (ends(125), "IsolationUnknown", "exit code 125"),
        (becomes(phase="Failed"), "IsolationUnknown", "no exit code"),
        (becomes(phase="Failed", containerStatuses=[{"state": {"terminated": {"exitCode": "1"}}}]),
         "IsolationUnknown", "no exit code"),
        (waits("InvalidImageName", "busybox"), "PodStuck", "InvalidImageName: busybox"),
    ],
)  # fmt: skip
def test_a_pod_without_a_claim_that_fails(
    ready: Lab, change: Change, reason: str, words: str
) -> None:
    result = run(ready, ends(), change)
    assert (result.status, result.code, result.reason) == ("failed", Code.INTERNAL, reason)
    assert words in result.message
    assert result.remediation
    assert nothing_left(ready)


def test_a_claiming_pod_without_a_node(ready: Lab) -> None:
    assert run(ready, ends(node="")).reason == "NodeUnknown"


def test_a_refused_pod_without_a_claim(ready: Lab) -> None:
    ready.fake.faults.add("POST", ".*/pods", status=403, message="no busybox here", skip=1)
    result = run(ready, ends())
    assert (result.reason, result.code) == ("CreationRefused", Code.INTERNAL)
    assert "no busybox here" in result.message
    assert nothing_left(ready)


def test_a_cancelled_check_leaves_nothing(ready: Lab) -> None:
    def stop(pod: dict[str, Any]) -> None:
        threading.Timer(0.05, ready.stop.set).start()

    with pytest.raises(AicrError) as raised:
        run(ready, ends(), stop)
    assert raised.value.code is Code.TIMEOUT
    assert nothing_left(ready)


def test_the_rights_are_enough(ready: Lab, tmp_path: pathlib.Path) -> None:
    with lab_as(ready.fake, tmp_path, secure_access.rights({})) as limited:
        assert run(limited, ends()).status == "passed"
        assert "UNAUTHORIZED" not in limited.evidence
        assert nothing_left(limited)
