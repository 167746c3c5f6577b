"""What happened to a check as an item of the report: its verdict, where it was asked for, why it was not run.

Nothing is run here; whole phases of which nothing ran are made here too.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import attrs

from aicr_core.kit.errors import Code
from aicr_core.model.check import FAILED, OTHER, CheckResult, PhaseReport, ReportItem, skipped

if TYPE_CHECKING:
    from aicr_core.app.validation_inputs import Inputs
    from aicr_core.engine.selection import Entry
    from aicr_core.kit.run import Outcome
    from aicr_core.plugins.providers import Phase

NO_CLUSTER = "skipped - no-cluster mode"
INTERRUPTED = "not run: the run was interrupted before its phase began"
AFTER_FAILURE = "skipped due to previous phase failure"


class Verdicts:
    """Makes the items of one run's checks; ``runner`` is where they run."""

    def __init__(self, inputs: Inputs, runner: str) -> None:
        self._inputs = inputs
        self._runner = runner

    def item(self, entry: Entry, result: CheckResult, **more: Any) -> ReportItem:
        """Give the item of a check that was to be run; a bad one says where the recipe asks for it."""
        where = ""
        if result.status in (FAILED, OTHER):
            names = list(self._inputs.settings(entry.phase).get("checks") or ())
            where = self._inputs.recipe.where(
                ("validation", entry.phase, "checks", names.index(entry.name))
            )
        return _item(entry, result, **({"where": where, "runner": self._runner} | more))

    def cut(self, entry: Entry) -> ReportItem:
        """Give the item of a check that an interrupt kept from its verdict."""
        result = CheckResult(
            status=OTHER, code=Code.INTERNAL, reason="Interrupted",
            message="the run was interrupted before it ended",
        )  # fmt: skip
        return self.item(entry, result)

    def ended(
        self, entry: Entry, outcome: Outcome, start: int, limit: float, *, stopped: bool
    ) -> ReportItem:
        """Give the item of a check whose task has ended, whatever it gave.

        ``start`` is when it began, in milliseconds since 1970 (0: never). ``limit`` are its own seconds: a timeout
        before them is the phase's. ``stopped`` says that no more checks are wanted.
        """
        stop = now()
        times = {"start": start, "stop": stop, "duration": max(0, stop - start)} if start else {}
        if isinstance(outcome.value, ReportItem):
            known = self.item(entry, outcome.value.result)
            return attrs.evolve(
                outcome.value, title=known.title, where=known.where, page=known.page, runner=known.runner
            )  # fmt: skip
        if isinstance(outcome.value, CheckResult):
            return self.item(entry, outcome.value, **times)
        if outcome.error is None:
            got = type(outcome.value).__name__
            result = CheckResult(
                status=OTHER, code=Code.INTERNAL, reason="NoResult",
                message=f"runner {self._runner} answered {got}, no verdict",
            )  # fmt: skip
            return self.item(entry, result, **times)
        if outcome.status == "skipped" and stopped:
            return not_run(
                entry, "FailFast", "not run: a check before it failed, and --fail-fast is given"
            )
        reason = {"timeout": "TimedOut", "skipped": "NoTimeLeft"}.get(outcome.status, "Crashed")
        remedy = outcome.error.hint or ""
        if reason == "NoTimeLeft" or (reason == "TimedOut" and outcome.seconds < limit):
            remedy = f"give the phase more time: validation.{entry.phase}.timeout in the recipe"
        result = CheckResult(
            status=OTHER, code=outcome.error.code, reason=reason, message=outcome.error.message,
            remediation=remedy,
        )  # fmt: skip
        return self.item(entry, result, **times)


def now() -> int:
    """Give the time in milliseconds since 1970."""
    return round(time.time() * 1000)


def _item(entry: Entry, result: CheckResult, **more: Any) -> ReportItem:
    return ReportItem(
        name=entry.name, phase=entry.phase, title=entry.title, result=result,
        page=entry.check.evidence if entry.check is not None else None, **more,
    )  # fmt: skip


def not_run(entry: Entry, reason: str, message: str, remediation: str = "") -> ReportItem:
    """Give the item of a check that was skipped without being run."""
    return _item(entry, skipped(reason, message, remediation=remediation))


def without_cluster(inputs: Inputs, phase: Phase) -> PhaseReport:
    """Give a phase that is not run because no cluster may be asked."""
    return _none_of(inputs, phase, "NoCluster", NO_CLUSTER)


def after_failure(inputs: Inputs, phase: Phase) -> PhaseReport:
    """Give a phase that is not run because one that it needs has failed."""
    return _none_of(inputs, phase, "PreviousPhaseFailed", AFTER_FAILURE)


def _none_of(inputs: Inputs, phase: Phase, reason: str, message: str) -> PhaseReport:
    """Give a phase of which nothing runs: every check that there is, selected or not (spec/validate.md 6.5, 12)."""
    items = tuple(not_run(entry, reason, message) for entry in inputs.of_phase(phase.name))
    return PhaseReport(name=phase.name, items=items, skipped=message)


def interrupted(inputs: Inputs, phase: Phase) -> PhaseReport:
    """Give a phase that is not run because the run was interrupted: the checks that were asked for."""
    items = [not_run(entry, "Interrupted", INTERRUPTED) for entry in inputs.selected(phase.name)]
    return PhaseReport(name=phase.name, items=tuple(items), skipped=INTERRUPTED)
