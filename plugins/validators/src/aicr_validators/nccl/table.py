"""The table that the benchmark prints, read from a log line by line in little memory. Pure.

A row is size, count, type, operation, root, time, algbw, busbw and more; the busbw (out of place) of the last row,
that of the largest size, is the result (spec/validate.md 8.5).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

LIMIT = 64 << 20
"""Bytes of a log that are read: a launcher that never stops writing must not hold us."""
WIDTH = 1000
"""Characters of a line that are looked at; a row has about a hundred."""
_ROW = re.compile(
    r"\s*(\d+)\s+\d+\s+[a-z]\S*\s+[a-z]+\s+-?\d+\s+\d+(?:\.\d+)?\s+\d+(?:\.\d+)?\s+(\d+(?:\.\d+)?)(?:\s|$)",
    re.ASCII,
)


class Reading(NamedTuple):
    """The last row of a log: its size in bytes, its bus bandwidth in GB/s, itself; ``cut`` if there was more."""

    size: int
    bandwidth: float
    row: str
    cut: bool


def read(lines: Iterable[str], limit: int = LIMIT) -> Reading:
    """Give the last row of the table; size 0 when there is none."""
    size, bandwidth, row, seen, cut = 0, 0.0, "", 0, False
    for line in lines:
        seen += len(line) + 1
        if seen > limit:
            cut = True
            break
        found = _ROW.match(line[:WIDTH])
        if found is not None:
            size, bandwidth, row = int(found[1]), float(found[2]), line[:WIDTH].strip()
    return Reading(size, bandwidth, row, cut)
