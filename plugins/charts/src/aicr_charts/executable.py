"""The ``helm`` executable, where the library is not installed: rendering, and charts of registries."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from aicr_charts.documents import parcel, printed
from aicr_charts.faults import refusal
from aicr_core.api import to_json

if TYPE_CHECKING:
    from aicr_core.api import Context, PackagedChart, RenderRequest


def template(
    ctx: Context, program: str, chart: PackagedChart, request: RenderRequest, kubernetes: str
) -> str:
    """Give what ``helm template`` renders, as :func:`aicr_charts.engines.render` says."""
    with tempfile.TemporaryDirectory(prefix="aicr-charts-") as folder:
        package, values = os.path.join(folder, "chart.tgz"), os.path.join(folder, "values.json")
        with open(package, "wb") as stream:
            stream.write(chart.data)
        with open(values, "w", encoding="utf-8") as text:
            text.write(to_json(dict(request.values)))
        argv = [program, "template", request.release, package, "--namespace", request.namespace]
        argv += ["--values", values, "--kube-version", kubernetes]
        for version in request.api_versions:
            argv += ["--api-versions", version]
        done = ctx.run(argv, env=environment(ctx, folder), check=False)
    if done.status:
        raise refusal(done.stderr.decode("utf-8", "replace"), f"{chart.name} {chart.version}")
    return parcel(printed(done.stdout.decode("utf-8", "replace")))


def environment(ctx: Context, folder: str) -> dict[str, str]:
    """Give the variables of a run that finds no cluster, no plugins and no cache of the user's."""
    return {
        **ctx.settings.env,
        "KUBECONFIG": os.devnull,
        "HELM_PLUGINS": folder,
        "HELM_CACHE_HOME": folder,
    }
