"""Whether workloads that a check relies on are there and up: Deployments, DaemonSets, kinds, expected resources.

Each helper reads through the phase's shared reads, keeps what it saw as evidence, and gives a failed result or
nothing; what the check concludes from that is its own business. A missing right is never taken for a missing object:
the error of the API leaves as it is. The ``*_right`` functions give the rights that the helpers use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, CheckResult, Code, Right, failed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from aicr_core.api import Target

    Object = Mapping[str, Any]

_PLURAL = {
    "Deployment": ("apps/v1", "deployments"),
    "DaemonSet": ("apps/v1", "daemonsets"),
    "StatefulSet": ("apps/v1", "statefulsets"),
    "Service": ("v1", "services"),
    "ConfigMap": ("v1", "configmaps"),
    "Secret": ("v1", "secrets"),
}
EXPECTED_KINDS = tuple(_PLURAL)
"""Kinds that a recipe's ``expectedResources`` may name (spec/validate.md 8.2)."""


# --- one workload that a check relies on ----------------------------------------------------------


def available(target: Target, namespace: str, name: str, *, label: str = "") -> CheckResult | None:
    """Give nothing when a Deployment has an available replica, else a failed result.

    NOT_FOUND when there is no such Deployment, INTERNAL when none of its replicas is available. ``label`` is what
    the Deployment is to the reader (``KAI scheduler``). Raises AicrError when the API refuses to say.
    """
    return _up(target, "Deployment", namespace, name, label)


def ready(target: Target, namespace: str, name: str, *, label: str = "") -> CheckResult | None:
    """Give nothing when a DaemonSet has a ready pod, else a failed result, as :func:`available` does."""
    return _up(target, "DaemonSet", namespace, name, label)


def _up(target: Target, kind: str, namespace: str, name: str, label: str) -> CheckResult | None:
    api_version, plural = _PLURAL[kind]
    command = f"kubectl get {kind.lower()} {name} -n {namespace}"
    what = f"{kind} {namespace}/{name}" + (f" ({label})" if label else "")
    found = target.find(api_version, plural, name, namespace)
    if found is None:
        target.evidence(label or f"{kind} {name}", f"{what} is not there", command)
        return failed(
            Code.NOT_FOUND, f"{kind}NotFound", f"{what} is not there",
            expected=f"{kind} {namespace}/{name}", actual="not found",
            remediation=f"Install what brings {kind} {name}, or look where it is: "
            f"kubectl get {plural} -A",
        )  # fmt: skip
    return deployment_down(target, found, label) if kind == "Deployment" else _daemons(
        target, found, namespace, name, label
    )  # fmt: skip


def deployment_down(target: Target, deployment: Object, label: str = "") -> CheckResult | None:
    """Give nothing when a Deployment that was read already has an available replica, else a failed result."""
    namespace, name = names(deployment)
    up, wanted = replicas(deployment, "availableReplicas"), wanted_replicas(deployment)
    what = f"Deployment {namespace}/{name}" + (f" ({label})" if label else "")
    target.evidence(
        label or f"Deployment {name}",
        f"Name: {namespace}/{name}\nAvailable: {up}/{wanted}\nImage: {image(deployment)}",
        f"kubectl get deployment {name} -n {namespace}",
    )
    if up >= 1:
        return None
    return failed(
        Code.INTERNAL, "DeploymentNotAvailable", f"{what} is not available: {up}/{wanted} replicas",
        expected="at least 1 available replica", actual=f"{up}/{wanted} available",
        remediation=f"See why its pods do not start: kubectl describe deployment {name} -n {namespace}",
    )  # fmt: skip


def _daemons(
    target: Target, found: Object, namespace: str, name: str, label: str
) -> CheckResult | None:
    up, wanted = replicas(found, "numberReady"), replicas(found, "desiredNumberScheduled")
    what = f"DaemonSet {namespace}/{name}" + (f" ({label})" if label else "")
    target.evidence(
        label or f"DaemonSet {name}",
        f"Name: {namespace}/{name}\nReady: {up}/{wanted}\nImage: {image(found)}",
        f"kubectl get daemonset {name} -n {namespace}",
    )
    if up >= 1:
        return None
    return failed(
        Code.INTERNAL, "DaemonSetNotReady", f"{what} is not ready: {up}/{wanted} pods ready",
        expected="at least 1 ready pod", actual=f"{up}/{wanted} ready",
        remediation=f"See why its pods do not start: kubectl describe daemonset {name} -n {namespace}",
    )  # fmt: skip


def crd(target: Target, name: str) -> CheckResult | None:
    """Give nothing when a CustomResourceDefinition (``plural.group``) exists, else a result with NOT_FOUND."""
    command = f"kubectl get crd {name}"
    found = target.find("apiextensions.k8s.io/v1", "customresourcedefinitions", name)
    target.evidence(f"CRD {name}", "present" if found is not None else "not there", command)
    if found is not None:
        return None
    return failed(
        Code.NOT_FOUND, "CRDNotFound", f"CustomResourceDefinition {name} is not there",
        expected=f"customresourcedefinitions.apiextensions.k8s.io {name}", actual="not found",
        remediation="Install the chart that brings it; some charts need their CRDs switched on",
    )  # fmt: skip


# --- resources that a recipe expects --------------------------------------------------------------


def expected(target: Target, component: Mapping[str, Any], resource: Mapping[str, Any]) -> str:
    """Say what is wrong with a component's expected resource (kind, name, namespace); "" when nothing is.

    The text is ``Deployment a/d (component): [CODE] reason``. An API error is such a problem too, with its own code:
    one that may not be read is not called missing. Without a namespace the resource is in the component's.
    """
    kind, namespace, name = _place(component, resource)
    what = f"{kind} {namespace}/{name} ({component.get('name') or '?'})"
    if kind not in _PLURAL:
        known = ", ".join(EXPECTED_KINDS)
        return f'{what}: [INVALID_REQUEST] unsupported kind "{kind}", known are {known}'
    if not name or not namespace:
        missing = "namespace" if name else "name"
        return f"{what}: [INVALID_REQUEST] the recipe gives it no {missing}"
    try:
        found = target.find(*_PLURAL[kind], name, namespace)
    except AicrError as error:
        return f"{what}: [{error.code}] {error.message}"
    if found is None:
        return f"{what}: [NOT_FOUND] it is not there"
    problem = _unhealthy(kind, found)
    return f"{what}: [INTERNAL] not healthy: {problem}" if problem else ""


def expected_of(component: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give the expected resources of a component reference."""
    found = component.get("expectedResources")
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _place(component: Mapping[str, Any], resource: Mapping[str, Any]) -> tuple[str, str, str]:
    kind, name = str(resource.get("kind") or ""), str(resource.get("name") or "")
    namespace = str(resource.get("namespace") or "")
    if not namespace and kind in _PLURAL:
        namespace = str(component.get("namespace") or "")
    return kind, namespace, name


def _unhealthy(kind: str, found: Object) -> str:
    if kind == "DaemonSet":
        up, wanted = replicas(found, "numberReady"), replicas(found, "desiredNumberScheduled")
        return f"{up}/{wanted} pods ready" if up < wanted else ""
    field, word = {
        "Deployment": ("availableReplicas", "available"),
        "StatefulSet": ("readyReplicas", "ready"),
    }.get(kind, ("", ""))
    if not field:
        return ""  # that it exists is all that is asked of a Service, ConfigMap or Secret
    up, wanted = replicas(found, field), wanted_replicas(found)
    return f"{up}/{wanted} replicas {word}" if up < wanted else ""


# --- rights ---------------------------------------------------------------------------------------


def deployment_right(namespace: str, *names: str) -> Right:
    """Give the right that :func:`available` needs."""
    return _read("Deployment", namespace, names)


def daemonset_right(namespace: str, *names: str) -> Right:
    """Give the right that :func:`ready` needs."""
    return _read("DaemonSet", namespace, names)


def crd_right(*names: str) -> Right:
    """Give the right that :func:`crd` needs."""
    return Right(
        verbs=("get",), group="apiextensions.k8s.io", resources=("customresourcedefinitions",),
        names=names,
    )  # fmt: skip


def expected_rights(components: Iterable[Mapping[str, Any]]) -> Iterator[Right]:
    """Give the rights to read exactly the expected resources of these component references."""
    wanted: dict[tuple[str, str], list[str]] = {}
    for component in components:
        for resource in expected_of(component):
            kind, namespace, name = _place(component, resource)
            if kind in _PLURAL and name and namespace:
                wanted.setdefault((kind, namespace), []).append(name)
    for (kind, namespace), found in wanted.items():
        yield _read(kind, namespace, tuple(dict.fromkeys(found)))


def _read(kind: str, namespace: str, names: tuple[str, ...]) -> Right:
    api_version, plural = _PLURAL[kind]
    group = api_version.rpartition("/")[0]
    return Right(verbs=("get",), group=group, resources=(plural,), namespace=namespace, names=names)


# --- fields of objects, whatever they hold --------------------------------------------------------


def part(item: Any, *keys: str) -> Any:
    """Give the value at a path of mappings, or None where the path ends early; for objects that may lack all."""
    for key in keys:
        item = item.get(key) if isinstance(item, dict) else None
    return item


def names(item: Object) -> tuple[str, str]:
    """Give namespace and name of an object."""
    return str(part(item, "metadata", "namespace") or ""), str(part(item, "metadata", "name") or "")


def number(value: Any, default: int = 0) -> int:
    """Give an integer of an object, or ``default`` when it is absent or no integer."""
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def replicas(item: Object, field: str) -> int:
    """Give a count of an object's status; 0 when it is absent."""
    return number(part(item, "status", field))


def wanted_replicas(item: Object) -> int:
    """Give ``spec.replicas``; absent means 1."""
    return number(part(item, "spec", "replicas"), 1)


def images(item: Object) -> list[str]:
    """Give the images of a workload's containers."""
    containers = part(item, "spec", "template", "spec", "containers")
    if not isinstance(containers, list):
        return []
    return [str(part(container, "image") or "") for container in containers]


def image(item: Object) -> str:
    """Give the image of a workload's first container; "unknown" when it has none."""
    return next(iter(images(item)), "") or "unknown"


def problems_found(
    problems: Sequence[str], what: str, reason: str, *, expected: str, remediation: str
) -> CheckResult:
    """Give the failure of a check that looks at many things and has collected what is wrong with ``what``.

    What may not be read is not known to be missing: a missing right comes first.
    """
    refused = any(": [UNAUTHORIZED] " in problem for problem in problems)
    word = "problem" if len(problems) == 1 else "problems"
    return failed(
        Code.UNAUTHORIZED if refused else Code.NOT_FOUND,
        "Forbidden" if refused else reason,
        f"{len(problems)} {word} {what}: {'; '.join(problems)}",
        expected=expected,
        actual=f"{len(problems)} {word}",
        remediation="Give the run the rights to read what is named" if refused else remediation,
    )
