"""Check ``robust-controller``: the platform's operator runs, and refuses what is invalid (spec/validate.md 8.13).

Which operator is looked at is decided by the recipe: Dynamo before Kubeflow Trainer. The invalid object is deleted at
once where it is accepted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from aicr_core.api import AicrError, CheckResult, Code, Right, failed, passed, skipped
from aicr_validators import listings, workloads
from aicr_validators.testpods import entries, section

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aicr_core.api import Context, Target

    Object = dict[str, Any]

ADMISSION = "admissionregistration.k8s.io"


class Operator(NamedTuple):
    """What to look at for an operator; ``webhook`` is the configuration's name, or with ``partly`` a part of it.

    ``words`` have to be in the message of a rejection that counts: without them, others than the webhook may have
    rejected the object.
    """

    component: str
    title: str
    namespace: str
    deployment: str
    webhook: str
    partly: bool
    group: str
    plural: str
    kind: str
    place: str
    spec: Mapping[str, Any]
    words: str = ""
    shown: tuple[tuple[str, str], ...] = ()
    """Collections that are shown: plural name, namespace (empty: all)."""
    workloads: str = ""
    """Namespace of the pods that the operator makes; they are shown."""

    @property
    def api_version(self) -> str:
        """Of the kind that is tested."""
        return f"{self.group}/v1alpha1"

    @property
    def crd(self) -> str:
        """The definition of the kind that is tested."""
        return f"{self.plural}.{self.group}"

    def is_webhook(self, name: str) -> bool:
        """Tell whether a webhook configuration is this operator's."""
        return self.webhook in name if self.partly else name == self.webhook


OPERATORS = (
    Operator(
        component="dynamo-platform", title="Dynamo operator", namespace="dynamo-system",
        deployment="dynamo-platform-dynamo-operator-controller-manager", webhook="dynamo", partly=True,
        group="nvidia.com", plural="dynamographdeployments", kind="DynamoGraphDeployment",
        place="dynamo-system", spec={"services": {}},
        shown=(("dynamographdeployments", ""), ("dynamocomponentdeployments", "dynamo-workload")),
        workloads="dynamo-workload",
    ),
    Operator(
        component="kubeflow-trainer", title="Kubeflow Trainer", namespace="kubeflow",
        deployment="kubeflow-trainer-controller-manager", webhook="validator.trainer.kubeflow.org",
        partly=False, group="trainer.kubeflow.org", plural="trainjobs", kind="TrainJob", place="default",
        spec={"runtimeRef": {"apiGroup": "trainer.kubeflow.org", "kind": "ClusterTrainingRuntime",
                             "name": "robust-test-nonexistent-runtime"}},
        words="admission webhook",
    ),
)  # fmt: skip


def _of(recipe: Mapping[str, Any]) -> Operator | None:
    names = [ref.get("name") for ref in entries(recipe, "componentRefs")]
    return next((operator for operator in OPERATORS if operator.component in names), None)


def rights(recipe: Mapping[str, Any]) -> Iterable[Right]:
    """Give the rights that the check needs for the operator of the recipe; none without one."""
    operator = _of(recipe)
    if operator is None:
        return
    yield workloads.deployment_right(operator.namespace, operator.deployment)
    yield Right(verbs=("list",), resources=("pods",), namespace=operator.namespace)
    yield Right(verbs=("list",), group=ADMISSION, resources=("validatingwebhookconfigurations",))
    yield Right(
        verbs=("list",), group="discovery.k8s.io", resources=("endpointslices",),
        namespace=operator.namespace,
    )  # fmt: skip
    yield workloads.crd_right(operator.crd)
    if operator.workloads:
        yield Right(verbs=("list",), resources=("pods",), namespace=operator.workloads)
    for plural, namespace in operator.shown:
        yield Right(verbs=("list",), group=operator.group, resources=(plural,), namespace=namespace)
    yield Right(
        verbs=("create", "get", "delete"), group=operator.group, resources=(operator.plural,),
        namespace=operator.place,
    )  # fmt: skip


def check(ctx: Context, target: Target) -> CheckResult:  # noqa: ARG001 - every check has this signature
    """Look at the operator, its webhook and its kind, then try to create an invalid object."""
    operator = _of(target.recipe)
    if operator is None:
        names = " or ".join(one.component for one in OPERATORS)
        return skipped(
            "NotInRecipe", f"the recipe has no AI operator that is known here ({names})",
            remediation="Make a recipe with a platform to have this checked: aicr recipe --platform kubeflow ...",
        )  # fmt: skip
    down = workloads.available(
        target, operator.namespace, operator.deployment, label=operator.title
    )
    if down is not None:
        return attrs.evolve(down, code=Code.NOT_FOUND)  # absent or down: no operator is there
    listings.show_pods(target, operator.namespace, f"{operator.title} pods")
    problem = _webhook(target, operator) or workloads.crd(target, operator.crd)
    if problem is not None:
        return problem
    _show(target, operator)
    return _rejection(target, operator)


def _show(target: Target, operator: Operator) -> None:
    if operator.workloads:
        listings.show_pods(target, operator.workloads, f"Workloads of {operator.title}")
    for plural, namespace in operator.shown:

        def count(plural: str = plural, namespace: str = namespace) -> list[str]:
            found = target.list(operator.api_version, plural, namespace, keep=_one)
            return [f"Count: {len(found)}"]

        where = f"-n {namespace}" if namespace else "-A"
        command = f"kubectl get {plural}.{operator.group} {where}"
        target.evidence(plural, listings.lines(count), command)


def _one(_: Object) -> bool:
    return True


# --- the webhook ----------------------------------------------------------------------------------


class Webhook(NamedTuple):
    """What is needed of a ValidatingWebhookConfiguration: its name, and (namespace, name) of its services."""

    name: str
    services: tuple[tuple[str, str], ...]


def _configuration(item: Object) -> Webhook:
    services = []
    for webhook in entries(item, "webhooks"):
        service = section(section(webhook, "clientConfig"), "service")
        if service.get("name"):
            services.append((str(service.get("namespace") or "default"), str(service["name"])))
    name = str(section(item, "metadata").get("name") or "")
    return Webhook(name, tuple(dict.fromkeys(services)))


def _webhook(target: Target, operator: Operator) -> CheckResult | None:
    """Give a failed result unless the operator has a webhook whose services have EndpointSlices."""
    found: Sequence[Webhook] = target.list(
        f"{ADMISSION}/v1", "validatingwebhookconfigurations", keep=_configuration
    )
    ours = next((webhook for webhook in found if operator.is_webhook(webhook.name)), None)
    command = "kubectl get validatingwebhookconfigurations"
    if ours is None:
        target.evidence(
            "Validating webhook", f"none of {operator.title} among {len(found)}", command
        )
        sign = f"with {operator.webhook} in its name" if operator.partly else operator.webhook
        return failed(
            Code.NOT_FOUND, "WebhookNotFound",
            f"{operator.title} has no validating webhook: no ValidatingWebhookConfiguration {sign}",
            expected=f"ValidatingWebhookConfiguration {sign}", actual="not found",
            remediation=f"Deploy component {operator.component} with its webhook switched on, then: {command}",
        )  # fmt: skip
    lines = [f"Name: {ours.name}"]
    missing = ""
    for namespace, name in ours.services:
        slices = target.list(
            "discovery.k8s.io/v1", "endpointslices", namespace, labels=f"kubernetes.io/service-name={name}",
            keep=_one,
        )  # fmt: skip
        lines.append(f"Service: {namespace}/{name} EndpointSlices: {len(slices)}")
        missing = missing or ("" if slices else f"{namespace}/{name}")
    target.evidence("Validating webhook", "\n".join(lines), f"{command} {ours.name} -o yaml")
    if not missing:
        return None
    space, _, service = missing.partition("/")
    return failed(
        Code.NOT_FOUND, "WebhookServiceWithoutEndpoints",
        f"webhook {ours.name}: service {missing} has no EndpointSlice",
        expected="at least 1 EndpointSlice", actual="0",
        remediation=f"See which pods the service selects: kubectl describe service {service} -n {space}",
    )  # fmt: skip


# --- the rejection --------------------------------------------------------------------------------


def _rejection(target: Target, operator: Operator) -> CheckResult:
    name = f"robust-test-{target.suffix()}"
    body = {
        "apiVersion": operator.api_version, "kind": operator.kind,
        "metadata": {"name": name, "namespace": operator.place}, "spec": operator.spec,
    }  # fmt: skip
    what = f"invalid {operator.kind} {operator.place}/{name}"
    try:
        target.create(operator.plural, body)
    except AicrError as error:
        if not getattr(error, "status", 0) or getattr(error, "status", 0) == 401:
            raise
        return _judge(target, operator, what, error)
    target.delete(operator.api_version, operator.plural, name, operator.place)
    target.evidence("Rejection test", f"{what} was accepted, and deleted again")
    return failed(
        Code.INTERNAL, "InvalidObjectAccepted", f"the webhook of {operator.title} did not reject the {what}",
        expected="the object is rejected", actual="it was created",
        remediation="Look at rules, failurePolicy and namespaceSelector of the webhook: "
        "kubectl get validatingwebhookconfigurations -o yaml",
    )  # fmt: skip


def _judge(target: Target, operator: Operator, what: str, error: AicrError) -> CheckResult:
    """Say what the refusal of the invalid object means: only the webhook's own counts."""
    status, message = getattr(error, "status", 0), error.message
    word = getattr(error, "reason", "") or "none"
    target.evidence(
        "Rejection test", f"Object: {what}\nStatus: {status}\nReason: {word}\nMessage: {message}"
    )
    wanted = "the object is rejected by the admission webhook"
    if word not in ("Forbidden", "Invalid"):
        return failed(
            Code.INTERNAL, "RejectionUnclear",
            f"the {what} was refused with {status} {word}, which is no verdict of a webhook: {message}",
            expected=wanted, actual=f"{status} {word}: {message}",
            remediation="See the operator's log: "
            f"kubectl logs -n {operator.namespace} deployment/{operator.deployment}",
        )  # fmt: skip
    if "cannot create resource" in message:
        return failed(
            Code.INTERNAL, "RightMissing",
            f"the {what} was refused for lack of a right, not by the webhook: {message}",
            expected=wanted, actual=message,
            remediation=f"Ask for the right to create {operator.crd} in namespace {operator.place}",
        )  # fmt: skip
    if operator.words not in message:
        return failed(
            Code.INTERNAL, "NotRejectedByWebhook",
            f"the {what} was refused, but not by an admission webhook: {message}",
            expected=wanted, actual=message,
            remediation="Look for quotas, policies and schema validation that come before the webhook",
        )  # fmt: skip
    return passed(f"the webhook of {operator.title} rejected the {what}")
