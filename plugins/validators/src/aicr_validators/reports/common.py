"""What the formats of a report share: which items count, how many of each, one sentence. Writes no format itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aicr_core.api import PhaseReport, Report, ReportItem

_SURROGATE = re.compile("[\ud800-\udfff]")
_PLACE = re.compile(r"(?P<file>.+?):(?P<line>[1-9][0-9]*)(?::(?P<column>[1-9][0-9]*))?$", re.DOTALL)
BAD = ("failed", "other")


def tests(report: Report) -> list[ReportItem]:
    """Give what was to be decided in the cluster; with it the items of a gate that kept the run from getting there."""
    return [
        item
        for phase in report.phases
        if not phase.gate or phase.status in BAD
        for item in phase.items
    ]


def passed_gates(report: Report) -> list[PhaseReport]:
    """Give the gates that let the run pass; their items are told beside the tests."""
    return [phase for phase in report.phases if phase.gate and phase.status not in BAD]


def counts(items: Iterable[ReportItem]) -> dict[str, int]:
    """Count ``items`` by status: ``tests`` is all of them."""
    found = {"tests": 0, "passed": 0, "failed": 0, "skipped": 0, "other": 0}
    for item in items:
        found["tests"] += 1
        found[item.status] += 1
    return found


def sentence(items: Sequence[ReportItem]) -> str:
    """Give the counts in words; when nothing was evaluated, that comes first."""
    found = counts(items)
    if found["skipped"] == found["tests"]:
        return f"0 evaluated, {found['skipped']} skipped"
    order = ("passed", "failed", "other", "skipped")
    parts = [
        f"{found[word]} {word}" for word in order if found[word] or word in ("passed", "failed")
    ]
    words = {"waived": "waived", "warnings": "of severity warning"}
    apart = [f"{number} {words[kind]}" for kind, number in excused(items).items() if number]
    return ", ".join(parts) + (f" ({', '.join(apart)})" if apart else "")


def excused(items: Iterable[ReportItem]) -> dict[str, int]:
    """Count what went wrong and does not make the run fail: what is ``waived``, and other mere ``warnings``."""
    found = {"waived": 0, "warnings": 0}
    for item in items:
        if item.status in BAD and not item.counts_as_failure:
            found["waived" if item.waiver else "warnings"] += 1
    return found


def message(item: ReportItem) -> str:
    """Give what an item says of its verdict: ``[CODE] text`` for what is wrong, the reason for what was skipped."""
    result = item.result
    text = result.message or result.reason
    head = f"[{result.code}]"
    if item.status not in BAD or result.code is None or text.startswith(head):
        return text  # a container writes its code itself
    return f"{head} {text}".rstrip()


def lines(item: ReportItem) -> list[str]:
    """Give the lines of evidence: those a container wrote, else those of the check's evidence blocks."""
    if item.output:
        return list(item.output)
    return [line for block in item.result.evidence for line in block.lines()]


def place(where: str) -> tuple[str, int, int]:
    """Split ``file:line:column``; line and column are 0 where they are not given."""
    match = _PLACE.match(where)
    if match is None:
        return where, 0, 0
    return match["file"], int(match["line"]), int(match["column"] or 0)


def fence(text: str, language: str = "") -> str:
    """Give ``text`` as a fenced block of Markdown that nothing in it can end."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    marks = "`" * max(3, longest + 1)
    return f"{marks}{language}\n{text}\n{marks}\n"


def clean(text: str) -> str:
    """Give a text that can be written as UTF-8: a lone surrogate (a name that is no UTF-8) becomes U+FFFD."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def seconds(milliseconds: int) -> str:
    """Give a duration for people; empty when it is not known."""
    if milliseconds <= 0:
        return ""
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f}s"
    whole = (milliseconds + 500) // 1000
    return f"{whole // 60}m{whole % 60:02d}s"
