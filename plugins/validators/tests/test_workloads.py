"""Whether workloads are there and up: what is failed, with which code, and that a missing right is no missing object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aicr_validators import workloads

from aicr_core.api import AicrError, Code, Right

if TYPE_CHECKING:
    from check_support import Lab

    Item = dict[str, Any]


def _workload(kind: str, name: str = "d", status: Any = None, **spec: Any) -> Item:
    template = {"spec": {"containers": [{"name": "c", "image": "reg/d:v1"}]}}
    return {
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "n"},
        "spec": {"template": template, **spec}, "status": status,
    }  # fmt: skip


# --- one workload ---------------------------------------------------------------------------------


def test_an_available_deployment(lab: Lab) -> None:
    """Nothing is wrong, and what was seen is evidence."""
    lab.fake.add(_workload("Deployment", status={"availableReplicas": 1}, replicas=2))
    assert workloads.available(lab.target, "n", "d", label="The thing") is None
    assert "--- The thing ---" in lab.evidence
    assert "Available: 1/2" in lab.evidence
    assert "reg/d:v1" in lab.evidence


@pytest.mark.parametrize("status", [None, {}, {"availableReplicas": 0}, {"availableReplicas": "2"}])
def test_an_unavailable_deployment(lab: Lab, status: Any) -> None:
    """INTERNAL with the numbers, whatever its status holds."""
    lab.fake.add(_workload("Deployment", status=status))
    result = workloads.available(lab.target, "n", "d")
    assert result is not None
    assert (result.code, result.reason) == (Code.INTERNAL, "DeploymentNotAvailable")
    assert "n/d" in result.message
    assert "0/1" in result.message


def test_a_ready_daemonset_and_one_that_is_not(lab: Lab) -> None:
    """One ready pod is enough."""
    lab.fake.add(_workload("DaemonSet", "a", {"numberReady": 1, "desiredNumberScheduled": 3}))
    lab.fake.add(_workload("DaemonSet", "b", {"numberReady": 0, "desiredNumberScheduled": 3}))
    assert workloads.ready(lab.target, "n", "a") is None
    result = workloads.ready(lab.target, "n", "b")
    assert result is not None
    assert result.code is Code.INTERNAL
    assert "0/3" in result.message


def test_what_is_not_there(lab: Lab) -> None:
    """NOT_FOUND, with the name."""
    for result, name in (
        (workloads.available(lab.target, "n", "d"), "n/d"),
        (workloads.ready(lab.target, "n", "e"), "n/e"),
        (workloads.crd(lab.target, "x.example.com"), "x.example.com"),
    ):
        assert result is not None
        assert result.code is Code.NOT_FOUND
        assert name in result.message
        assert result.remediation


def test_a_crd_that_is_there(lab: Lab) -> None:
    """Its existence is all that is asked."""
    lab.fake.add({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                  "metadata": {"name": "x.example.com"}})  # fmt: skip
    assert workloads.crd(lab.target, "x.example.com") is None


def test_a_missing_right_is_no_missing_object(lab: Lab) -> None:
    """The API's refusal leaves as it is."""
    lab.fake.faults.add("GET", ".*", status=403, message="no access")
    with pytest.raises(AicrError) as caught:
        workloads.available(lab.target, "n", "d")
    assert caught.value.code is Code.UNAUTHORIZED


# --- expected resources ---------------------------------------------------------------------------

HEALTHY = [
    _workload("Deployment", status={"availableReplicas": 2}, replicas=2),
    _workload("Deployment", status={}, replicas=0),
    _workload("DaemonSet", status={}),
    _workload("DaemonSet", status={"numberReady": 2, "desiredNumberScheduled": 2}),
    _workload("StatefulSet", status={"readyReplicas": 1}),
]
SICK = [
    (
        _workload("Deployment", status={"availableReplicas": 1}, replicas=2),
        "1/2 replicas available",
    ),
    (
        _workload("DaemonSet", status={"numberReady": 1, "desiredNumberScheduled": 2}),
        "1/2 pods ready",
    ),
    (_workload("StatefulSet", status={}), "0/1 replicas ready"),
]


@pytest.mark.parametrize("item", HEALTHY)
def test_a_healthy_resource(lab: Lab, item: Item) -> None:
    """As many as are wanted; none wanted is healthy too."""
    lab.fake.add(item)
    resource = {"kind": item["kind"], "name": "d", "namespace": "n"}
    assert workloads.expected(lab.target, {"name": "x"}, resource) == ""


@pytest.mark.parametrize(("item", "text"), SICK)
def test_a_sick_resource(lab: Lab, item: Item, text: str) -> None:
    """Fewer than wanted: the numbers are in the problem."""
    lab.fake.add(item)
    resource = {"kind": item["kind"], "name": "d", "namespace": "n"}
    found = workloads.expected(lab.target, {"name": "x"}, resource)
    assert found == f"{item['kind']} n/d (x): [INTERNAL] not healthy: {text}"


def test_a_resource_that_only_has_to_exist(lab: Lab) -> None:
    """A ConfigMap in the component's own namespace; a Secret that is not there."""
    metadata = {"name": "m", "namespace": "n"}
    lab.fake.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    component = {"name": "x", "namespace": "n"}
    assert workloads.expected(lab.target, component, {"kind": "ConfigMap", "name": "m"}) == ""
    found = workloads.expected(lab.target, component, {"kind": "Secret", "name": "s"})
    assert found.startswith("Secret n/s (x): [NOT_FOUND]")


@pytest.mark.parametrize(
    ("resource", "text"),
    [
        ({"kind": "Pod", "name": "p", "namespace": "n"}, 'Pod n/p (x): [INVALID_REQUEST] unsupported kind "Pod"'),
        ({"kind": "Secret", "name": "p"}, "Secret /p (x): [INVALID_REQUEST] the recipe gives it no namespace"),
        ({"kind": "Secret", "namespace": "n"}, "Secret n/ (x): [INVALID_REQUEST] the recipe gives it no name"),
        ({}, ' / (x): [INVALID_REQUEST] unsupported kind ""'),
    ],
)  # fmt: skip
def test_a_resource_that_cannot_be_looked_at(lab: Lab, resource: Item, text: str) -> None:
    """Said as such, without a request."""
    assert workloads.expected(lab.target, {"name": "x"}, resource).startswith(text)
    assert lab.fake.asked() == []


def test_a_resource_that_may_not_be_read(lab: Lab) -> None:
    """UNAUTHORIZED is told apart from not there."""
    lab.fake.faults.add("GET", ".*", status=403, message="no access")
    found = workloads.expected(
        lab.target, {"name": "x"}, {"kind": "Secret", "name": "s", "namespace": "n"}
    )
    assert found == "Secret n/s (x): [UNAUTHORIZED] no access"


def test_rights_are_those_of_the_resources() -> None:
    """To get exactly them; malformed entries ask for nothing."""
    components = [
        {"name": "x", "namespace": "n", "expectedResources": [
            {"kind": "Deployment", "name": "a"}, {"kind": "Deployment", "name": "b", "namespace": "n"},
            {"kind": "Deployment", "name": "a", "namespace": "n"}, {"kind": "Job", "name": "j"}, "text"]},
        {"name": "y", "expectedResources": [{"kind": "Secret", "name": "s"}, {"kind": "Secret"}]},
        {"name": "z", "expectedResources": "text"},
    ]  # fmt: skip
    assert list(workloads.expected_rights(components)) == [
        Right(
            verbs=("get",),
            group="apps",
            resources=("deployments",),
            namespace="n",
            names=("a", "b"),
        )
    ]
