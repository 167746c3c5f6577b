"""The line that counts: on a terminal only, one line, gone at the end."""

from __future__ import annotations

import io

from aicr_core.cli.counter import Counter


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal() -> None:
    stream = Terminal()
    with Counter("charts", stream) as counter:
        counter(1, 3, "a\x1b[31m\nb")
    text = stream.getvalue()
    assert "charts 1/3: a\\x1b[31m\\nb" in text
    assert "\n" not in text
    assert text.endswith("\r\x1b[K"), "nothing stays"


def test_elsewhere() -> None:
    stream = io.StringIO()
    with Counter("charts", stream) as counter:
        counter(1, 3, "a")
    assert stream.getvalue() == ""


def test_a_terminal_that_goes_away_costs_nothing_else() -> None:
    class Gone(Terminal):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    with Counter("charts", Gone()) as counter:
        counter(1, 3, "a")
