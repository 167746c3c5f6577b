"""Answers of the API server that the checks of one phase share. Thread-safe; knows nothing of what is asked."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Callable

_PASSING = (Code.TIMEOUT, Code.SERVICE_UNAVAILABLE, Code.RATE_LIMIT_EXCEEDED)
"""Errors that say nothing of what was asked for."""


class Reads:
    """The answers that the checks of one phase share: each path and selector is asked for once, also at once.

    Answers are kept, and refusals (not found, forbidden). What went wrong on the way is not: the time that was over
    was the asker's alone, and a server that was busy may answer the next one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[tuple[object, ...], _Answer] = {}

    def once(
        self,
        key: tuple[object, ...],
        ask: Callable[[], Any],
        left: Callable[[], float] | None = None,
    ) -> Any:
        """Give the answer to ``key``; a refusal that ``ask`` raises is raised for everyone who wants it.

        ``left`` gives the caller's remaining seconds: it waits no longer for an answer that somebody else asks for.
        Raises AicrError(TIMEOUT) when that is over.
        """
        with self._lock:
            answer = self._asked.setdefault(key, _Answer())
        if not answer.lock.acquire(timeout=left() if left else -1):
            raise AicrError(Code.TIMEOUT, f"no answer to {key[0]} within the time of the check")
        try:
            if not answer.done:
                try:
                    answer.value = ask()
                except AicrError as error:
                    if error.code in _PASSING:
                        raise
                    answer.error = error
                answer.done = True
        finally:
            answer.lock.release()
        if answer.error is not None:
            raise answer.error
        return answer.value


class _Answer:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.done = False
        self.value: Any = None
        self.error: AicrError | None = None
