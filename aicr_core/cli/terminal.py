"""Standard error as a live view: written to only where it is a terminal; one that goes away costs nothing else."""

from __future__ import annotations

import sys
from typing import TextIO

CLEAR = "\r\x1b[K"
"""Back to the start of the line, and away with what stands on it."""


class Terminal:
    """``on`` says whether somebody looks."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self.on = self._stream is not None and self._stream.isatty()

    def write(self, text: str) -> None:
        """Write ``text`` over the current line; a terminal that has gone away takes the view along, and no more."""
        if not self.on:
            return
        try:
            self._stream.write(f"{CLEAR}{text}")
            self._stream.flush()
        except (OSError, ValueError):
            self.on = False
