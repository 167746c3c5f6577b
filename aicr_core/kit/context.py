"""What a provider gets when it is called: how long it has, whether it is still wanted, and the tools of a run.

A context bounds and informs; who runs what, and when, is decided elsewhere (``kit.run``).
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from aicr_core.kit import limits
from aicr_core.kit.clock import Clock
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.process import MAX_OUTPUT, Completed, run_program

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class Context:
    """What a provider gets: deadline, cancellation, settings, options of the run, child processes, templates."""

    def __init__(
        self,
        *,
        settings: Any = None,
        timeout: float = limits.TASK,
        render: Callable[..., str] | None = None,
        log: Callable[[str], None] | None = None,
        cancelled: threading.Event | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.settings = settings
        self.options: Mapping[str, Any] = options or {}
        self._render = render
        self._log = log
        self._cancelled = cancelled or threading.Event()
        self._abandoned = threading.Event()
        self._end = time.monotonic() + timeout

    def remaining(self) -> float:
        """Seconds left until the deadline, never negative."""
        return max(0.0, self._end - time.monotonic())

    def within(self, seconds: float) -> Context:
        """Give a context that ends with this one, and after ``seconds`` at the latest."""
        inner = Context(
            settings=self.settings, timeout=min(seconds, self.remaining()), render=self._render,
            log=self._log, cancelled=self._cancelled, options=self.options,
        )  # fmt: skip
        inner._abandoned = self._abandoned
        return inner

    @property
    def cancelled(self) -> bool:
        """Whether this work is no longer wanted: stopped by the user, by the core, or past its deadline."""
        return self._cancelled.is_set() or self._abandoned.is_set()

    def abandon(self) -> None:
        """Tell the work that nobody waits for it any more; the runner calls this."""
        self._abandoned.set()

    def now(self) -> str:
        """The time for what is written, RFC 3339 in UTC; fixed by ``SOURCE_DATE_EPOCH``."""
        env = self.settings.env if self.settings is not None else {}
        return Clock.from_env(env).stamp()

    @property
    def listens(self) -> bool:
        """Whether what is logged is shown to anybody."""
        return self._log is not None

    def log(self, message: str) -> None:
        """Write a line for the person, on standard error; never to standard output."""
        if self._log is not None:
            self._log(message)

    def render(self, template: str, **variables: Any) -> str:
        """Render a Jinja2 template text with the project's settings (see docs/plugins/tutorial.md).

        Raises AicrError(INVALID_REQUEST) naming the variable that is missing.
        """
        if self._render is None:
            raise AicrError(Code.INTERNAL, "this run has no template renderer")
        return self._render(template, **variables)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = True,
        timeout: float | None = None,
        max_output: int = MAX_OUTPUT,
    ) -> Completed:
        """Run a program, without a shell, for no longer than the remaining time, nor than ``timeout`` seconds.

        It gets a process group of its own, which is ended as a whole (SIGTERM, then SIGKILL) at the deadline,
        on cancellation, and when it writes more than ``max_output`` bytes. ``env`` replaces the environment.
        Raises AicrError: NOT_FOUND when there is no such program, TIMEOUT, INTERNAL for too much output and,
        with ``check``, INTERNAL with its last line when it fails.
        """
        end = self._end if timeout is None else min(self._end, time.monotonic() + timeout)
        return run_program(
            argv, lambda: end - time.monotonic(), lambda: self.cancelled,
            stdin=stdin, cwd=cwd, env=env, check=check, max_output=max_output,
        )  # fmt: skip
