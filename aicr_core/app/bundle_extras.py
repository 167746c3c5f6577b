"""What a bundle holds beyond what its deployer writes, if the user asks: charts, bills of materials.

Most bundles have neither, and import nothing of it. Prints nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aicr_core.app.bundle_plan import Planned
    from aicr_core.app.bundle_request import BundleRequest
    from aicr_core.app.charts import Charts, Progress
    from aicr_core.app.environment import Environment
    from aicr_core.engine.bundles import File
    from aicr_core.plugins.providers import InventoryWriter


class Extras:
    """The extras of one request. ``notes`` says, after :meth:`files`, what a bill of materials does not know."""

    def __init__(
        self, environment: Environment, request: BundleRequest, progress: Progress | None = None
    ) -> None:
        """Raise AicrError for formats that nobody has, and options that would do nothing."""
        _refuse_idle(request)
        self._environment = environment
        self._request = request
        self._progress = progress
        self._formats: Sequence[tuple[str, InventoryWriter]] = ()
        if request.sbom:
            from aicr_core.app.sbom import formats

            self._formats = formats(environment, request.sbom)
        self._charts: Charts | None = None
        self._provenance: list[File] = []
        self.notes: tuple[str, ...] = ()

    def vendored(self, planned: Planned) -> Planned:
        """Give the plan, with its charts brought along if that is asked for. Raises AicrError."""
        charts = self._open(planned) if self._request.vendor_charts else None
        if charts is None:
            return planned
        from aicr_core.app.vendor import vendor

        planned, provenance = vendor(self._environment, planned, charts)
        self._provenance = [provenance]
        return planned

    def files(self, planned: Planned, written: list[File]) -> list[File]:
        """Give the files of the extras; ``written`` are the deployer's. Raises AicrError."""
        if self._provenance:
            from aicr_core.app.vendor import hold_to_vendored

            hold_to_vendored(planned, written)
        found = list(self._provenance)
        if self._formats:
            from aicr_core.app.sbom import sbom_files

            made, errors = sbom_files(
                self._environment, planned, self._open(planned), self._formats,
                [*written, *found], allow_partial=self._request.allow_partial,
            )  # fmt: skip
            found += made
            self.notes = tuple(f"the bill of materials is incomplete: {error}" for error in errors)
        taken = {file.path for file in written}
        for file in found:
            if file.path in taken:
                raise AicrError(
                    Code.INTERNAL, f"the deployer writes {file.path} as well", plugin=planned.plugin
                )
        return found

    def _open(self, planned: Planned) -> Charts | None:
        """Open the chart engine, once, if the plan has charts."""
        if self._charts is None and any(r.kind == "helm" for r in planned.plan.releases):
            from aicr_core.app.charts import ChartPlace, Charts

            request = self._request
            self._charts = Charts(
                self._environment, ChartPlace(request.charts, request.offline),
                jobs=request.jobs, progress=self._progress,
            )  # fmt: skip
        return self._charts


def _refuse_idle(request: BundleRequest) -> None:
    wants_charts = request.vendor_charts or request.sbom
    for flag, given, wanted, hint in (
        ("--charts", request.charts, wants_charts, "--vendor-charts or --sbom FORMAT"),
        ("--offline", request.offline, wants_charts, "--vendor-charts or --sbom FORMAT"),
        ("--allow-partial", request.allow_partial, request.sbom, "--sbom FORMAT"),
    ):
        if given and not wanted:
            raise AicrError(
                Code.INVALID_REQUEST, "nothing in this command asks for it", where=flag, hint=f"add {hint}"
            )  # fmt: skip
