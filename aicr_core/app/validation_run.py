"""Run the checks of a validation against a cluster: who runs them, side by side, until the last thing is cleaned up.

One connection serves the whole run. A cluster that cannot be reached, rights that are missing and a runner that cannot
start are verdicts of the checks concerned, so that there is a report. Only an interrupt ends the run early.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from aicr_core.app import validate as uses
from aicr_core.app import validation_inputs as loading
from aicr_core.app.validation_cleanup import RUN, Makings
from aicr_core.app.validation_rights import denied, is_at_home, untold
from aicr_core.app.validation_session import PROCESS, open_session
from aicr_core.engine import checks, render
from aicr_core.kit import durations, limits
from aicr_core.kit.errors import AicrError, Code, one_line
from aicr_core.kit.run import Context, Outcome, Runner, Task
from aicr_core.model.check import FAILED, OTHER, CheckResult, PhaseReport, ReportItem, failed
from aicr_core.model.target import Ledger, Reads, Target, is_leaving
from aicr_core.plugins.manager import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aicr_core.app.environment import Environment
    from aicr_core.app.validate import Progress, ValidateRequest
    from aicr_core.app.validation_constraints import Constraints
    from aicr_core.app.validation_inputs import Inputs
    from aicr_core.engine.selection import Entry
    from aicr_core.model.cluster import Cluster
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
        self._excuse = excuse
        self._constraints = constraints
        self._environment = environment
        self._inputs = inputs
        self._snapshot = snapshot
        self._request = request
        self._run = run
        self._notify = notify
        self._recipe = inputs.with_asserts()
        self._cluster: Cluster | None = None
        self._session: Any = None
        self._stopped = False
        """A check has failed, and --fail-fast wants no more of them."""
        self._warnings: list[str] = []
        self._makings = Makings(request.kubeconfig, keep=request.keep, warn=self._warnings.append)
        self._lost: CheckResult | None = None
        """Why no check can run at all."""
        self._denied: dict[str, CheckResult] = {}

    def phases(self, phases: Sequence[Phase]) -> Done:
        """Run the phases, one after another; clean up whatever happens."""
        reports: list[PhaseReport] = []
        interrupted = ""
        try:
            wanted = [entry for phase in phases for entry in self._wanted(phase)]
            if wanted:
                self._prepare(wanted)
            for phase in phases:
                stopped = any(
                    report.name in phase.needs and report.status in (FAILED, OTHER)
                    for report in reports
                )
                if stopped and not self._request.keep_going:
                    reports.append(uses.skipped_after_failure(self._inputs, phase))
                else:
                    self._phase(phase, reports)
        except KeyboardInterrupt:
            interrupted = "interrupted"
            reports += [uses.interrupted(self._inputs, phase) for phase in phases[len(reports) :]]
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

    # --- before the first check -------------------------------------------------------------------

    def _prepare(self, wanted: Sequence[Entry]) -> None:
        """Connect, ask for missing rights, start the runner. What fails is kept as the verdict of the checks."""
        try:
            self._cluster = self._environment.cluster(self._request.kubeconfig)
            self._cluster.version()
            self._preflight(wanted)
            if self._request.runner != PROCESS:
                allowed = [entry for entry in wanted if entry.name not in self._denied]
                self._session = open_session(
                    self._environment, self._inputs, self._snapshot, self._request, allowed,
                    run=self._run, cluster=self._cluster, log=self._warnings.append,
                )  # fmt: skip
            else:
                self._home([entry for entry in wanted if self._makes(entry)])
        except Exception as raised:  # also what a runner of a plugin raises
            error = raised
            if not isinstance(error, AicrError):
                error = AicrError(Code.INTERNAL, one_line(f"{type(raised).__name__}: {raised}"))
            self._lost = CheckResult(
                status=OTHER, code=error.code, reason="NoCluster" if self._cluster is None else "NotStarted",
                message=f"no check could be started: {error.message}", remediation=error.hint or "",
            )  # fmt: skip
            self._warnings.append(str(error))

    def _makes(self, entry: Entry) -> bool:
        return entry.check is not None and entry.check.mutates and entry.name not in self._denied

    def _home(self, makers: Sequence[Entry]) -> None:
        """Make the namespace of the run if a check works in it; one that was not there is removed at the end.

        Who may not look, or not make one, may still have one that somebody prepared: the checks will say.
        """
        assert self._cluster is not None
        residents = [entry for entry in makers if is_at_home(entry, self._recipe)]
        if not residents:
            return
        name = self._request.namespace
        try:
            found = self._cluster.get(self._cluster.path("v1", "namespaces", name=name))
            if not is_leaving(found):
                return
        except AicrError as error:
            if error.code is Code.UNAUTHORIZED:
                return
            if error.code is not Code.NOT_FOUND:
                raise
        try:
            context = Context(settings=self._environment.settings)
            self._target(RUN, context, Reads()).ensure_namespace(name)
        except AicrError as refused:
            result = failed(
                refused.code, "NoNamespace", f"namespace {name} cannot be made: {refused.message}",
                remediation=f"have it made: kubectl create namespace {name}; or name another with --namespace",
            )  # fmt: skip
            self._denied.update((entry.name, result) for entry in residents)

    def _preflight(self, wanted: Sequence[Entry]) -> None:
        """Find checks whose rights are missing, before anything is made. Checks that only read say so themselves."""
        assert self._cluster is not None
        in_process = self._request.runner == PROCESS
        needed = [entry for entry in wanted if self._makes(entry) or not in_process]
        self._denied = untold(needed, self._recipe)
        if in_process or not self._request.service_account:
            asking = [entry for entry in needed if entry.name not in self._denied]
            lacking = denied(self._cluster, asking, self._recipe, self._request.namespace)
            self._denied.update(lacking)

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
            items = [found.get(entry.name) or self._cut(entry) for entry in entries]
            reports.append(PhaseReport(name=phase.name, items=(*own, *items)))
        self._publish(phase, reports[-1])

    def _not_run(self, entry: Entry) -> ReportItem | None:
        """Give the item of a check that is not run, None when it is."""
        if entry.name in self._request.skip_checks:
            return uses.not_run(entry, "NamedInSkipChecks", "skipped by --skip-check")
        if self._request.read_only and entry.mutates:
            return uses.not_run(
                entry,
                "ReadOnly",
                "it creates objects, and --read-only is given",
                "run it without --read-only",
            )
        if self._lost is not None:
            return self._item(entry, self._lost)
        if entry.name in self._denied:
            return self._item(entry, self._denied[entry.name])
        if entry.check is None and self._session is None:
            result = CheckResult(
                status=OTHER, code=Code.NOT_FOUND, reason="NeedsContainer",
                message=f"no installed plugin has code for {entry.name}: it runs as a container only",
                remediation="use --runner job, or install the plugin that has it",
            )  # fmt: skip
            return self._item(entry, result)
        if self._session is not None and not entry.container.image:
            result = CheckResult(
                status=OTHER, code=Code.NOT_FOUND, reason="NoImage",
                message=f"nobody says what container {entry.name} is",
                remediation="leave --runner out, or give it an image in validators/catalog.yaml of a --data directory",
            )  # fmt: skip
            return self._item(entry, result)
        return None

    def _item(self, entry: Entry, result: CheckResult, **more: Any) -> ReportItem:
        where = ""
        if result.status in (FAILED, OTHER):
            names = list(self._inputs.settings(entry.phase).get("checks") or ())
            where = self._inputs.recipe.where(
                ("validation", entry.phase, "checks", names.index(entry.name))
            )
        return uses.item_of(
            entry, result, **({"where": where, "runner": self._request.runner} | more)
        )

    def _cut(self, entry: Entry) -> ReportItem:
        result = CheckResult(
            status=OTHER,
            code=Code.INTERNAL,
            reason="Interrupted",
            message="the run was interrupted before it ended",
        )
        return self._item(entry, result)

    def _run_checks(
        self, phase: Phase, entries: Sequence[Entry], found: dict[str, ReportItem]
    ) -> None:
        reads = Reads()
        by_name = {entry.name: entry for entry in entries}
        text = self._inputs.settings(phase.name).get("timeout") or ""
        begun: dict[str, int] = {}

        def started(task: Task) -> None:
            begun[task.name] = _now()
            limit = int(by_name[task.name].container.timeout)
            self._notify(uses.Progress("start", phase.name, task.name, number=limit))

        def ended(outcome: Outcome) -> bool:
            begin = begun.get(outcome.name, 0)
            item = self._excuse(self._ended(by_name[outcome.name], outcome, begin))
            found[outcome.name] = item
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
        if self._session is not None:

            def in_job(ctx: Context) -> ReportItem:
                found: ReportItem = self._session.run(ctx, entry.check, entry.container)
                return found

            return Task(entry.name, entry.plugin, in_job, self._limit(entry), exclusive=exclusive)
        check = entry.check
        assert check is not None

        def here(ctx: Context) -> CheckResult:
            inner = ctx.within(entry.container.timeout)
            target = self._target(entry.name, inner, reads)
            try:
                return checks.run_check(check, resolve(check.call), inner, target)
            finally:
                self._makings.clean(entry.name)

        return Task(entry.name, entry.plugin, here, self._limit(entry), exclusive=exclusive)

    def _limit(self, entry: Entry) -> float:
        """Give the seconds after which a check is given up: its own, and what it takes to end."""
        if self._session is not None:
            return entry.container.timeout + limits.CHECK_JOB_MARGIN
        return entry.container.timeout + limits.CHECK_MARGIN + limits.CLEAN_UP

    def _target(self, name: str, ctx: Context, reads: Reads) -> Target:
        assert self._cluster is not None
        request = self._request
        phase = next((entry.phase for entry in self._inputs.entries if entry.name == name), "")
        target = Target(
            ctx, self._cluster.within(ctx.remaining), recipe=self._recipe, snapshot=self._snapshot,
            namespace=request.namespace, run=self._run, constraints=self._inputs.constraints(phase),
            asserts=self._inputs.asserts, profiles=loading.profiles_of(self._inputs.catalogue, name),
            nodes=self._inputs.settings(phase).get("nodeSelection") or {},
            node_selector=request.node_selector, tolerations=request.tolerations,
            image_pull_secrets=request.image_pull_secrets, reads=reads, ledger=Ledger(), pace=request.pace,
        )  # fmt: skip
        self._makings.add(name, target)
        return target

    def _ended(self, entry: Entry, outcome: Outcome, start: int) -> ReportItem:
        stop = _now()
        times = {"start": start, "stop": stop, "duration": max(0, stop - start)} if start else {}
        if isinstance(outcome.value, ReportItem):
            known = self._item(entry, outcome.value.result)
            return attrs.evolve(
                outcome.value,
                title=known.title,
                where=known.where,
                page=known.page,
                runner=known.runner,
            )
        if isinstance(outcome.value, CheckResult):
            return self._item(entry, outcome.value, **times)
        if outcome.error is None:
            got = type(outcome.value).__name__
            result = CheckResult(
                status=OTHER, code=Code.INTERNAL, reason="NoResult",
                message=f"runner {self._request.runner} answered {got}, no verdict",
            )  # fmt: skip
            return self._item(entry, result, **times)
        if outcome.status == "skipped" and self._stopped:
            return uses.not_run(
                entry, "FailFast", "not run: a check before it failed, and --fail-fast is given"
            )
        reason = {"timeout": "TimedOut", "skipped": "NoTimeLeft"}.get(outcome.status, "Crashed")
        remedy = outcome.error.hint or ""
        if reason == "NoTimeLeft" or (
            reason == "TimedOut" and outcome.seconds < self._limit(entry)
        ):
            remedy = f"give the phase more time: validation.{entry.phase}.timeout in the recipe"
        result = CheckResult(
            status=OTHER, code=outcome.error.code, reason=reason, message=outcome.error.message,
            remediation=remedy,
        )  # fmt: skip
        return self._item(entry, result, **times)

    def _publish(self, phase: Phase, report: PhaseReport) -> None:
        """Hand the phase's report to the runner, which keeps it in the cluster; a failure is a warning."""
        if self._session is None or not report.items:
            return
        writers = self._environment.manager.named("aicr_report_writers", "name")
        if PUBLISHED not in writers:
            return
        part = uses.report_of(self._environment, self._inputs, self._run, [report])
        try:
            self._session.publish(phase.name, resolve(writers[PUBLISHED][1].write)(part))
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
            if self._session is not None:
                self._close()

    def _close(self) -> None:
        try:
            self._makings.residue += self._session.close()
        except Exception as error:  # a runner is a plugin's
            self._warnings.append(
                f"runner {self._request.runner} did not clean up: {one_line(str(error))}"
            )


def _now() -> int:
    return round(time.time() * 1000)
