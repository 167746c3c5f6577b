"""Which engine renders: the library ``helm_python`` in a child process, else the ``helm`` executable.

Both are held to the context's deadline, and neither can take this process down.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

from aicr_charts.executable import template
from aicr_charts.faults import NoEngine, refusal
from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from aicr_core.api import Context, PackagedChart, RenderRequest

WAY = "pip install 'aicr-charts[engine]', or put the helm executable on PATH"
KUBERNETES = "1.34.0"
"""The cluster's version where none is given: the same for both engines, whatever release they are."""


def render(ctx: Context, chart: PackagedChart, request: RenderRequest) -> str:
    """Give the manifests of a chart: YAML documents, each behind a line ``# Source: TEMPLATE``.

    Hooks are included, CRDs of ``crds/`` and notes are not. Raises AicrError: INVALID_REQUEST for a chart that
    refuses the values or the version, SERVICE_UNAVAILABLE without an engine, INTERNAL for one that ends in a crash,
    TIMEOUT.
    """
    try:
        return str(ask(ctx, _question("render", chart, request), _name(chart)))
    except NoEngine as missing:
        return template(ctx, helm(ctx, missing), chart, request, request.kubernetes or KUBERNETES)


def unused(ctx: Context, chart: PackagedChart, request: RenderRequest) -> tuple[str, ...]:
    """Give the dotted paths of the request's values that change nothing in what the chart renders.

    Raises as :func:`render`; the executable is too slow for it.
    """
    try:
        return tuple(ask(ctx, _question("unused", chart, request), _name(chart)))
    except NoEngine:
        raise AicrError(
            Code.SERVICE_UNAVAILABLE, "values are tried out with Helm's library, which is not installed",
            hint="pip install 'aicr-charts[engine]'",
        ) from None  # fmt: skip


def helm(ctx: Context, missing: NoEngine) -> str:
    """Give the ``helm`` executable. Raises AicrError(SERVICE_UNAVAILABLE) with the way to get an engine."""
    found = shutil.which("helm", path=ctx.settings.env.get("PATH", ""))
    if found is None:
        raise AicrError(Code.SERVICE_UNAVAILABLE, f"no engine renders charts: {missing}", hint=WAY)
    return found


def _question(call: str, chart: PackagedChart, request: RenderRequest) -> dict[str, Any]:
    return {
        "call": call,
        "chart": base64.b64encode(chart.data).decode("ascii"),
        "values": dict(request.values),
        "options": {
            "name": request.release,
            "namespace": request.namespace,
            "kube_version": request.kubernetes or KUBERNETES,
            "api_versions": list(request.api_versions),
        },
    }


def _name(chart: PackagedChart) -> str:
    return f"{chart.name} {chart.version}"


def ask(ctx: Context, question: dict[str, Any], where: str) -> Any:
    """Ask the library, in a process of its own. Raises NoEngine, and AicrError as :func:`render` says."""
    if importlib.util.find_spec("helm_python") is None:
        raise NoEngine("helm-python-sdk is not installed")
    done = ctx.run(
        [sys.executable, "-P", "-m", "aicr_charts.worker"],
        stdin=json.dumps(question).encode(),
        env={**ctx.settings.env, "GOTRACEBACK": "none"},
        check=False,
    )
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = next((line for line in lines if line.strip()), "no answer")
        raise AicrError(
            Code.INTERNAL, f"the chart engine ended with status {done.status}: {reason}", where=where,
            hint="a template of this chart needs more than it may, or the engine has a fault",
        ) from None  # fmt: skip
    if "result" in answer:
        return answer["result"]
    if answer["kind"] == "library":
        raise NoEngine(f"Helm's library does not load: {answer['error']}")
    raise refusal(answer["error"], where)
