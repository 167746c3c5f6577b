"""Tables for people: plain (columns as wide as their widest cell, two blanks between, no colour) and markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, rule: bool = False) -> str:
    """Give a table as text that ends with a newline; the last column is not padded.

    A cell takes one line: line breaks and tabs in it become blanks, other control characters ``?``. Wide
    characters (East Asian) count two columns. ``rule`` draws a dashed line under the header.
    """
    lines = [list(header)]
    if rule:
        lines.append(["-" * len(name) for name in header])
    lines.extend([_one_line(str(cell)) for cell in row] for row in rows)
    widths = [max(width(line[column]) for line in lines) for column in range(len(header))]
    text = []
    for line in lines:
        cells = [cell + " " * (wide - width(cell)) for cell, wide in zip(line, widths, strict=True)]
        text.append("  ".join(cells).rstrip())
    return "\n".join(text) + "\n"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Give a table of GitHub's markdown that ends with a newline. What a cell holds is shown, never interpreted."""
    lines = [header, ["---"] * len(header), *([_literal(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


_MARKS = str.maketrans({mark: f"\\{mark}" for mark in "\\|<>[]*_`~&"})


def _literal(cell: str) -> str:
    return " ".join(_one_line(cell).split()).translate(_MARKS)


def width(text: str) -> int:
    """Give the columns a terminal needs for ``text``."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text
    )


def _one_line(text: str) -> str:
    if text.isprintable():
        return text
    text = " ".join(text.split("\n")).replace("\t", " ").replace("\r", "")
    return "".join(char if char.isprintable() else "?" for char in text)
