"""Run tasks side by side with deadlines, and give their outcomes in the order the tasks were given.

Threads are daemons: a hung one never holds the exit. ``concurrent.futures`` joins its workers at exit and is not
used. A thread cannot be killed: one past its deadline is told so, reported and abandoned, its late result dropped.
What a task is called with (``kit.context``) can be had from here too.
"""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.kit import limits
from aicr_core.kit.context import Context
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Context", "Outcome", "Runner", "Task"]


class Task(NamedTuple):
    """One piece of work: a name, its plugin, a function of a context, its deadline in seconds.

    ``inline`` runs it in the caller's thread: for what only computes. Tasks that share a word of ``exclusive`` never
    run at once.
    """

    name: str
    plugin: str
    call: Callable[[Context], Any]
    timeout: float = limits.TASK
    inline: bool = False
    exclusive: tuple[str, ...] = ()


class Outcome(NamedTuple):
    """How a task ended.

    ``status``: ok; failed (it raised); crashed (it tried to end the process); timeout; skipped (the deadline of
    the whole run came before its turn, or no more tasks were wanted). ``seconds`` are those it took; those it was
    given, for a timeout.
    """

    name: str
    plugin: str
    status: str
    value: Any
    error: AicrError | None
    seconds: float


class Runner:
    """Runs tasks with at most ``jobs`` threads at once, all within ``deadline`` seconds if that is given."""

    def __init__(
        self,
        jobs: int,
        deadline: float | None = None,
        *,
        settings: Any = None,
        render: Callable[..., str] | None = None,
        log: Callable[[str], None] | None = None,
        options: Mapping[str, Any] | None = None,
        started: Callable[[Task], None] | None = None,
        ended: Callable[[Outcome], bool] | None = None,
    ) -> None:
        """``started`` and ``ended`` are called in the caller's thread; the latter says whether to go on."""
        self._started = started or (lambda _task: None)
        self._ended = ended or (lambda _outcome: True)
        self._stopped = False
        self._options = options
        self._jobs = max(1, jobs)
        self._deadline = deadline
        self._end = None if deadline is None else time.monotonic() + deadline
        self._settings = settings
        self._render = render
        self._log = log
        self._cancelled = threading.Event()

    def run(self, tasks: Sequence[Task]) -> tuple[Outcome, ...]:
        """Run all tasks; give outcomes in the order of ``tasks``.

        An interrupt tells every running task, waits ``limits.GRACE`` seconds for them, and is raised.
        """
        outcomes: dict[int, Outcome] = {}
        threads: list[threading.Thread] = []
        try:
            for number, task in enumerate(tasks):
                if task.inline:
                    late = self._left(task.timeout) <= 0
                    outcomes[number] = _skipped(task) if late else self._one(task, self._for(task))
            waiting = [number for number in range(len(tasks)) if number not in outcomes]
            self._threads(tasks, waiting, outcomes, threads)
        except BaseException:
            self._cancelled.set()
            end = time.monotonic() + limits.GRACE
            for thread in threads:
                thread.join(max(0.0, end - time.monotonic()))
            raise
        return tuple(outcomes[number] for number in range(len(tasks)))

    def _left(self, timeout: float) -> float:
        return timeout if self._end is None else min(timeout, self._end - time.monotonic())

    def _for(self, task: Task) -> Context:
        return Context(
            settings=self._settings,
            timeout=self._left(task.timeout),
            render=self._render,
            log=self._log,
            cancelled=self._cancelled,
            options=self._options,
        )

    def _threads(
        self,
        tasks: Sequence[Task],
        numbers: list[int],
        outcomes: dict[int, Outcome],
        threads: list[threading.Thread],
    ) -> None:
        results: queue.SimpleQueue[tuple[int, Outcome]] = queue.SimpleQueue()
        waiting = list(numbers)
        running: dict[int, Context] = {}
        given: dict[int, float] = {}

        def done(number: int, outcome: Outcome) -> None:
            outcomes[number] = outcome
            self._stopped = not self._ended(outcome) or self._stopped

        while waiting or running:
            while len(running) < self._jobs:
                number = self._next(tasks, waiting, running)
                if number < 0:
                    break
                waiting.remove(number)
                if self._stopped or self._left(tasks[number].timeout) <= 0:
                    done(number, _skipped(tasks[number], stopped=self._stopped))
                    continue
                given[number] = self._left(tasks[number].timeout)
                context = running[number] = self._for(tasks[number])
                self._started(tasks[number])

                def work(number: int = number, context: Context = context) -> None:
                    results.put((number, self._one(tasks[number], context)))

                thread = threading.Thread(target=work, daemon=True, name=tasks[number].name)
                threads.append(thread)
                thread.start()
            if not running:
                break
            try:
                left = min(context.remaining() for context in running.values())
                number, outcome = results.get(timeout=left)
                # The result of a task that was given up comes too late to count.
                if running.pop(number, None) is not None:
                    done(number, outcome)
            except queue.Empty:
                for number, context in list(running.items()):
                    if not context.remaining():
                        context.abandon()
                        del running[number]
                        done(number, _late(tasks[number], given[number], self._deadline))

    @staticmethod
    def _next(tasks: Sequence[Task], waiting: Sequence[int], running: Mapping[int, Context]) -> int:
        """Give the first waiting task that may run beside those that run, -1 when there is none."""
        busy = {word for number in running for word in tasks[number].exclusive}
        return next((n for n in waiting if not busy.intersection(tasks[n].exclusive)), -1)

    def _one(self, task: Task, context: Context) -> Outcome:
        start = time.monotonic()
        try:
            value = task.call(context)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and task.inline:
                raise
            status = "failed" if isinstance(error, Exception) else "crashed"
            spent = time.monotonic() - start
            return Outcome(task.name, task.plugin, status, None, _wrapped(task, error), spent)
        return Outcome(task.name, task.plugin, "ok", value, None, time.monotonic() - start)


def _wrapped(task: Task, error: BaseException) -> AicrError:
    if isinstance(error, AicrError):
        error.plugin = error.plugin or task.plugin or None
        return error
    text = f"{task.name}: {type(error).__name__}: {error}"
    wrapped = AicrError(Code.INTERNAL, text, plugin=task.plugin or None)
    wrapped.__cause__ = error
    return wrapped


def _late(task: Task, given: float, deadline: float | None) -> Outcome:
    """Give the outcome of a task that got ``given`` seconds: its own, or what all together had left of theirs."""
    text = f"{task.name} took longer than {task.timeout:g} s"
    if deadline is not None and given < task.timeout:
        text = f"{task.name} had not ended when the {deadline:g} s for all together were over"
    error = AicrError(Code.TIMEOUT, text, plugin=task.plugin or None)
    return Outcome(task.name, task.plugin, "timeout", None, error, given)


def _skipped(task: Task, *, stopped: bool = False) -> Outcome:
    text = (
        f"{task.name} was not wanted any more" if stopped else f"no time was left for {task.name}"
    )
    error = AicrError(Code.TIMEOUT, text, plugin=task.plugin or None)
    return Outcome(task.name, task.plugin, "skipped", None, error, 0.0)
