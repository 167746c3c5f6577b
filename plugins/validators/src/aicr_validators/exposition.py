"""The Prometheus text format, as far as a check needs it: which metrics have samples. Asks nobody for anything.

Comments (``# HELP``, ``# TYPE``) are no samples. One line that cannot be read makes the whole text unreadable:
Prometheus drops such a scrape too. Values and labels are checked for their form and not kept.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

LIMIT = 1 << 20
"""Bytes of an answer that are read (``Target.service``); a longer one is cut in the middle of a line."""
_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*+"
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*+[ \t]*+=[ \t]*+"(?:[^"\\]|\\.)*+"'
_LABELS = rf"\{{[ \t]*+(?:{_LABEL}(?:[ \t]*+,[ \t]*+{_LABEL})*+[ \t]*+,?+)?+[ \t]*+\}}"
_NUMBER = r"[+-]?(?:\d++(?:\.\d*+)?+|\.\d++)(?:[eE][+-]?\d++)?+"
_VALUE = rf"(?:{_NUMBER}|[+-]?(?i:inf(?:inity)?+)|(?i:nan))"
_EXEMPLAR = rf"[ \t]++\#[ \t]*+{_LABELS}[^\n]*+"
# Possessive throughout: a hostile line takes time by its length, not by its square.
_SAMPLE = re.compile(
    rf"[ \t]*+({_NAME})[ \t]*+(?:{_LABELS})?+[ \t]*+{_VALUE}(?:[ \t]++{_NUMBER})?+"
    rf"(?:{_EXEMPLAR})?+[ \t]*+"
)


class Samples(NamedTuple):
    """What a text holds: the number of samples by metric, the first unreadable line, whether it was cut."""

    counts: Counter[str]
    bad_line: int = 0
    """Number of the first line that is neither a sample nor a comment; 0 when all can be read."""
    bad_text: str = ""
    cut: bool = False
    """It is as long as what is read at most: there may have been more."""


def parse(text: str) -> Samples:
    """Count the samples of a text. Never raises, whatever the text."""
    cut = len(text.encode("utf-8", "replace")) >= LIMIT
    lines = text.split("\n")
    if cut:
        lines.pop()  # empty, or part of a line
    counts: Counter[str] = Counter()
    for number, line in enumerate(lines, 1):
        line = line.removesuffix("\r")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _SAMPLE.fullmatch(line)
        if found is None:
            return Samples(counts, number, line[:80], cut)
        counts[found[1]] += 1
    return Samples(counts, cut=cut)
