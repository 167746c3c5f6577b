"""A container's log: lines that come one by one, read by anybody, followed until it is closed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Log:
    """Thread-safe list of lines with an end."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._closed = False
        self._changed = threading.Condition()

    def write(self, line: str) -> None:
        """Add a line; its end is added here."""
        with self._changed:
            self._lines.append(line.encode() + b"\n")
            self._changed.notify_all()

    def close(self) -> None:
        """No line will follow."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def read(self, *, follow: bool, tail: int | None = None) -> Iterator[bytes]:
        """Give the lines that are there; with ``follow`` also those to come."""
        with self._changed:
            at = 0 if tail is None else max(0, len(self._lines) - tail)
        while True:
            with self._changed:
                while follow and at >= len(self._lines) and not self._closed:
                    self._changed.wait(1.0)
                lines, at = self._lines[at:], len(self._lines)
                last = not follow or self._closed
            yield from lines
            if last:
                return
