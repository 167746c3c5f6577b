"""Check ``accelerator-metrics``: the DCGM exporter has samples of what matters of a GPU (spec/validate.md 8.8).

The exporter is asked through the API server's proxy, so the check needs no place in the cluster's network. Only
samples count: a metric that is merely described in a comment is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, CheckResult, Code, Right, failed, passed
from aicr_validators import exposition
from aicr_validators.metrics_apis import said

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aicr_core.api import Context, Target

NAMESPACE, SERVICE, PORT = "gpu-operator", "nvidia-dcgm-exporter", 9400
URL = f"http://{SERVICE}.{NAMESPACE}.svc:{PORT}/metrics"
REQUIRED = (
    "DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_POWER_USAGE",
)  # fmt: skip
_SHOWN = 20
_COMMAND = (
    f"kubectl get --raw /api/v1/namespaces/{NAMESPACE}/services/{SERVICE}:{PORT}/proxy/metrics"
)


def rights(recipe: Mapping[str, Any]) -> Iterable[Right]:  # noqa: ARG001 - every check has this signature
    """Give the rights that the check needs."""
    yield Right(
        verbs=("get",), resources=("services/proxy",), namespace=NAMESPACE,
        names=(f"{SERVICE}:{PORT}",),
    )  # fmt: skip


def check(ctx: Context, target: Target) -> CheckResult:  # noqa: ARG001 - every check has this signature
    """Ask the exporter, and look for a sample of each metric."""
    try:
        text = target.service(NAMESPACE, SERVICE, PORT, "metrics")
    except AicrError as error:
        if error.code is Code.UNAUTHORIZED:
            raise
        target.evidence("DCGM exporter", f"Endpoint: {URL}\nError: {said(error)}", _COMMAND)
        return failed(
            Code.SERVICE_UNAVAILABLE, "ExporterUnreachable",
            f"the DCGM exporter at {URL} gives no metrics: {said(error)}",
            expected="HTTP 200", actual=said(error),
            remediation="See whether the exporter runs: kubectl get daemonset "
            f"{SERVICE} -n {NAMESPACE}; switch dcgmExporter on in the ClusterPolicy if it is off",
        )  # fmt: skip
    lines = text.splitlines()
    shown = [line[:200] for line in lines[:_SHOWN]]
    more = [f"... and {len(lines) - _SHOWN} more lines"] if len(lines) > _SHOWN else []
    target.evidence("DCGM Exporter Metrics (sample)", "\n".join([*shown, *more]), _COMMAND)
    return _judged(target, exposition.parse(text))


def _judged(target: Target, found: exposition.Samples) -> CheckResult:
    if found.bad_line:
        return failed(
            Code.INTERNAL, "MalformedMetrics",
            f"line {found.bad_line} of what {URL} answers is no metric: {found.bad_text!r}",
            expected="the Prometheus text format", actual=repr(found.bad_text),
            remediation="See that the Service leads to the DCGM exporter and to nothing else: "
            f"kubectl describe service {SERVICE} -n {NAMESPACE}",
        )  # fmt: skip
    table = [
        f"{name:30} {f'FOUND ({found.counts[name]} samples)' if found.counts[name] else 'MISSING'}"
        for name in REQUIRED
    ]
    target.evidence("Required DCGM Metrics", "\n".join(table))
    missing = [name for name in REQUIRED if not found.counts[name]]
    if not missing:
        return passed(
            f"the DCGM exporter has samples of all {len(REQUIRED)} required metrics, "
            f"{sum(found.counts.values())} in all"
        )
    cut = f" in the first {exposition.LIMIT} bytes, which is all that is read" if found.cut else ""
    return failed(
        Code.NOT_FOUND, "MetricsMissing",
        f"the DCGM exporter has no sample of {', '.join(missing)}{cut}",
        expected=", ".join(REQUIRED),
        actual=f"{len(REQUIRED) - len(missing)} of {len(REQUIRED)} have samples",
        remediation="Add them to the counters of the exporter (dcgmExporter.config of the GPU operator), and see "
        f"that it finds GPUs: kubectl logs -n {NAMESPACE} daemonset/{SERVICE}",
    )  # fmt: skip
