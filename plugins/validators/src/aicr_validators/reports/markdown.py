"""Write a report as GitHub's Markdown, for pull requests. What a cluster says is shown, never interpreted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import markdown as markdown_table
from aicr_validators.reports import common
from aicr_validators.reports.table import status

if TYPE_CHECKING:
    from aicr_core.api import Report, ReportItem

_BAD = ("Check", "Phase", "Status", "Message", "Expected", "Actual", "What to do")


def write(report: Report) -> str:
    """Give a summary, a table of what is wrong, and for each item with evidence a block to open."""
    bad = [item for item in report.items if item.status in common.BAD]
    skipped = _not_run(report)
    parts = [f"## Validation {_verdict(report)}\n", f"{_summary(report)}\n"]
    if report.interrupted:
        parts.append(f"The run ended early:\n\n{common.fence(report.interrupted)}")
    if bad:
        parts.append(markdown_table(_BAD, [_row(item) for item in bad]))
    if skipped:
        parts.append(_skipped(skipped))
    parts += [_details(item) for item in report.items if common.lines(item)]
    if report.residue:
        commands = common.fence("\n".join(report.residue), "sh")
        parts.append(f"Left in the cluster; this deletes it:\n\n{commands}")
    return common.clean("\n".join(parts))


def _verdict(report: Report) -> str:
    return "failed" if any(phase.status in common.BAD for phase in report.phases) else "passed"


def _summary(report: Report) -> str:
    parts = [common.sentence(common.tests(report))]
    for phase in common.passed_gates(report):
        if phase.items:
            parts.append(f"{phase.name}: {common.sentence(phase.items)}")
    return ". ".join(parts) + "."


def _row(item: ReportItem) -> list[str]:
    result = item.result
    return [
        item.name, item.phase, status(item), common.message(item), result.expected, result.actual,
        result.remediation,
    ]  # fmt: skip


def _not_run(report: Report) -> list[list[str]]:
    items = [item for item in report.items if item.status == "skipped"]
    rows = [[item.name, item.phase, common.message(item)] for item in items]
    empty = [phase for phase in report.phases if phase.skipped and not phase.items]
    return rows + [["all of it", phase.name, phase.skipped] for phase in empty]


def _skipped(rows: list[list[str]]) -> str:
    listed = markdown_table(("Check", "Phase", "Why"), rows)
    return f"<details><summary>{len(rows)} skipped</summary>\n\n{listed}\n</details>\n"


def _details(item: ReportItem) -> str:
    from html import escape

    title = escape(" ".join(f"{item.name}: {status(item)}".split()))
    shown = common.fence("\n".join(common.lines(item)))
    return f"<details><summary>{title}</summary>\n\n{shown}\n</details>\n"
