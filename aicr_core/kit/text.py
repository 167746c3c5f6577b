"""Plain tables for people: columns as wide as their widest cell, two blanks between, no colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, rule: bool = False) -> str:
    """Give a table as text that ends with a newline; the last column is not padded.

    ``rule`` draws a dashed line under the header.
    """
    lines = [list(header)]
    if rule:
        lines.append(["-" * len(name) for name in header])
    lines.extend([str(cell) for cell in row] for row in rows)
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    text = []
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        text.append("  ".join(cells).rstrip())
    return "\n".join(text) + "\n"
