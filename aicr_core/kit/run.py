"""Run tasks side by side with deadlines, and give their outcomes in the order the tasks were given.

Threads are daemons: a hung one never holds the exit. ``concurrent.futures`` joins its workers at exit and is not
used. A thread cannot be killed: one past its deadline is reported and abandoned, its late result dropped.
"""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Context:
    """What a provider gets: its deadline, cancellation, settings, and the template renderer."""

    def __init__(
        self,
        *,
        settings: Any = None,
        timeout: float = 60.0,
        render: Callable[..., str] | None = None,
        cancelled: threading.Event | None = None,
    ) -> None:
        self.settings = settings
        self._render = render
        self._cancelled = cancelled or threading.Event()
        self._end = time.monotonic() + timeout

    def remaining(self) -> float:
        """Seconds left until the deadline, never negative."""
        return max(0.0, self._end - time.monotonic())

    @property
    def cancelled(self) -> bool:
        """Whether the user or the core has stopped this run."""
        return self._cancelled.is_set()

    def render(self, template: str, **variables: Any) -> str:
        """Render a Jinja2 template text with the project's settings (see docs/plugins/tutorial.md).

        Raises AicrError(INVALID_REQUEST) naming the variable that is missing.
        """
        if self._render is None:
            raise AicrError(Code.INTERNAL, "this run has no template renderer")
        return self._render(template, **variables)


class Task(NamedTuple):
    """One piece of work: a name, its plugin, a function of a context, its deadline in seconds."""

    name: str
    plugin: str
    call: Callable[[Context], Any]
    timeout: float = 60.0
    inline: bool = False


class Outcome(NamedTuple):
    """How a task ended: ``status`` is ok, failed, timeout or cancelled."""

    name: str
    plugin: str
    status: str
    value: Any
    error: AicrError | None
    seconds: float


class Runner:
    """Runs tasks with at most ``jobs`` threads at once."""

    def __init__(
        self, jobs: int, *, settings: Any = None, render: Callable[..., str] | None = None
    ) -> None:
        self._jobs = max(1, jobs)
        self._settings = settings
        self._render = render
        self._cancelled = threading.Event()

    def run(self, tasks: Sequence[Task]) -> tuple[Outcome, ...]:
        """Run all tasks; give outcomes in the order of ``tasks``. An interrupt cancels and is raised."""
        outcomes: list[Outcome | None] = [None] * len(tasks)
        threaded = []
        for number, task in enumerate(tasks):
            if task.inline:
                outcomes[number] = self._one(task)
            else:
                threaded.append(number)
        if threaded:
            try:
                self._threads(tasks, threaded, outcomes)
            except BaseException:
                self._cancelled.set()
                raise
        return tuple(outcome for outcome in outcomes if outcome is not None)

    def _threads(
        self, tasks: Sequence[Task], numbers: list[int], outcomes: list[Outcome | None]
    ) -> None:
        results: queue.SimpleQueue[tuple[int, Outcome]] = queue.SimpleQueue()
        waiting = list(reversed(numbers))
        running: dict[int, float] = {}
        while waiting or running:
            while waiting and len(running) < self._jobs:
                number = waiting.pop()
                running[number] = time.monotonic() + tasks[number].timeout

                def work(number: int = number) -> None:
                    results.put((number, self._one(tasks[number])))

                threading.Thread(target=work, daemon=True, name=tasks[number].name).start()
            left = max(0.0, min(running.values()) - time.monotonic())
            try:
                number, outcome = results.get(timeout=left)
                if running.pop(number, None) is not None:
                    outcomes[number] = outcome
            except queue.Empty:
                for number, end in list(running.items()):
                    if end <= time.monotonic():
                        del running[number]
                        outcomes[number] = _late(tasks[number])

    def _one(self, task: Task) -> Outcome:
        context = Context(
            settings=self._settings,
            timeout=task.timeout,
            render=self._render,
            cancelled=self._cancelled,
        )
        start = time.monotonic()
        try:
            value = task.call(context)
        except AicrError as error:
            error.plugin = error.plugin or task.plugin or None
            return Outcome(task.name, task.plugin, "failed", None, error, time.monotonic() - start)
        except Exception as error:
            wrapped = AicrError(
                Code.INTERNAL,
                f"{task.name}: {type(error).__name__}: {error}",
                plugin=task.plugin or None,
            )
            wrapped.__cause__ = error
            return Outcome(
                task.name, task.plugin, "failed", None, wrapped, time.monotonic() - start
            )
        return Outcome(task.name, task.plugin, "ok", value, None, time.monotonic() - start)


def _late(task: Task) -> Outcome:
    error = AicrError(
        Code.TIMEOUT, f"{task.name} took longer than {task.timeout:g} s", plugin=task.plugin or None
    )
    return Outcome(task.name, task.plugin, "timeout", None, error, task.timeout)
