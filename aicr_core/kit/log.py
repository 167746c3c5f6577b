"""Lines for people and machines on standard error: plain text, or one JSON object a line.

Results never come here. Secrets (user information in URLs, bearer tokens) are taken out of every line. The
standard library's ``logging`` is not used: its import costs more than everything this module does.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from aicr_core.kit.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

_MARKS = {"DEBUG": "debug: ", "INFO": "", "WARN": "warning: ", "ERROR": ""}
_COLOURS = {"WARN": "\033[33m", "ERROR": "\033[31m"}
_END = "\033[0m"


class Log:
    """Writes records. ``json`` chooses the form, ``debug`` lets debug records through.

    ``stream`` is standard error as it is when a record is written, unless given. ``colour`` None means: on a
    terminal, unless ``NO_COLOR`` is set.
    """

    def __init__(
        self,
        *,
        json: bool = False,
        debug: bool = False,
        stream: TextIO | None = None,
        colour: bool | None = None,
        version: str = "",
        clock: Clock | None = None,
    ) -> None:
        self._json = json
        self._debug = debug
        self._stream = stream
        self._colour = colour
        self._version = version
        self._clock = clock or Clock()

    def debug(self, message: str, **attributes: Any) -> None:
        """Write what helps to find a fault; nothing unless debugging."""
        if self._debug:
            self._record("DEBUG", message, attributes)

    def info(self, message: str, **attributes: Any) -> None:
        """Write progress."""
        self._record("INFO", message, attributes)

    def warn(self, message: str, **attributes: Any) -> None:
        """Write what a person should mend, though the command goes on."""
        self._record("WARN", message, attributes)

    def failed(self, text: str, hint: str | None, status: int) -> None:
        """Write why the command failed: one line and a hint, or one JSON record ``command failed``."""
        if self._json:
            attributes = {"error": text, "exitCode": status} | ({"hint": hint} if hint else {})
            self._record("ERROR", "command failed", attributes)
        else:
            self._record("ERROR", text, {})
            if hint:
                self._record("INFO", f"hint: {hint}", {})

    def _record(self, level: str, message: str, attributes: Mapping[str, Any]) -> None:
        stream = self._stream or sys.stderr
        if stream is None:
            return
        if self._json:
            import json

            record = {"time": self._clock.stamp(), "level": level, "msg": redact(message),
                      "module": "aicr", "version": self._version}  # fmt: skip
            record |= {name: _plain(value) for name, value in attributes.items()}
            line = json.dumps(record, ensure_ascii=False)
        else:
            pairs = "".join(f" {name}={value}" for name, value in attributes.items())
            line = redact(f"{_MARKS[level]}{message}{':' if pairs else ''}{pairs}")
            if level in _COLOURS and self._coloured(stream):
                line = f"{_COLOURS[level]}{line}{_END}"
        # A standard error that is gone must not turn a good run into a failed one.
        with contextlib.suppress(OSError, ValueError):
            stream.write(f"{line}\n")

    def _coloured(self, stream: TextIO) -> bool:
        if self._colour is not None:
            return self._colour
        import os

        return stream.isatty() and not os.environ.get("NO_COLOR")


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | bool) or value is None else redact(str(value))


def redact(text: str) -> str:
    """Give ``text`` without user information in URLs and without bearer or basic credentials."""
    if "://" not in text and "earer " not in text and "asic " not in text:
        return text
    import re

    text = re.sub(r"(?<=://)[^\s/@]+@", "***@", text)
    return re.sub(r"(?i)\b(bearer|basic) +[\w.~+/=-]{8,}", r"\1 ***", text)
