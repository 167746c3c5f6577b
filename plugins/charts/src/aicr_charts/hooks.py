"""Hooks of the charts plugin: one chart engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import ChartEngine, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def aicr_chart_engines() -> Iterable[ChartEngine]:
    """Register the chart engine ``helm-engine``."""
    yield ChartEngine(
        name="helm-engine",
        find="aicr_charts.finding:find",
        describe="aicr_charts.facts:describe",
        render="aicr_charts.engines:render",
        unused="aicr_charts.engines:unused",
    )
