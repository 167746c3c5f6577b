"""A line on a terminal that counts what is done while a command works for long; nothing anywhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from aicr_core.cli.terminal import Terminal
from aicr_core.kit.errors import one_line

if TYPE_CHECKING:
    from types import TracebackType


class Counter:
    """Says ``WHAT 3/16: NAME`` on standard error, on one line that goes away at the end; a context manager."""

    def __init__(self, what: str, stream: TextIO | None = None) -> None:
        self._what = what
        self._terminal = Terminal(stream)

    def __enter__(self) -> Counter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._terminal.write("")

    def __call__(self, done: int, total: int, name: str) -> None:
        """Show how far the work is; ``name`` is what begins or has ended."""
        self._terminal.write(f"  {self._what} {done}/{total}: {one_line(name)}"[:100])
