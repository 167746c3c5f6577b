"""Use case ``validate``: hold constraints to a snapshot, run checks phase by phase, give a report. Prints nothing.

Gates come first and touch no cluster; when one does not pass, nothing else runs. Every other phase runs its selected
checks side by side, as far as they do not exclude each other, in this process or by a runner of a plugin. What a check
made in the cluster is removed when it ends, however it ends; what could not be removed is in the report. A run that is
interrupted gives the report of what was done.
"""

from __future__ import annotations

import datetime
import secrets
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from aicr_core._version import __version__
from aicr_core.app.validation_constraints import Constraints, misspelt
from aicr_core.app.validation_verdicts import without_cluster
from aicr_core.engine import waivers
from aicr_core.kit.clock import Clock
from aicr_core.kit.errors import AicrError, Code, nearest
from aicr_core.model.check import OTHER, PhaseReport, Report, ReportItem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aicr_core.app.environment import Environment
    from aicr_core.app.validation_inputs import Inputs
    from aicr_core.plugins.providers import Phase

Document = dict[str, Any]
ALL = "all"
ASKS_NOTHING = (
    "the recipe asks for nothing: it has no constraints and names no checks; a pass says nothing"
)


class ValidateRequest(NamedTuple):
    """What a user asks for. ``snapshot`` is a document that is there already, or read from a source.

    ``runner`` is ``process`` or a plugin's; ``jobs`` how many checks run at once. ``keep`` leaves in the cluster what
    checks make. ``unknown`` is ``fail`` or ``warn``.
    """

    phases: tuple[str, ...] = ()
    no_cluster: bool = False
    kubeconfig: str = ""
    namespace: str = "aicr-validation"
    runner: str = "process"
    jobs: int = 8
    fail_fast: bool = False
    keep_going: bool = False
    read_only: bool = False
    skip_checks: tuple[str, ...] = ()
    unknown: str = "fail"
    waivers: tuple[waivers.Waiver, ...] = ()
    node_selector: Mapping[str, str] = {}
    tolerations: tuple[Mapping[str, Any], ...] = ()
    image_pull_secrets: tuple[str, ...] = ()
    service_account: str = ""
    keep: bool = False
    pace: float = 1.0


class Progress(NamedTuple):
    """Something that happened: a phase begins (``phase``), a check begins (``start``) or has ended (``end``).

    A ``note`` is what a check or runner says; ``name`` is its text then.
    """

    kind: str
    phase: str
    name: str = ""
    item: ReportItem | None = None
    number: int = 0
    """Checks of the phase that begins; the seconds that a check which begins may take."""


class Outcome(NamedTuple):
    """The report, and what to warn of."""

    report: Report
    warnings: tuple[str, ...] = ()


def chosen_phases(inputs: Inputs, wanted: Sequence[str]) -> list[Phase]:
    """Give the phases to run after the gates: those named, in the order given, or all.

    ``all`` anywhere means all, whatever else is named (spec/validate.md 1.3). Raises AicrError for an unknown one.
    """
    known = {phase.name: phase for phase in inputs.phases if not phase.gate}
    names = [name.strip() for text in wanted for name in text.split(",")]
    if not names or ALL in names:
        return list(known.values())
    for name in names:
        if name not in known:
            close = nearest(name, [*known, ALL])
            start = f'did you mean "{close}"? ' if close else ""
            if any(gate.name == name for gate in inputs.gates):
                start = f"{name} always runs; --no-cluster runs nothing else. "
            raise AicrError(
                Code.INVALID_REQUEST, f'"{name}" is no phase to choose', where="--phase",
                hint=f"{start}phases: {', '.join(known)}, {ALL}",
            )  # fmt: skip
    return [known[name] for name in dict.fromkeys(names)]


def check_skips(inputs: Inputs, phases: Sequence[Phase], request: ValidateRequest) -> None:
    """Refuse ``--skip-check`` names that skip nothing, or everything of a phase. Raises AicrError."""
    asked = {entry.name for phase in phases for entry in inputs.selected(phase.name)}
    for name in request.skip_checks:
        if name not in asked:
            close = nearest(name, asked)
            raise AicrError(
                Code.INVALID_REQUEST, f'check "{name}" is not among those that would run', where="--skip-check",
                hint=f'did you mean "{close}"?' if close else f"those are: {', '.join(sorted(asked)) or 'none'}",
            )  # fmt: skip
    for phase in phases:
        names = {entry.name for entry in inputs.selected(phase.name)}
        if names and names <= set(request.skip_checks):
            raise AicrError(
                Code.INVALID_REQUEST, f"nothing of phase {phase.name} would be left", where="--skip-check",
                hint="leave the phase out with --phase instead",
            )  # fmt: skip


def idle_phases(inputs: Inputs, phases: Sequence[Phase], wanted: Sequence[str]) -> list[str]:
    """Give a warning for each phase that was asked for and has nothing to do, and where nothing at all has."""
    if not wanted:
        return [] if _asks(inputs) else [ASKS_NOTHING]
    if not inputs.recipe.document.get("validation"):
        return ["the recipe has no validation section: no checks will run"]
    return [
        f"phase {phase.name} was asked for, and the recipe names no checks in it"
        for phase in phases
        if not inputs.selected(phase.name)
    ]


def _asks(inputs: Inputs) -> bool:
    """Tell whether the recipe asks for any check or constraint."""
    names = [phase.name for phase in inputs.phases]
    return bool(inputs.recipe.document.get("constraints")) or any(
        inputs.settings(name).get("constraints") or inputs.selected(name) for name in names
    )


def validate(
    environment: Environment,
    inputs: Inputs,
    snapshot: Document,
    request: ValidateRequest,
    *,
    json: bool = False,
    notify: Callable[[Progress], None] = lambda _progress: None,
) -> Outcome:
    """Run a validation; ``json`` says that the snapshot came as JSON.

    Raises AicrError for what is wrong in the request; what goes wrong while it runs is in the report.
    """
    phases = chosen_phases(inputs, request.phases)
    check_skips(inputs, phases, request)
    warnings = [*inputs.warnings, *idle_phases(inputs, phases, request.phases)]
    misspelt(inputs, snapshot)
    clock = Clock.from_env(environment.settings.env)
    started, timestamp = clock.now(), clock.stamp()
    run = run_id()
    # The real day: a clock that is fixed for equal bytes must not revive what has ended.
    today = datetime.datetime.now(datetime.UTC).date()

    def excuse(item: ReportItem) -> ReportItem:
        return waivers.apply(item, request.waivers, today)

    constraints = Constraints(
        environment, inputs, snapshot, json=json, unknown=request.unknown
    )  # fmt: skip
    # A waiver counts at once: what it excuses neither closes a gate nor keeps a later phase from running.
    reports = [
        attrs.evolve(report, items=tuple(excuse(item) for item in report.items))
        for report in constraints.of_gates()
    ]
    closed = next((report.name for report in reports if report.status in ("failed", OTHER)), "")
    residue: tuple[str, ...] = ()
    interrupted = ""
    if not closed and request.no_cluster:
        reports += [without_cluster(inputs, phase) for phase in phases]
    elif not closed and phases:
        from aicr_core.app.validation_run import Run

        work = Run(environment, inputs, snapshot, request, run, notify, excuse, constraints)
        done = work.phases(phases)
        reports += done.reports
        residue, interrupted = done.residue, done.interrupted
        warnings += done.warnings
    items = [item for report in reports for item in report.items]
    warnings += waivers.idle(request.waivers, items, today)
    report = attrs.evolve(
        report_of(environment, inputs, run, reports), started=round(started * 1000),
        timestamp=timestamp, residue=residue, interrupted=interrupted,
    )  # fmt: skip
    if environment.manager_needed("aicr_validated"):
        environment.manager.event("aicr_validated", report=attrs.asdict(report))
    return Outcome(report, tuple(warnings))


def report_of(
    environment: Environment, inputs: Inputs, run: str, reports: Sequence[PhaseReport]
) -> Report:
    """Give a report of phases as of now."""
    clock = Clock.from_env(environment.settings.env)
    now = round(clock.now() * 1000)
    return Report(
        run=run, version=__version__, timestamp=clock.stamp(), started=now, stopped=now,
        phases=tuple(reports), recipe=inputs.recipe.source.name,
        criteria=inputs.recipe.document.get("criteria") or {},
    )  # fmt: skip


def run_id() -> str:
    """Give a name for a run: local time, and enough chance that two never share it (spec/validate.md 13)."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(8)}"
