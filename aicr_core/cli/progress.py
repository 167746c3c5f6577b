"""A live view of checks that run, on standard error, only on a terminal: a line for each that ended, one for the rest.

The report is elsewhere; whoever pipes or logs sees nothing of this.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TextIO

from aicr_core.cli.terminal import Terminal
from aicr_core.kit.errors import one_line

if TYPE_CHECKING:
    from types import TracebackType

    from aicr_core.app.validate import Progress

_EVERY = 0.5
"""Seconds between two looks at the clock."""


class Live:
    """Writes what :class:`Progress` says; a context manager. Does nothing unless ``stream`` is a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._terminal = Terminal(stream)
        self._on = self._terminal.on
        self._running: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True, name="progress")

    def __enter__(self) -> Live:
        if self._on:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._on:
            self._thread.join()
            with self._lock:
                self._terminal.write("")

    def __call__(self, progress: Progress) -> None:
        """Show one thing that happened."""
        if not self._on:
            return
        name = one_line(progress.name)
        with self._lock:
            if progress.kind == "phase":
                self._terminal.write(f"{one_line(progress.phase)}: {progress.number} checks\n")
            elif progress.kind == "note":
                self._terminal.write(f"  {name}\n")
            elif progress.kind == "start":
                self._running[name] = (time.monotonic(), progress.number)
            elif progress.item is not None:
                begun, _ = self._running.pop(name, (time.monotonic(), 0))
                said = progress.item.result.message if progress.item.status != "passed" else ""
                line = f"  {progress.item.status:8} {name} ({time.monotonic() - begun:.0f}s)"
                self._terminal.write(f"{line}{': ' + one_line(said) if said else ''}\n")
            self._status()

    def _tick(self) -> None:
        while not self._over.wait(_EVERY):
            with self._lock:
                self._status()

    def _status(self) -> None:
        now = time.monotonic()
        parts = [
            f"{name} {now - begun:.0f}/{limit}s" for name, (begun, limit) in self._running.items()
        ]
        if parts:
            self._terminal.write(f"  running: {', '.join(parts)[:100]}")
