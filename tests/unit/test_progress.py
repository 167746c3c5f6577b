"""The live view of checks: whatever they are called, and whatever happens to the terminal."""

from __future__ import annotations

import io

import pytest

from aicr_core.app.validate import Progress
from aicr_core.cli.progress import Live
from aicr_core.model.check import ReportItem, passed


class Terminal(io.StringIO):
    """Keeps what is written; refuses the n-th write and all after it."""

    def __init__(self, refuse_from: int = 1000, error: type[Exception] = BrokenPipeError) -> None:
        super().__init__()
        self._left = refuse_from
        self._error = error

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._left -= 1
        if self._left < 0:
            raise self._error("gone")
        return super().write(text)


def show(live: Live, name: str) -> None:
    item = ReportItem(name=name, phase=name, result=passed())
    for kind in ("phase", "start", "note", "end"):
        live(Progress(kind, name, name, item if kind == "end" else None))


def test_names_cannot_steer_the_terminal() -> None:
    terminal = Terminal()
    with Live(terminal) as live:
        show(live, "dra\x1b]0;owned\x07\nsecond")
    assert "dra\\x1b]0;owned\\x07\\nsecond" in terminal.getvalue()
    assert "\x1b]0;" not in terminal.getvalue()
    assert "\x07" not in terminal.getvalue()


@pytest.mark.parametrize("writes", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("error", [BrokenPipeError, OSError, ValueError])
def test_a_terminal_that_goes_away_takes_nothing_along(writes: int, error: type[Exception]) -> None:
    with Live(Terminal(writes, error)) as live:
        show(live, "dra")
        show(live, "gpu")
