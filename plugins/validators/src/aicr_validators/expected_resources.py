"""The check expected-resources: what each component of the recipe brings is there and healthy (spec/validate.md 8.2).

A component with expected resources is judged by these alone; one without, by its health-check assertions. Components
are looked at side by side, and all waits come out of the check's one budget: the verdict is spoken before it is over.
Nothing is created.
"""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import AicrError, CheckResult, passed, skipped
from aicr_validators import workloads
from aicr_validators.assertions.documents import parse
from aicr_validators.assertions.reading import Reader
from aicr_validators.assertions.rights import assertion_rights
from aicr_validators.assertions.running import hold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from aicr_core.api import Context, Right, Target

WORKERS = 4
"""Components looked at at once."""
MARGIN = 5.0
"""Seconds kept back to write the verdict; a tenth of a shorter budget."""


class _Finding(NamedTuple):
    """What was found of a component: lines for the evidence, and the problems among them."""

    lines: tuple[str, ...]
    problems: tuple[str, ...] = ()
    verified: int = 0


class _Job(NamedTuple):
    """Look at a component, for at most so many seconds."""

    component: str
    look: Callable[[float], _Finding]


def check(ctx: Context, target: Target) -> CheckResult:
    """Look at every component; one failed result names all problems."""
    margin = min(MARGIN, ctx.remaining() / 10)
    end = time.monotonic() + ctx.remaining() - margin
    reader = Reader(target.cluster.within(lambda: max(0.0, end - time.monotonic())))
    jobs = [job for ref in target.components if (job := _job(target, reader, ref))]
    findings = _side_by_side(jobs, end, margin / 2)
    for job, finding in zip(jobs, findings, strict=True):
        target.evidence(f"Component {job.component}", "\n".join(finding.lines))
    problems = [problem for finding in findings for problem in finding.problems]
    verified = sum(finding.verified for finding in findings)
    if problems:
        return _failed(problems)
    if not verified:
        return skipped(
            "NothingToVerify",
            f"none of the recipe's {len(target.components)} components has expected resources or "
            "health-check assertions",
            remediation="Name expectedResources or healthCheckAsserts in the recipe, or take the check out of it",
        )  # fmt: skip
    return passed(f"{verified} resources and assertions of {len(jobs)} components hold")


def rights(recipe: Mapping[str, Any]) -> Iterable[Right]:
    """Give the rights to read what expected resources and ``healthCheckAsserts`` of the recipe name."""
    components = [ref for ref in recipe.get("componentRefs") or () if isinstance(ref, dict)]
    yield from workloads.expected_rights(components)
    yield from assertion_rights(
        (str(ref.get("name") or ""), str(ref.get("healthCheckAsserts") or ""))
        for ref in components
        if not workloads.expected_of(ref)
    )


def _failed(problems: Sequence[str]) -> CheckResult:
    return workloads.problems_found(
        problems,
        "with what the recipe expects",
        "ResourcesNotHealthy",
        expected="every expected resource and assertion holds",
        remediation="See why what is named is not up: kubectl describe KIND NAME -n NAMESPACE; install what is missing",
    )


# --- one component --------------------------------------------------------------------------------


def _job(target: Target, reader: Reader, ref: Mapping[str, Any]) -> _Job | None:
    name = str(ref.get("name") or "?")
    resources = workloads.expected_of(ref)
    if resources:
        return _Job(name, lambda _: _resources(target, ref, resources))
    text = target.asserts.get(name)
    if text:
        return _Job(name, lambda limit: _asserts(target, reader, name, text, limit))
    return None


def _resources(
    target: Target, ref: Mapping[str, Any], resources: Sequence[Mapping[str, Any]]
) -> _Finding:
    lines, problems = [], []
    for resource in resources:
        problem = workloads.expected(target, ref, resource)
        if problem:
            problems.append(problem)
        place = f"{resource.get('namespace') or ref.get('namespace') or ''}/{resource.get('name')}"
        lines.append(problem or f"{resource.get('kind')} {place}: healthy")
    return _Finding(tuple(lines), tuple(problems), len(resources))


def _asserts(target: Target, reader: Reader, name: str, text: str, limit: float) -> _Finding:
    try:
        assertions = parse(text, name)
        if not assertions.operations:
            return _Finding(("its health check asserts nothing",))
        hold(assertions, target, reader, limit)
    except AicrError as error:
        place = f" ({error.where})" if error.where else ""
        problem = f"{name}: [{error.code}] {error.message}{place}"
        return _Finding((problem,), (problem,), 1)
    count = len(assertions.operations)
    return _Finding((f"health check: {count} of {count} assertions hold",), (), count)


# --- side by side ---------------------------------------------------------------------------------


def _side_by_side(jobs: Sequence[_Job], end: float, grace: float) -> list[_Finding]:
    """Run the jobs on a few daemon threads; give their findings in order, also of those that did not end.

    ``end`` is when looks end (monotonic clock); they are waited for ``grace`` seconds more.

    A job gets what is left divided by the turns still to come, so that a few that never hold leave time for others.
    """
    done: queue.SimpleQueue[tuple[int, _Finding]] = queue.SimpleQueue()
    waiting = iter(range(len(jobs)))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                number = next(waiting, None)
            if number is None:
                return
            turns = -(-(len(jobs) - number) // WORKERS)
            left = max(0.0, end - time.monotonic())
            done.put((number, _look(jobs[number], left / turns)))

    for _ in range(min(WORKERS, len(jobs))):
        threading.Thread(target=work, daemon=True, name="expected-resources").start()
    found: dict[int, _Finding] = {}
    while len(found) < len(jobs):
        try:
            number, finding = done.get(timeout=max(0.0, end - time.monotonic()) + grace)
        except queue.Empty:
            break
        found[number] = finding
    return [found.get(number) or _late(job) for number, job in enumerate(jobs)]


def _look(job: _Job, limit: float) -> _Finding:
    try:
        return job.look(limit)
    except Exception as error:
        # A thread's exception would be printed and lost: it is a problem of this component.
        problem = f"{job.component}: [INTERNAL] {type(error).__name__}: {error}"
        return _Finding((problem,), (problem,), 1)


def _late(job: _Job) -> _Finding:
    problem = f"{job.component}: [TIMEOUT] no verdict within the time of the check"
    return _Finding((problem,), (problem,), 1)
