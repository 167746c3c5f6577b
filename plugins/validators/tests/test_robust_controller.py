"""robust-controller: the operator of the recipe's platform, its webhook, and what it does with an invalid object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aicr_validators import robust_controller
from aicr_validators.robust_controller import OPERATORS, Operator
from check_support import Lab, crd, lab_as, workload
from emulated_cluster import Refused

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping

    from emulated_cluster import Kind

DYNAMO, TRAINER = OPERATORS
CONFIGURATION = {
    DYNAMO.component: "dynamo-platform-validating",
    TRAINER.component: "validator.trainer.kubeflow.org",
}
both = pytest.mark.parametrize("operator", OPERATORS, ids=["dynamo", "trainer"])


def recipe(*operators: Operator) -> dict[str, Any]:
    return {"componentRefs": [{"name": operator.component} for operator in operators]}


def webhook(name: str, *services: Any) -> dict[str, Any]:
    webhooks = [{"name": "a.b.c", "clientConfig": service} for service in services]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name}, "webhooks": webhooks,
    }  # fmt: skip


def service(operator: Operator, name: str = "hook") -> dict[str, Any]:
    return {"service": {"name": name, "namespace": operator.namespace}}


def ready(lab: Lab, operator: Operator, *, hook: Mapping[str, Any] | None = None) -> Lab:
    """Put a whole operator into the cluster."""
    lab.target.recipe = recipe(operator)
    lab.fake.add(workload("Deployment", operator.namespace, operator.deployment))
    lab.fake.add(dict(hook or webhook(CONFIGURATION[operator.component], service(operator))))
    lab.fake.add(
        {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "endpoints": None,
         "metadata": {"name": "hook-x", "namespace": operator.namespace,
                      "labels": {"kubernetes.io/service-name": "hook"}}}
    )  # fmt: skip
    lab.fake.add(crd(operator.crd))
    return lab


def refuse(lab: Lab, operator: Operator, status: int, message: str, reason: str = "") -> None:
    def admit(verb: str, kind: Kind, item: dict[str, Any]) -> None:
        if kind.kind == operator.kind:
            raise Refused(status, message, reason)

    lab.fake.admission.append(admit)


def run(lab: Lab) -> Any:
    return robust_controller.check(lab.ctx, lab.target)


def left(lab: Lab, operator: Operator) -> list[Any]:
    return lab.all(operator.plural)


REJECTED = 'admission webhook "v.x" denied the request: no'


@both
@pytest.mark.parametrize("status", [403, 422])
def test_an_operator_that_refuses_what_is_invalid(
    lab: Lab, operator: Operator, status: int
) -> None:
    refuse(ready(lab, operator), operator, status, REJECTED)
    result = run(lab)
    assert result.status == "passed"
    assert f"Status: {status}" in lab.evidence
    assert CONFIGURATION[operator.component] in lab.evidence
    assert lab.clean() == []


@pytest.mark.parametrize(
    "found", [{}, {"componentRefs": None}, {"componentRefs": [None, {"name": ["x"]}]}]
)
def test_a_recipe_without_an_operator_is_skipped(lab: Lab, found: Any) -> None:
    lab.target.recipe = found
    result = run(lab)
    assert (result.status, result.reason) == ("skipped", "NotInRecipe")
    assert "dynamo-platform" in result.message
    assert "kubeflow-trainer" in result.message
    assert result.remediation
    assert lab.fake.asked() == []
    assert list(robust_controller.rights(found)) == []


def test_dynamo_comes_first(lab: Lab) -> None:
    refuse(ready(lab, DYNAMO), DYNAMO, 403, "no")
    lab.target.recipe = recipe(TRAINER, DYNAMO)
    result = run(lab)
    assert result.status == "passed", "and its rejection needs no particular words"
    assert "Dynamo" in result.message


@both
def test_no_operator(lab: Lab, operator: Operator) -> None:
    lab.target.recipe = recipe(operator)
    result = run(lab)
    assert (result.status, result.code) == ("failed", Code.NOT_FOUND)
    assert f"{operator.namespace}/{operator.deployment}" in result.message
    assert result.remediation


@both
def test_an_operator_that_is_down(lab: Lab, operator: Operator) -> None:
    lab.target.recipe = recipe(operator)
    lab.fake.add(workload("Deployment", operator.namespace, operator.deployment, up=0, of=2))
    result = run(lab)
    assert result.code is Code.NOT_FOUND
    assert "0/2" in result.message


@both
def test_no_webhook(lab: Lab, operator: Operator) -> None:
    other = TRAINER if operator is DYNAMO else DYNAMO
    ready(lab, operator, hook=webhook(f"{CONFIGURATION[other.component]}.x"))
    result = run(lab)
    assert (result.code, result.reason) == (Code.NOT_FOUND, "WebhookNotFound")
    assert operator.title in result.message
    assert result.remediation


@both
def test_a_service_without_slices(lab: Lab, operator: Operator) -> None:
    found = (service(operator), service(operator, "gone"))
    ready(lab, operator, hook=webhook(CONFIGURATION[operator.component], *found))
    result = run(lab)
    assert (result.code, result.reason) == (Code.NOT_FOUND, "WebhookServiceWithoutEndpoints")
    assert f"{operator.namespace}/gone" in result.message
    assert f"kubectl describe service gone -n {operator.namespace}" in result.remediation


@pytest.mark.parametrize(
    "client", [None, {}, {"url": "https://x"}, {"service": None}, {"service": {"name": None}}]
)
def test_a_webhook_without_a_service(lab: Lab, client: Any) -> None:
    refuse(
        ready(lab, TRAINER, hook=webhook(CONFIGURATION[TRAINER.component], client)),
        TRAINER,
        403,
        REJECTED,
    )
    assert run(lab).status == "passed"


@both
def test_no_kind(lab: Lab, operator: Operator) -> None:
    ready(lab, operator)
    lab.client.delete(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{operator.crd}")
    result = run(lab)
    assert (result.code, result.reason) == (Code.NOT_FOUND, "CRDNotFound")
    assert operator.crd in result.message


@both
def test_an_invalid_object_that_is_accepted(lab: Lab, operator: Operator) -> None:
    result = run(ready(lab, operator))
    assert (result.code, result.reason) == (Code.INTERNAL, "InvalidObjectAccepted")
    assert operator.kind in result.message
    assert left(lab, operator) == [], "it is deleted at once"
    assert lab.clean() == []


def test_an_accepted_object_that_cannot_be_deleted_stays_noted(lab: Lab) -> None:
    ready(lab, TRAINER).fake.faults.add("DELETE", ".*", status=500, times=1)
    with pytest.raises(AicrError):
        run(lab)
    assert len(lab.clean()) == 1
    assert left(lab, TRAINER) == []


@both
@pytest.mark.parametrize(
    ("status", "message", "reason"),
    [
        (403, 'User "x" cannot create resource "y"', "RightMissing"),
        (500, "failed calling webhook", "RejectionUnclear"),
        (404, "no such resource", "RejectionUnclear"),
    ],
)
def test_a_refusal_that_is_no_rejection(
    lab: Lab, operator: Operator, status: int, message: str, reason: str
) -> None:
    refuse(ready(lab, operator), operator, status, message)
    result = run(lab)
    assert (result.status, result.code, result.reason) == ("failed", Code.INTERNAL, reason)
    assert message in result.message
    assert result.remediation


def test_a_rejection_by_somebody_else(lab: Lab) -> None:
    refuse(ready(lab, TRAINER), TRAINER, 403, "exceeded quota")
    result = run(lab)
    assert (result.code, result.reason) == (Code.INTERNAL, "NotRejectedByWebhook")
    assert "exceeded quota" in result.message


def test_credentials_that_expire(lab: Lab) -> None:
    ready(lab, TRAINER).fake.faults.add("POST", ".*/trainjobs", status=401)
    with pytest.raises(AicrError) as raised:
        run(lab)
    assert raised.value.code is Code.UNAUTHORIZED


@pytest.mark.parametrize("path", [".*/deployments/.*", ".*/validatingwebhook.*", ".*/endpointslices", ".*/customresource.*"])  # fmt: skip
def test_a_missing_right_is_no_missing_object(lab: Lab, path: str) -> None:
    ready(lab, TRAINER).fake.faults.add("GET", path, status=403, reason="Forbidden")
    with pytest.raises(AicrError) as raised:
        run(lab)
    assert raised.value.code is Code.UNAUTHORIZED


def test_what_is_only_shown_may_be_absent(lab: Lab) -> None:
    refuse(ready(lab, DYNAMO), DYNAMO, 422, "invalid")
    for path in (
        ".*/dynamo-system/pods",
        ".*/dynamo-workload/pods",
        ".*/dynamocomponentdeployments",
    ):
        lab.fake.faults.add("GET", path, status=404, reason="NotFound")
    assert run(lab).status == "passed"
    assert lab.evidence.count("cannot be read: [NOT_FOUND]") == 3
    assert "Count: 0" in lab.evidence


@both
def test_the_rights_are_enough(lab: Lab, operator: Operator, tmp_path: pathlib.Path) -> None:
    ready(lab, operator)
    rights = list(robust_controller.rights(recipe(operator)))
    with lab_as(lab.fake, tmp_path, rights, recipe=recipe(operator)) as limited:
        assert run(limited).reason == "InvalidObjectAccepted"
        assert "UNAUTHORIZED" not in limited.evidence
    assert left(lab, operator) == []
