"""Lines on standard error: one for each request, JSON or text (spec/server.md 13). Query strings are not logged."""

from __future__ import annotations

import datetime
import json
import sys
import traceback
from typing import TYPE_CHECKING, Any, TextIO

from aicr_core.api import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST = 256
"""Of what a client sent; a line must not be as long as it likes."""
LEVELS = ("debug", "info", "warn", "error")


class AccessLog:
    """Writes events at or above a level."""

    def __init__(self, level: str, form: str, stream: TextIO | None = None) -> None:
        self._least = LEVELS.index(level)
        self._form = form
        self._stream = stream or sys.stderr

    def event(self, level: str, message: str, **fields: Any) -> None:
        """Write one event; what a client sent is escaped."""
        if LEVELS.index(level) < self._least:
            return
        row = {
            "time": datetime.datetime.now().astimezone().isoformat(),
            "level": level.upper(), "msg": message, "module": "aicrd", "version": __version__, **fields,
        }  # fmt: skip
        if self._form == "json":
            text = json.dumps(row, ensure_ascii=True)
        else:
            words = " ".join(f"{key}={json.dumps(value)}" for key, value in fields.items())
            text = f"{row['time']} {row['level']} {message} {words}".rstrip()
        print(text, file=self._stream, flush=True)

    def request(
        self, scope: Mapping[str, Any], request_id: str, status: int, size: int, seconds: float
    ) -> None:
        """Write the line of a request that was answered: info, warn from 400, error from 500."""
        level = "error" if status >= 500 else "warn" if status >= 400 else "info"
        if LEVELS.index(level) < self._least:
            return
        self.event(
            level, "request completed", requestID=request_id, method=scope["method"], path=scope["path"][:_LONGEST],
            status=status, bytes=size, ms=round(seconds * 1000, 3),
        )  # fmt: skip

    def defect(self, request_id: str, error: BaseException) -> None:
        """Write an exception that nobody expected, with where it came from."""
        frames = "".join(traceback.format_exception(error))
        self.event("error", "defect", requestID=request_id, error=repr(error), traceback=frames)
