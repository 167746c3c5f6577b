"""The checks of the GPU operator: what the recorded cases do not hold (strange objects, missing rights, ports in images)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aicr_validators import gpu_operator_health, gpu_operator_version, operator_health

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from check_support import Lab

    Item = dict[str, Any]


def _deployment(
    name: str = "gpu-operator", available: int = 1, image: str = "i:v1", **metadata: Any
) -> Item:
    return {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "gpu-operator", **metadata},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "c", "image": image}]}}},
        "status": {"availableReplicas": available},
    }  # fmt: skip


# --- operator-health ------------------------------------------------------------------------------


def test_pods_without_a_status(lab: Lab) -> None:
    """They do not run, and are named."""
    for name in ("a", "b"):
        lab.fake.add({"apiVersion": "v1", "kind": "Pod", "status": None, "spec": None, "metadata": {
            "name": name, "namespace": "gpu-operator", "labels": {"app": "gpu-operator"}}})  # fmt: skip
    result = operator_health.check(lab.ctx, lab.target)
    assert (result.code, result.actual) == (Code.INTERNAL, "0/2 running")
    assert "a Unknown" in result.message


# --- gpu-operator-version -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("nvcr.io/nvidia/gpu-operator:v25.3.1-ubi9", "v25.3.1"),
        ("localhost:5000/gpu-operator:24.9.2", "v24.9.2"),
        ("localhost:5000/gpu-operator", ""),
        ("nvcr.io/nvidia/gpu-operator@sha256:0123abc", ""),
        ("nvcr.io/nvidia/gpu-operator:v25.3.0@sha256:0123abc", "v25.3.0"),
        ("nvcr.io/nvidia/other:v9", ""),
        ("gpu-operator", ""),
        ("", ""),
    ],
)
def test_the_version_of_an_image(image: str, version: str) -> None:
    """A tag is one; a port of a registry and a digest are none."""
    assert gpu_operator_version.version_of(_deployment(image=image)) == version


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"metadata": None, "spec": None},
        {"spec": {"template": {"spec": {"containers": [None]}}}},
    ],
)
def test_the_version_of_a_strange_object(item: Item) -> None:
    """There is none, and nothing breaks."""
    assert gpu_operator_version.version_of(item) == ""


def test_an_operator_without_version(lab: Lab) -> None:
    """It is found, and says no version: not the same as not installed."""
    lab.fake.add(_deployment(image="nvcr.io/nvidia/gpu-operator@sha256:0123abc"))
    result = gpu_operator_version.check(lab.ctx, lab.target)
    assert (result.code, result.reason) == (Code.INTERNAL, "NoVersion")
    assert (
        "gpu-operator/gpu-operator (image nvcr.io/nvidia/gpu-operator@sha256:0123abc)"
        in result.message
    )


def test_a_version_that_cannot_be_compared(lab: Lab) -> None:
    """The label holds anything: the message has both sides."""
    lab.fake.add(_deployment(labels={"app.kubernetes.io/version": "main"}))
    lab.target.constraints = {gpu_operator_version.CONSTRAINT: ">= v24.6.0"}
    result = gpu_operator_version.check(lab.ctx, lab.target)
    assert (result.code, result.reason) == (Code.INTERNAL, "NotComparable")
    assert "vmain" in result.message
    assert ">= v24.6.0" in result.message


def test_an_operator_that_may_not_be_read(lab: Lab) -> None:
    """The next place is not tried: nobody knows whether it is there."""
    lab.fake.faults.add("GET", ".*/deployments/.*", status=403, message="no access")
    with pytest.raises(AicrError) as caught:
        gpu_operator_version.check(lab.ctx, lab.target)
    assert caught.value.code is Code.UNAUTHORIZED
    assert len(lab.fake.asked()) == 1


# --- gpu-operator-health --------------------------------------------------------------------------

LABELS = {"app.kubernetes.io/name": "gpu-operator"}


def _rest(lab: Lab, state: Any = "ready") -> None:
    lab.fake.add({"apiVersion": "nvidia.com/v1", "kind": "ClusterPolicy",
                  "metadata": {"name": "cluster-policy"}, "status": {"state": state}})  # fmt: skip
    lab.fake.add({"apiVersion": "apps/v1", "kind": "DaemonSet", "status": {"numberReady": 1},
                  "metadata": {"name": "nvidia-dcgm-exporter", "namespace": "gpu-operator"}})  # fmt: skip


def test_a_labelled_operator_that_is_down(lab: Lab) -> None:
    """Its label alone is no health."""
    _rest(lab)
    lab.fake.add(_deployment("other-name", available=0, labels=LABELS))
    result = gpu_operator_health.check(lab.ctx, lab.target)
    assert (result.code, result.reason) == (Code.INTERNAL, "DeploymentNotAvailable")
    assert "gpu-operator/other-name" in result.message
    assert "0/1" in result.message


def test_one_of_two_labelled_operators_is_enough(lab: Lab) -> None:
    """As when the old one is being replaced."""
    _rest(lab)
    lab.fake.add(_deployment("a", available=0, labels=LABELS))
    lab.fake.add(_deployment("b", labels=LABELS))
    assert gpu_operator_health.check(lab.ctx, lab.target).status == "passed"


def test_an_operator_found_by_its_name(lab: Lab) -> None:
    """Without the label the name decides, and availability counts there too."""
    _rest(lab)
    lab.fake.add(_deployment())
    assert gpu_operator_health.check(lab.ctx, lab.target).status == "passed"


def test_a_policy_without_state(lab: Lab) -> None:
    """It is not ready."""
    _rest(lab, state=None)
    lab.fake.add(_deployment(labels=LABELS))
    result = gpu_operator_health.check(lab.ctx, lab.target)
    assert (result.code, result.reason) == (Code.INTERNAL, "ClusterPolicyNotReady")
    assert "unknown" in result.message


def test_a_policy_that_may_not_be_read(lab: Lab) -> None:
    """A missing right is told as one."""
    lab.fake.add(_deployment(labels=LABELS))
    lab.fake.faults.add("GET", ".*/clusterpolicies/.*", status=403, message="no access")
    with pytest.raises(AicrError) as caught:
        gpu_operator_health.check(lab.ctx, lab.target)
    assert caught.value.code is Code.UNAUTHORIZED
