"""Check ``ai-service-metrics``: Prometheus has the GPU metrics, the custom metrics API answers (spec/validate.md 8.9).

Prometheus is found by the labels of its Service in the namespace of the recipe's component, and asked through the
API server's proxy. What the custom metrics API offers is shown, not judged.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import AicrError, CheckResult, Code, Right, failed, passed
from aicr_validators import metrics_apis
from aicr_validators.exposition import LIMIT
from aicr_validators.metrics_apis import said
from aicr_validators.testpods import budget, entries, section
from aicr_validators.workloads import names, part

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aicr_core.api import Context, Target

    Object = dict[str, Any]

COMPONENT = "kube-prometheus-stack"
PORT = 9090
LABELS = ("app.kubernetes.io/name=prometheus", "self-monitor=true")
METRIC = "DCGM_FI_DEV_GPU_UTIL"
PATIENCE, EVERY = 120.0, 10.0
"""Seconds that the first samples may take, and between two looks."""
_SHOWN = 2000


class Answer(NamedTuple):
    """What Prometheus has of the metric: the number of series, and its answer's text."""

    series: int
    text: str


def rights(recipe: Mapping[str, Any]) -> Iterable[Right]:
    """Give the rights that the check needs: none but for the API when the recipe has no Prometheus."""
    refs = recipe.get("componentRefs")
    for ref in refs if isinstance(refs, list) else ():
        if isinstance(ref, dict) and ref.get("name") == COMPONENT and ref.get("namespace"):
            namespace = str(ref["namespace"])
            yield Right(verbs=("list",), resources=("services",), namespace=namespace)
            # Which Service it is, is found out at run time.
            yield Right(verbs=("get",), resources=("services/proxy",), namespace=namespace)


def check(ctx: Context, target: Target) -> CheckResult:
    """Find Prometheus, wait for series of the metric, then ask the custom metrics API."""
    namespace = str((target.component(COMPONENT) or {}).get("namespace") or "")
    if not namespace:
        return failed(
            Code.NOT_FOUND, "PrometheusNotInRecipe",
            f"the recipe has no component {COMPONENT} with a namespace, so nobody knows where Prometheus is",
            expected=f"component {COMPONENT}", actual="not in the recipe",
            remediation="Make the recipe again with aicr recipe: every recipe of the catalogue for a service has it",
        )  # fmt: skip
    service = _service(target, namespace)
    if service is None:
        return failed(
            Code.NOT_FOUND, "PrometheusNotFound",
            f"no Service of Prometheus with port {PORT} in namespace {namespace}",
            expected=f"a Service labelled {' or '.join(LABELS)} with port {PORT}", actual="none",
            remediation=f"Install the component {COMPONENT} of the recipe, and look: "
            f"kubectl get services -n {namespace} --show-labels",
        )  # fmt: skip
    answer = _series(ctx, target, namespace, service)
    if isinstance(answer, CheckResult):
        return answer
    missing = metrics_apis.custom_api(target, names=True)
    return missing or passed(
        f"Prometheus {namespace}/{service} has {answer.series} series of {METRIC}, and the custom metrics API answers"
    )


def _has_port(item: Object) -> str | None:
    ports = entries(section(item, "spec"), "ports")
    return names(item)[1] if any(port.get("port") == PORT for port in ports) else None


def _service(target: Target, namespace: str) -> str | None:
    for labels in LABELS:
        found = target.list("v1", "services", namespace, labels=labels, keep=_has_port)
        if found:
            return str(found[0])
    return None


# --- Prometheus -----------------------------------------------------------------------------------


def _series(ctx: Context, target: Target, namespace: str, service: str) -> Answer | CheckResult:
    """Ask until there is a series; give it, or a failed result."""
    url = f"http://{service}.{namespace}.svc:{PORT}/api/v1/query?query={METRIC}"
    command = (
        f"kubectl get --raw '/api/v1/namespaces/{namespace}/services/{service}:{PORT}/proxy"
        f"/api/v1/query?query={METRIC}'"
    )

    def probe() -> tuple[Answer | CheckResult] | None:
        found = _ask(target, namespace, service, url)
        return None if isinstance(found, Answer) and not found.series else (found,)

    (answer,) = target.wait(budget(ctx, PATIENCE), EVERY, probe) or (None,)
    if isinstance(answer, CheckResult):
        target.evidence(f"Prometheus Query: {METRIC}", answer.message, command)
        return answer
    count = answer.series if answer is not None else 0
    text = answer.text if answer is not None else ""
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ... ({len(text)} characters)"
    target.evidence(
        f"Prometheus Query: {METRIC}", f"Time series count: {count}\n{shown}".rstrip(), command
    )
    if answer is not None:
        return answer
    return failed(
        Code.NOT_FOUND, "NoSeries",
        f"Prometheus {namespace}/{service} has no series of {METRIC} after {PATIENCE:g} seconds",
        expected="at least 1 series", actual="0",
        remediation="See that Prometheus scrapes the DCGM exporter: kubectl get servicemonitors -A; the GPU operator "
        "makes one with dcgmExporter.serviceMonitor.enabled=true",
    )  # fmt: skip


def _ask(target: Target, namespace: str, service: str, url: str) -> Answer | CheckResult:
    try:
        text = target.service(namespace, service, PORT, "api/v1/query", query=METRIC)
        if len(text.encode("utf-8", "replace")) >= LIMIT:
            # Thousands of GPUs: the answer was cut, and only their number is asked for.
            counted = target.service(
                namespace, service, PORT, "api/v1/query", query=f"count({METRIC})"
            )
            return _counted(counted, url)
    except AicrError as error:
        if error.code is Code.UNAUTHORIZED:
            raise
        return failed(
            Code.SERVICE_UNAVAILABLE, "PrometheusUnreachable",
            f"Prometheus does not answer at {url}: {said(error)}",
            expected="HTTP 200", actual=said(error),
            remediation="See whether Prometheus runs, and whether a network policy keeps the API server from it: "
            f"kubectl get pods,networkpolicies -n {namespace}",
        )  # fmt: skip
    found = _result(text, url)
    return found if isinstance(found, CheckResult) else Answer(len(found), text)


def _counted(text: str, url: str) -> Answer | CheckResult:
    found = _result(text, url)
    if isinstance(found, CheckResult):
        return found
    try:
        return Answer(int(float(found[0]["value"][1])), text)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError):
        return Answer(0, text)


def _result(text: str, url: str) -> list[Any] | CheckResult:
    """Give the series of an answer, or a failed result for what is no answer of Prometheus."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    found = part(document, "data", "result")
    if part(document, "status") == "success" and isinstance(found, list):
        return found
    error = part(document, "error") or repr(text[:80])
    return failed(
        Code.INTERNAL, "PrometheusAnswer", f"no answer of Prometheus to a query at {url}: {error}",
        expected='JSON with status "success"', actual=str(error),
        remediation="See that the Service leads to Prometheus and not to a login page or another program",
    )  # fmt: skip
