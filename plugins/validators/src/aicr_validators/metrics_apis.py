"""Metrics as autoscalers get them: the custom and external metrics APIs, and HTTP services that answer with metrics.

A missing right leaves as the API's own error. That an API is not there, not up, or answers something else than JSON
is a failed result: a check of metrics is about exactly that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, CheckResult, Code, Right, failed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aicr_core.api import Target

    Object = dict[str, Any]

CUSTOM_GROUP, EXTERNAL_GROUP = "custom.metrics.k8s.io", "external.metrics.k8s.io"
CUSTOM = f"/apis/{CUSTOM_GROUP}/v1beta1"
EXTERNAL_METRIC = "dcgm_gpu_power_usage"
EXTERNAL_NAMESPACE = "default"
EXTERNAL = f"/apis/{EXTERNAL_GROUP}/v1beta1/namespaces/{EXTERNAL_NAMESPACE}/{EXTERNAL_METRIC}"
_NO_JSON = "NoJSON"


def said(error: AicrError) -> str:
    """Give what went wrong with a request, with the HTTP status where there was an answer."""
    status = getattr(error, "status", 0)
    return f"HTTP {status}: {error.message}" if status else error.message


def items(document: Object) -> int:
    """Give the number of items of a metrics list; 0 when it has none that can be counted."""
    found = document.get("items")
    return len(found) if isinstance(found, list) else 0


def resources(document: Object) -> list[Object]:
    """Give the resources of a group's list."""
    found = document.get("resources")
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def custom_api(target: Target, *, names: bool = False) -> CheckResult | None:
    """Give nothing when the custom metrics API answers, else a failed result; ``names`` shows its metrics."""
    command = f"kubectl get --raw {CUSTOM}"
    found = _read(
        target, CUSTOM, "Custom Metrics API", command, "the custom metrics API is not available",
        "CustomMetricsNotAvailable",
        "Install the component prometheus-adapter of the recipe, and see whether its API is registered: "
        "kubectl get apiservice v1beta1.custom.metrics.k8s.io",
    )  # fmt: skip
    if isinstance(found, CheckResult):
        return found
    listed = resources(found)
    lines = [f"Endpoint: {CUSTOM}", f"GroupVersion: {found.get('groupVersion') or 'unknown'}",
             f"Resource count: {len(listed)}"]  # fmt: skip
    if names:
        shown = [f"- {item.get('name')} (namespaced={item.get('namespaced')})" for item in listed]
        lines += shown[:50] + ([f"... and {len(shown) - 50} more"] if len(shown) > 50 else [])
    target.evidence("Custom Metrics API", "\n".join(lines), command)
    return None


def external_metric(target: Target) -> CheckResult | None:
    """Give nothing when the external metric that autoscalers of checks follow has a value, else a failed result."""
    command = f"kubectl get --raw {EXTERNAL}"
    remedy = (
        f"Add a rule for {EXTERNAL_METRIC} to the externalRules of prometheus-adapter, and see that "
        f"Prometheus scrapes the DCGM exporter: {command}"
    )
    found = _read(
        target, EXTERNAL, "External Metrics API", command,
        f"the external metric {EXTERNAL_METRIC} is not available", "ExternalMetricNotAvailable", remedy,
    )  # fmt: skip
    if isinstance(found, CheckResult):
        return found
    count = items(found)
    target.evidence(
        "External Metrics API",
        f"Endpoint: {EXTERNAL}\nMetric: {EXTERNAL_METRIC}\nItems observed: {count}", command,
    )  # fmt: skip
    if count:
        return None
    return failed(
        Code.NOT_FOUND, "ExternalMetricEmpty",
        f"the external metric {EXTERNAL_METRIC} has no data: 0 items at {EXTERNAL}",
        expected="at least 1 item", actual="0 items", remediation=remedy,
    )  # fmt: skip


def external_right() -> Iterable[Right]:
    """Give the right that :func:`external_metric` needs: a metric is asked for as a collection."""
    yield Right(
        verbs=("list",), group=EXTERNAL_GROUP, resources=(EXTERNAL_METRIC,),
        namespace=EXTERNAL_NAMESPACE,
    )  # fmt: skip


def _read(
    target: Target, path: str, label: str, command: str, problem: str, reason: str, remedy: str
) -> Object | CheckResult:
    try:
        return target.cluster.get(path)
    except AicrError as error:
        if error.code is Code.UNAUTHORIZED:
            raise
        target.evidence(
            label, f"Endpoint: {path}\nStatus: unavailable\nError: {said(error)}", command
        )
        no_json = getattr(error, "reason", "") == _NO_JSON
        return failed(
            Code.INTERNAL if no_json else Code.NOT_FOUND, reason,
            f"{problem} at {path}: {said(error)}",
            expected="a JSON answer", actual=said(error), remediation=remedy,
        )  # fmt: skip
