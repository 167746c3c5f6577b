"""Charts that a bundle brings along (``aicr bundle --vendor-charts``): found, put beside their values, told of.

A deployer learns of a chart from ``Release.archive``. What is installed then is what was found when the bundle was
made: a chart that its publisher withdraws afterwards no longer fails loudly (spec/beyond.md 2.8). Prints nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs

from aicr_core.app.charts import digest
from aicr_core.engine.bundle_info import PROVENANCE
from aicr_core.engine.bundles import File
from aicr_core.kit.emit import to_yaml
from aicr_core.kit.errors import AicrError, AicrErrors, Code
from aicr_core.model.bundle import Artifact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aicr_core.app.bundle_plan import Planned
    from aicr_core.app.charts import Charts
    from aicr_core.app.environment import Environment
    from aicr_core.kit.run import Context
    from aicr_core.model.bundle import Release
    from aicr_core.model.charts import PackagedChart

KIND = "BundleProvenance"
API_VERSION = "aicr.run/v1"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*\Z")


def vendor(environment: Environment, planned: Planned, charts: Charts) -> tuple[Planned, File]:
    """Give the plan whose releases bring their charts along, and the file that says where these come from.

    Raises AicrError, or AicrErrors with every chart that was not found.
    """
    releases = [release for release in planned.plan.releases if release.kind == "helm"]

    def look(ctx: Context, release: Release) -> PackagedChart:
        chart = charts.find(ctx, release)
        for text in (chart.name, chart.version):
            if not _NAME.match(text):
                raise AicrError(
                    Code.INVALID_REQUEST, f'the chart calls itself "{text}", which is no file name',
                    where=f"chart {release.chart} {release.version}",
                )  # fmt: skip
        return chart

    outcomes = charts.each(releases, look)
    errors = []
    for outcome in outcomes:
        if outcome.error is not None:
            error = outcome.error
            error.where = f"component {outcome.name}{f': {error.where}' if error.where else ''}"
            errors.append(error)
    if errors:
        failure = AicrErrors("the bundle cannot bring all charts along", errors)
        failure.hint = next((error.hint for error in errors if error.hint), None)
        raise failure
    found: dict[str, PackagedChart] = {outcome.name: outcome.value for outcome in outcomes}
    whole = tuple(
        _with_archive(release, found.get(release.name)) for release in planned.plan.releases
    )
    notes = (*planned.plan.notes, *_fetched_later(planned.plan.releases))
    plan = attrs.evolve(planned.plan, releases=whole, notes=notes)
    return planned._replace(plan=plan), _provenance(environment, charts.plugin, releases, found)


def hold_to_vendored(planned: Planned, files: Sequence[File]) -> None:
    """Raise AicrError(INVALID_REQUEST) if the deployer left a chart out: it would fetch it from its repository."""
    # Most deployers hand the same bytes on, so identity answers nearly always.
    known = {id(file.data) for file in files}
    for release in planned.plan.releases:
        archive = release.archive
        if archive is None or id(archive.data) in known:
            continue
        if not any(file.data == archive.data for file in files):
            raise AicrError(
                Code.INVALID_REQUEST,
                f"deployer {planned.deployer.name} cannot bring charts along",
                where="--vendor-charts",
                plugin=planned.plugin,
                hint="leave it out, or choose another deployer",
            )


def _with_archive(release: Release, chart: PackagedChart | None) -> Release:
    if chart is None:
        return release
    return attrs.evolve(
        release, archive=Artifact(path=f"charts/{_file(chart)}", data=chart.data, mode=0o644)
    )


def _file(chart: PackagedChart) -> str:
    return f"{chart.name}-{chart.version}.tgz"


def _fetched_later(releases: Sequence[Release]) -> list[str]:
    return [
        f"{release.name} is a kustomization: it is fetched from {release.repository} when it is deployed"
        for release in releases
        if release.kind == "kustomize"
    ]


def _provenance(
    environment: Environment, plugin: str, releases: Sequence[Release], found: dict[str, Any]
) -> File:
    row = environment.index.row(plugin)
    puller = f"{row['distribution']} {row['version']}" if row else plugin
    document = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "vendoredCharts": [
            {
                "name": release.name,
                "chart": found[release.name].name,
                "version": found[release.name].version,
                "repository": release.repository,
                "sha256": digest(found[release.name]),
                "tarballName": _file(found[release.name]),
                "pullerVersion": puller,
            }
            for release in releases
        ],
    }
    return File(PROVENANCE, to_yaml(document).encode("utf-8"), 0o600, "core")
