"""Work that takes more than a moment: in threads, few at a time, within a time, and refused where there is no room.

Bundles, validations and comparisons of uploaded documents go through here, so one client's heavy requests do not hold
the recipes of the others (spec/server.md 12, 21.5).
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.to_thread

from aicr_core.api import AicrError, Code
from aicr_server import problems
from aicr_server.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")
_PATIENCE = 0.1
"""Seconds that a piece waits for the one before it to end.

Threads share one interpreter: four bundles side by side take a fifth more of the processor than one after the other,
and none is ready sooner. What takes longer than this is no bundle of usual size, and holds nobody.
"""


class Work:
    """Room for ``at_once`` pieces of work, each within ``seconds``."""

    def __init__(self, at_once: int, seconds: float) -> None:
        self._at_once = at_once
        self.seconds = seconds
        # More than there is room for, so that a place here never waits for a thread.
        self._threads = anyio.CapacityLimiter(at_once + 1)
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self.busy = 0
        """Pieces that are being worked on, also those whose client was told that they took too long."""

    def _begin(self) -> bool:
        with self._lock:
            if self.busy >= self._at_once:
                return False
            self.busy += 1
            return True

    def _end(self) -> None:
        with self._lock:
            self.busy -= 1

    @contextlib.contextmanager
    def room(self, what: str) -> Iterator[None]:
        """Take a place for what is done in steps (:meth:`step`). Raises Problem (503) where there is none."""
        if not self._begin():
            raise _full(what)
        try:
            yield
        finally:
            self._end()

    async def step(self, call: Callable[[], T]) -> T:
        """Give what ``call`` gives, in a thread; who calls has a place (:meth:`room`)."""
        return await anyio.to_thread.run_sync(call, limiter=self._threads)

    async def do(self, what: str, call: Callable[[], T], message: str = "") -> T:
        """Give what ``call`` gives; ``what`` names it in messages, ``message`` the step that fails in its errors.

        Raises Problem: 503 without room, 504 when it takes too long, and what ``call`` raises as AicrError; what a
        document names and nobody has is a client's mistake (D7).
        """
        if not self._begin():
            raise _full(what)

        def work() -> T:
            # A thread cannot be stopped: its place is free when it is done, not when nobody waits any more.
            has_turn = self._turn.acquire(timeout=_PATIENCE)
            try:
                return call()
            finally:
                if has_turn:
                    self._turn.release()
                self._end()

        try:
            with anyio.fail_after(self.seconds):
                return await anyio.to_thread.run_sync(
                    work, limiter=self._threads, abandon_on_cancel=True
                )
        except TimeoutError:
            seconds = {"seconds": self.seconds}
            raise Problem(Code.TIMEOUT, f"The {what} took too long", seconds) from None
        except AicrError as error:
            found = problems.of(error, message)
            if found.code is Code.NOT_FOUND:
                code = Code.INVALID_REQUEST
                found = Problem(code, found.message, found.details, hint=found.hint)
            raise found from None


def _full(what: str) -> Problem:
    headers = {"Retry-After": "1"}
    return Problem(Code.SERVICE_UNAVAILABLE, f"Too many {what}s at once", headers=headers)
