"""Write a report as text for people: a table, then what is wrong and what to do about it, then one line of counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import table as text_table
from aicr_validators.reports import common

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_core.api import Report, ReportItem

_REASON = 72
"""Characters of a message in the table."""
_HEADER = ("CHECK/CONSTRAINT", "PHASE", "STATUS", "TIME", "REASON")


def write(report: Report) -> str:
    """Give the table, without colour, with a final newline; control characters of messages are not passed on."""
    parts = []
    if report.items:
        parts.append(text_table(_HEADER, [_row(item) for item in report.items]))
    parts += [_block(item) for item in report.items if item.status in common.BAD]
    parts.append("".join(f"{line}\n" for line in _foot(report)))
    return common.clean("\n".join(parts))


def _row(item: ReportItem) -> list[str]:
    reason = common.message(item).strip().splitlines() or [""]
    first = reason[0]
    if item.status in common.BAD and len(first) > _REASON:
        first = f"{first[: _REASON - 3]}..."  # the block below has it whole
    return [
        item.name,
        item.phase,
        status(item),
        common.seconds(item.duration),
        first,
    ]


def status(item: ReportItem) -> str:
    """Give the word of a verdict, and why a bad one does not count."""
    if item.status not in common.BAD or item.counts_as_failure:
        return item.status
    return f"{item.status} ({'waived' if item.waiver else item.severity})"


def _block(item: ReportItem) -> str:
    lines = [f"{item.name} ({item.phase}): {status(item)}"]
    result = item.result
    for name, text in (
        ("message", common.message(item)),
        ("reason", result.reason if result.message else ""),
        ("expected", result.expected),
        ("actual", result.actual),
        ("from", item.where),
        ("waived", item.waiver),
        ("what to do", result.remediation),
    ):
        lines += _field(name, text)
    return "".join(f"{line}\n" for line in lines)


def _field(name: str, text: str) -> Iterator[str]:
    head = f"  {name}: ".ljust(14)
    for line in text.strip().splitlines():
        yield head + "".join(
            char if char.isprintable() else " " if char == "\t" else "?" for char in line
        )
        head = " " * 14


def _foot(report: Report) -> Iterator[str]:
    for phase in report.phases:
        if phase.skipped and not phase.items:  # else each item says it
            yield f"{phase.name} was skipped: {' '.join(phase.skipped.split())}"
    for phase in common.passed_gates(report):
        if phase.items:
            yield f"{phase.name}: {common.sentence(phase.items)}"
    if report.interrupted:
        yield f"the run ended early: {' '.join(report.interrupted.split())}"
    if report.residue:
        yield "left in the cluster; this deletes it:"
        yield from (f"  {' '.join(command.split())}" for command in report.residue)
    yield common.sentence(common.tests(report))
