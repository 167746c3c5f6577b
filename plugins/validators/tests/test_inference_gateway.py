"""inference-gateway: class, gateway, kinds and endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aicr_validators import inference_gateway
from check_support import Lab, crd, lab_as, open_client, unserve

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from emulated_cluster import FakeCluster

API, NS = "gateway.networking.k8s.io/v1", "kgateway-system"
RECIPE = {"componentRefs": [{"name": "kgateway"}]}


def condition(kind: str, status: str = "True", **more: Any) -> dict[str, Any]:
    return {"conditions": [None, {"type": kind, "status": status, "reason": "Ok", **more}]}


def put(lab: Lab, kind: str, name: str, status: Any, namespace: str = "", **more: Any) -> None:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    lab.fake.add(
        {"apiVersion": API, "kind": kind, "metadata": metadata, "spec": {}, "status": status, **more}
    )  # fmt: skip


def endpoints(lab: Lab, service: Any, found: Any, name: str = "s1") -> None:
    lab.fake.add(
        {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "endpoints": found,
         "metadata": {"name": name, "namespace": NS, "labels": {"kubernetes.io/service-name": service}}}
    )  # fmt: skip


def ready_is(*values: Any) -> list[Any]:
    return [{"addresses": ["10.0.0.1"], "conditions": {"ready": value}} for value in values]


@pytest.fixture
def bare(fake_cluster: FakeCluster, tmp_path: pathlib.Path) -> Iterator[Lab]:
    """A recipe with kgateway over a cluster that has only the kinds."""
    with open_client(fake_cluster, tmp_path) as client:
        lab = Lab(fake_cluster, client, recipe=RECIPE)
        for name in inference_gateway.CRDS:
            lab.fake.add(crd(name))
        yield lab


@pytest.fixture
def ready(bare: Lab) -> Lab:
    """A gateway that is programmed."""
    put(bare, "GatewayClass", "kgateway", condition("Accepted"))
    put(bare, "Gateway", "inference-gateway",
        {**condition("Programmed"), "addresses": [{"value": "1.2.3.4"}],
         "listeners": [{"attachedRoutes": 2}, {"attachedRoutes": None}, None]}, NS)  # fmt: skip
    return bare


def run(lab: Lab) -> Any:
    return inference_gateway.check(lab.ctx, lab.target)


def test_a_gateway_that_takes_traffic(ready: Lab) -> None:
    endpoints(ready, "inference-gateway", ready_is(True, False, None))
    endpoints(ready, "kgateway", ready_is(True, True, True), "s2")
    put(
        ready,
        "HTTPRoute",
        "r1",
        {},
        "default",
        spec={"parentRefs": [{"name": "inference-gateway"}]},
    )
    put(ready, "HTTPRoute", "r2", {}, "default", spec={"parentRefs": None})
    result = run(ready)
    assert result.status == "passed"
    assert "2 ready endpoints" in result.message
    for words in (
        "Attached routes: 2",
        "HTTPRoutes: 2",
        "HTTPRoutes of the gateway: 1",
        "Addresses: 1",
    ):
        assert words in ready.evidence
    assert ready.fake.asked("POST") == []


@pytest.mark.parametrize(
    "recipe", [{}, {"componentRefs": None}, {"componentRefs": [{"name": "x"}]}]
)
def test_a_recipe_without_the_component_is_skipped(lab: Lab, recipe: Any) -> None:
    lab.target.recipe = recipe
    result = run(lab)
    assert (result.status, result.reason) == ("skipped", "NotInRecipe")
    assert result.remediation
    assert lab.fake.asked() == []


def test_no_class(bare: Lab) -> None:
    result = run(bare)
    assert (result.code, result.reason) == (Code.NOT_FOUND, "GatewayClassNotFound")
    assert "kgateway" in result.message
    assert result.remediation


def test_the_api_is_not_served(bare: Lab) -> None:
    unserve(bare.fake, "gateway.networking.k8s.io", "v1/.*")
    assert run(bare).code is Code.NOT_FOUND


def test_no_gateway(bare: Lab) -> None:
    put(bare, "GatewayClass", "kgateway", condition("Accepted"))
    result = run(bare)
    assert (result.code, result.reason) == (Code.NOT_FOUND, "GatewayNotFound")
    assert "kgateway-system/inference-gateway" in result.message


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (condition("Accepted", "False", message="bad"), "status=False reason=Ok message=bad"),
        (condition("Accepted", "Unknown"), "status=Unknown"),
        (condition("Other"), "status=missing"),
        (None, "status=missing"), ({"conditions": None}, "status=missing"),
        ({"conditions": {"type": "Accepted"}}, "status=missing"),
    ],
)  # fmt: skip
def test_a_class_that_is_not_accepted(bare: Lab, status: Any, words: str) -> None:
    put(bare, "GatewayClass", "kgateway", status)
    result = run(bare)
    assert (result.code, result.reason) == (Code.INTERNAL, "NotAccepted")
    assert words in result.message
    assert result.remediation


def test_a_gateway_that_is_not_programmed(bare: Lab) -> None:
    put(bare, "GatewayClass", "kgateway", condition("Accepted"))
    put(
        bare,
        "Gateway",
        "inference-gateway",
        condition("Programmed", "False", message="no address"),
        NS,
    )
    result = run(bare)
    assert (result.code, result.reason) == (Code.INTERNAL, "NotProgrammed")
    assert "no address" in result.message


@pytest.mark.parametrize("name", inference_gateway.CRDS)
def test_a_missing_kind(ready: Lab, name: str) -> None:
    ready.client.delete(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}")
    result = run(ready)
    assert (result.code, result.reason) == (Code.NOT_FOUND, "CRDNotFound")
    assert name in result.message


@pytest.mark.parametrize("found", [None, [], [None], ready_is(False), ready_is(False, "yes"), "x"])
def test_no_ready_endpoint(ready: Lab, found: Any) -> None:
    endpoints(ready, "inference-gateway", found)
    endpoints(ready, None, ready_is(True), "s2")
    result = run(ready)
    assert (result.code, result.reason) == (Code.INTERNAL, "NoReadyEndpoint")
    assert "kgateway-system" in result.message
    assert result.remediation


@pytest.mark.parametrize("path", [".*/gatewayclasses/.*", ".*/gateways/.*", ".*/customresource.*", ".*/endpointslices"])  # fmt: skip
def test_a_missing_right_is_no_missing_object(ready: Lab, path: str) -> None:
    ready.fake.faults.add("GET", path, status=403, reason="Forbidden")
    with pytest.raises(AicrError) as raised:
        run(ready)
    assert raised.value.code is Code.UNAUTHORIZED


def test_what_is_only_shown_may_be_forbidden(ready: Lab) -> None:
    endpoints(ready, "inference-gateway", ready_is(True))
    for path in (".*/deployments", ".*/pods", ".*/httproutes"):
        ready.fake.faults.add("GET", path, status=403, reason="Forbidden")
    assert run(ready).status == "passed"
    assert ready.evidence.count("cannot be read: [UNAUTHORIZED]") == 3


def test_the_rights_are_enough(ready: Lab, tmp_path: pathlib.Path) -> None:
    endpoints(ready, "inference-gateway", ready_is(True))
    with lab_as(ready.fake, tmp_path, inference_gateway.rights(RECIPE), recipe=RECIPE) as limited:
        assert run(limited).status == "passed"
        assert "UNAUTHORIZED" not in limited.evidence
