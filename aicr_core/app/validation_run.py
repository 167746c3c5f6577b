"""Run the checks of a validation against a cluster: phase by phase, side by side, until the last thing is cleaned up.

One connection serves the whole run. What keeps checks from being started is their verdict, so that there is a report.
Only an interrupt ends the run early.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.app import validate as uses
from aicr_core.app import validation_verdicts as verdicts
from aicr_core.app.validation_cleanup import RUN, Makings
from aicr_core.app.validation_start import Start
from aicr_core.engine import checks, render
from aicr_core.kit import durations, limits
from aicr_core.kit.errors import one_line
from aicr_core.kit.run import Outcome, Runner, Task
from aicr_core.model.check import FAILED, OTHER, PhaseReport
from aicr_core.model.reads import Reads
from aicr_core.plugins.manager import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aicr_core.app.environment import Environment
    from aicr_core.app.validate import Progress, ValidateRequest
    from aicr_core.app.validation_constraints import Constraints
    from aicr_core.app.validation_inputs import Inputs
    from aicr_core.engine.selection import Entry
    from aicr_core.kit.run import Context
    from aicr_core.model.check import CheckResult, ReportItem
    from aicr_core.plugins.providers import Phase

Document = dict[str, Any]
PUBLISHED = "ctrf"
"""The format of the reports that a runner keeps in the cluster (spec/validate.md 6.1)."""


class Done(NamedTuple):
    """What a run gave: reports of its phases, commands for what is left in the cluster, why it ended early."""

    reports: list[PhaseReport]
    residue: tuple[str, ...]
    interrupted: str
    warnings: tuple[str, ...]


class Run:
    """One run; used once."""

    def __init__(
        self,
        environment: Environment,
        inputs: Inputs,
        snapshot: Document,
        request: ValidateRequest,
        run: str,
        notify: Callable[[Progress], None],
        excuse: Callable[[ReportItem], ReportItem],
        constraints: Constraints,
    ) -> None:
        self._environment = environment
        self._inputs = inputs
        self._request = request
        self._run = run
        self._notify = notify
        self._excuse = excuse
        self._constraints = constraints
        self._warnings: list[str] = []
        self._makings = Makings(request.kubeconfig, keep=request.keep, warn=self._warnings.append)
        self._start = Start(
            environment, inputs, snapshot, request, run, self._makings, self._warnings.append
        )  # fmt: skip
        self._verdicts = verdicts.Verdicts(inputs, request.runner)
        self._stopped = False
        """A check has failed, and --fail-fast wants no more of them."""

    def phases(self, phases: Sequence[Phase]) -> Done:
        """Run the phases, one after another; clean up whatever happens."""
        reports: list[PhaseReport] = []
        interrupted = ""
        try:
            wanted = [entry for phase in phases for entry in self._wanted(phase)]
            if wanted:
                self._start.prepare(wanted)
            for phase in phases:
                stopped = any(
                    report.name in phase.needs and report.status in (FAILED, OTHER)
                    for report in reports
                )
                if stopped and not self._request.keep_going:
                    reports.append(verdicts.after_failure(self._inputs, phase))
                else:
                    self._phase(phase, reports)
        except KeyboardInterrupt:
            interrupted = "interrupted"
            reports += [
                verdicts.interrupted(self._inputs, phase) for phase in phases[len(reports) :]
            ]
        finally:
            try:
                self._finish()
            except KeyboardInterrupt:
                interrupted = "interrupted again, while cleaning up"
        return Done(reports, tuple(self._makings.residue), interrupted, tuple(self._warnings))

    def _note(self, text: str) -> None:
        """Pass on what a check or runner says on its way; it is no part of the report."""
        self._notify(uses.Progress("note", "", text))

    def _wanted(self, phase: Phase) -> list[Entry]:
        return [
            entry
            for entry in self._inputs.selected(phase.name)
            if entry.name not in self._request.skip_checks
            and not (self._request.read_only and entry.mutates)
        ]

    # --- one phase --------------------------------------------------------------------------------

    def _phase(self, phase: Phase, reports: list[PhaseReport]) -> None:
        """Run a phase and append its report, also when it is interrupted half way."""
        entries = self._inputs.selected(phase.name)
        found: dict[str, ReportItem] = {}
        running: list[Entry] = []
        for entry in entries:
            item = self._not_run(entry)
            if item is not None:
                found[entry.name] = self._excuse(item)
            else:
                running.append(entry)
        self._notify(uses.Progress("phase", phase.name, number=len(running)))
        own = [self._excuse(item) for item in self._constraints.of_phase(phase.name)]
        try:
            self._run_checks(phase, running, found)
        finally:
            items = [found.get(entry.name) or self._verdicts.cut(entry) for entry in entries]
            reports.append(PhaseReport(name=phase.name, items=(*own, *items)))
        self._publish(phase, reports[-1])

    def _not_run(self, entry: Entry) -> ReportItem | None:
        """Give the item of a check that is not run, None when it is."""
        if entry.name in self._request.skip_checks:
            return verdicts.not_run(entry, "NamedInSkipChecks", "skipped by --skip-check")
        if self._request.read_only and entry.mutates:
            return verdicts.not_run(
                entry, "ReadOnly", "it creates objects, and --read-only is given", "run it without --read-only"
            )  # fmt: skip
        obstacle = self._start.obstacle(entry)
        return None if obstacle is None else self._verdicts.item(entry, obstacle)

    def _run_checks(
        self, phase: Phase, entries: Sequence[Entry], found: dict[str, ReportItem]
    ) -> None:
        reads = Reads()
        by_name = {entry.name: entry for entry in entries}
        text = self._inputs.settings(phase.name).get("timeout") or ""
        begun: dict[str, int] = {}

        def started(task: Task) -> None:
            begun[task.name] = verdicts.now()
            limit = int(by_name[task.name].container.timeout)
            self._notify(uses.Progress("start", phase.name, task.name, number=limit))

        def ended(outcome: Outcome) -> bool:
            entry, begin = by_name[outcome.name], begun.get(outcome.name, 0)
            item = self._verdicts.ended(
                entry, outcome, begin, self._limit(entry), stopped=self._stopped
            )  # fmt: skip
            found[outcome.name] = item = self._excuse(item)
            self._notify(uses.Progress("end", phase.name, outcome.name, item))
            self._stopped = self._stopped or (self._request.fail_fast and item.counts_as_failure)
            return not self._stopped

        runner = Runner(
            self._request.jobs, durations.seconds(text) if text else None,
            settings=self._environment.settings, log=self._note, started=started, ended=ended,
            render=render.template,
        )  # fmt: skip
        runner.run([self._task(entry, reads) for entry in entries])
        self._makings.clean_all(but=RUN)

    def _task(self, entry: Entry, reads: Reads) -> Task:
        exclusive = entry.check.exclusive if entry.check is not None else ()
        session = self._start.session
        if session is not None:

            def in_job(ctx: Context) -> ReportItem:
                found: ReportItem = session.run(ctx, entry.check, entry.container)
                return found

            return Task(entry.name, entry.plugin, in_job, self._limit(entry), exclusive=exclusive)
        check = entry.check
        assert check is not None

        def here(ctx: Context) -> CheckResult:
            inner = ctx.within(entry.container.timeout)
            target = self._start.target(entry.name, inner, reads)
            try:
                return checks.run_check(check, resolve(check.call), inner, target)
            finally:
                self._makings.clean(entry.name)

        return Task(entry.name, entry.plugin, here, self._limit(entry), exclusive=exclusive)

    def _limit(self, entry: Entry) -> float:
        """Give the seconds after which a check is given up: its own, and what it takes to end."""
        if self._start.session is not None:
            return entry.container.timeout + limits.CHECK_JOB_MARGIN
        return entry.container.timeout + limits.CHECK_MARGIN + limits.CLEAN_UP

    def _publish(self, phase: Phase, report: PhaseReport) -> None:
        """Hand the phase's report to the runner, which keeps it in the cluster; a failure is a warning."""
        if self._start.session is None or not report.items:
            return
        writers = self._environment.manager.named("aicr_report_writers", "name")
        if PUBLISHED not in writers:
            return
        part = uses.report_of(self._environment, self._inputs, self._run, [report])
        try:
            self._start.session.publish(phase.name, resolve(writers[PUBLISHED][1].write)(part))
        except Exception as error:  # writer and runner are plugins
            self._warnings.append(
                f"the report of phase {phase.name} was not kept in the cluster: {error}"
            )

    # --- after the last ---------------------------------------------------------------------------

    def _finish(self) -> None:
        """Remove everything; nothing that goes wrong here keeps the report from being written."""
        try:
            self._makings.clean_all()
        finally:
            if self._start.session is not None:
                self._close()

    def _close(self) -> None:
        try:
            self._makings.residue += self._start.session.close()
        except Exception as error:  # a runner is a plugin's
            self._warnings.append(
                f"runner {self._request.runner} did not clean up: {one_line(str(error))}"
            )
