"""Check ``inference-gateway``: the gateway of inference services takes traffic (spec/validate.md 8.10).

It is for recipes with the component ``kgateway``. Deployments, pods, listeners and routes are shown, not judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import CheckResult, Code, Right, failed, passed, skipped
from aicr_validators import listings, workloads
from aicr_validators.testpods import entries, section

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aicr_core.api import Context, Target

    Object = dict[str, Any]

COMPONENT = CLASS = "kgateway"
NAMESPACE, GATEWAY = "kgateway-system", "inference-gateway"
GROUP = "gateway.networking.k8s.io"
API = f"{GROUP}/v1"
CRDS = (
    f"gateways.{GROUP}", f"httproutes.{GROUP}", "inferencepools.inference.networking.x-k8s.io",
)  # fmt: skip
SERVICE_LABEL = "kubernetes.io/service-name"
_LOG = f"kubectl logs -n {NAMESPACE} deployment/{COMPONENT}"


def rights(recipe: Mapping[str, Any]) -> Iterable[Right]:  # noqa: ARG001 - every check has this signature
    """Give the rights that the check needs."""
    yield Right(verbs=("list",), group="apps", resources=("deployments",), namespace=NAMESPACE)
    yield Right(verbs=("list",), resources=("pods",), namespace=NAMESPACE)
    yield Right(verbs=("get",), group=GROUP, resources=("gatewayclasses",), names=(CLASS,))
    yield Right(
        verbs=("get",), group=GROUP, resources=("gateways",), namespace=NAMESPACE, names=(GATEWAY,)
    )  # fmt: skip
    yield workloads.crd_right(*CRDS)
    yield Right(verbs=("list",), group=GROUP, resources=("httproutes",))
    yield Right(
        verbs=("list",), group="discovery.k8s.io", resources=("endpointslices",), namespace=NAMESPACE
    )  # fmt: skip


def check(ctx: Context, target: Target) -> CheckResult:  # noqa: ARG001 - every check has this signature
    """Look at class, gateway, kinds and endpoints, in this order; the first that is wrong decides."""
    if target.component(COMPONENT) is None:
        return skipped(
            "NotInRecipe", f"the recipe has no component {COMPONENT}: it is none for inference behind a gateway",
            remediation="Make a recipe for inference to have this checked: aicr recipe --intent inference ...",
        )  # fmt: skip
    listings.show_deployments(target, NAMESPACE, "kgateway deployments")
    listings.show_pods(target, NAMESPACE, "kgateway pods")
    return _class(target) or _gateway(target) or _kinds(target) or _endpoints(target)


# --- class and gateway ----------------------------------------------------------------------------


def _class(target: Target) -> CheckResult | None:
    found = target.find(API, "gatewayclasses", CLASS)
    command = f"kubectl get gatewayclass {CLASS} -o yaml"
    if found is None:
        return _missing(
            target, f"GatewayClass {CLASS}", f"gatewayclasses.{GROUP}", command,
            f"Install the components kgateway-crds and kgateway of the recipe, and look at: {_LOG}",
        )  # fmt: skip
    controller = section(found, "spec").get("controllerName")
    return _holds(
        target, f"GatewayClass {CLASS}", found, "Accepted", command, f"Controller: {controller}"
    )


def _gateway(target: Target) -> CheckResult | None:
    name = f"{NAMESPACE}/{GATEWAY}"
    found = target.find(API, "gateways", GATEWAY, NAMESPACE)
    command = f"kubectl get gateway {GATEWAY} -n {NAMESPACE} -o yaml"
    if found is None:
        return _missing(
            target, f"Gateway {name}", f"gateways.{GROUP}", command,
            f"Deploy the recipe's bundle again, its component kgateway makes the gateway; then: {command}",
        )  # fmt: skip
    status = section(found, "status")
    listeners = entries(status, "listeners")
    routes = sum(workloads.number(listener.get("attachedRoutes")) for listener in listeners)
    more = (
        f"Addresses: {len(entries(status, 'addresses'))}\nListeners: {len(listeners)}\n"
        f"Attached routes: {routes}"
    )
    return _holds(target, f"Gateway {name}", found, "Programmed", command, more)


def _missing(
    target: Target, what: str, resource: str, command: str, remediation: str
) -> CheckResult:
    target.evidence(what, "it is not there", command)
    return failed(
        Code.NOT_FOUND, f"{what.split()[0]}NotFound", f"{what} is not there (of {resource})",
        expected=what, actual="not found", remediation=remediation,
    )  # fmt: skip


def _holds(
    target: Target, what: str, found: Object, wanted: str, command: str, more: str
) -> CheckResult | None:
    """Keep a condition of an object as evidence; give a failed result unless it is True."""
    condition: Object = next(
        (entry for entry in entries(section(found, "status"), "conditions") if entry.get("type") == wanted),
        {},
    )  # fmt: skip
    status = condition.get("status") or "missing"
    reason, message = condition.get("reason") or "none", condition.get("message") or "none"
    target.evidence(
        what, f"{wanted}: {status}\nReason: {reason}\nMessage: {message}\n{more}", command
    )
    if status == "True":
        return None
    return failed(
        Code.INTERNAL, f"Not{wanted}",
        f"{what} is not {wanted.lower()}: status={status} reason={reason} message={message}",
        expected=f"{wanted}=True", actual=f"{wanted}={status}",
        remediation=f"Look at the conditions, then at the controller: {command}; {_LOG}",
    )  # fmt: skip


def _kinds(target: Target) -> CheckResult | None:
    for name in CRDS:
        missing = workloads.crd(target, name)
        if missing is not None:
            return missing
    return None


# --- endpoints ------------------------------------------------------------------------------------


class Slice(NamedTuple):
    """What is needed of an EndpointSlice."""

    service: str
    ready: int


def _slice(item: Object) -> Slice:
    service = section(section(item, "metadata"), "labels").get(SERVICE_LABEL)
    # The API says of an endpoint without the condition: take it for ready.
    ready = sum(
        section(endpoint, "conditions").get("ready") in (True, None)
        for endpoint in entries(item, "endpoints")
    )
    return Slice(str(service or ""), ready)


def _route(item: Object) -> bool:
    """Tell whether a route hangs on the gateway."""
    parents = entries(section(item, "spec"), "parentRefs")
    return any(parent.get("name") == GATEWAY for parent in parents)


def _endpoints(target: Target) -> CheckResult:
    def routes() -> list[str]:
        attached = target.list(API, "httproutes", keep=_route)
        return [f"HTTPRoutes: {len(attached)}", f"HTTPRoutes of the gateway: {sum(attached)}"]

    target.evidence("Routes", listings.lines(routes), "kubectl get httproutes -A")
    found = target.list("discovery.k8s.io/v1", "endpointslices", NAMESPACE, keep=_slice)
    ours = [item for item in found if GATEWAY in item.service]
    ready = sum(item.ready for item in ours)
    target.evidence(
        "Data plane", f"EndpointSlices of the gateway: {len(ours)}\nReady endpoints: {ready}",
        f"kubectl get endpointslices -n {NAMESPACE}",
    )  # fmt: skip
    if ready:
        return passed(
            f"Gateway {NAMESPACE}/{GATEWAY} is programmed and has {ready} ready endpoints"
        )
    return failed(
        Code.INTERNAL, "NoReadyEndpoint",
        f"{GATEWAY} has no ready endpoint in {NAMESPACE}: {len(ours)} EndpointSlices, 0 ready endpoints",
        expected="at least 1 ready endpoint", actual="0",
        remediation=f"See why the pods of the gateway are not ready: kubectl get pods -n {NAMESPACE}",
    )  # fmt: skip
