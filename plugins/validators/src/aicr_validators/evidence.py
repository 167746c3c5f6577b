"""Write evidence pages: a Markdown file for each requirement of AI conformance, and an index (spec/validate.md 11.1).

Which files there are does not depend on what was found: a requirement that nothing was said about has a page too, that
says so. A page says PASSED only if all checks of the requirement passed; a failure that somebody waived is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from aicr_validators import pages
from aicr_validators.reports import common

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aicr_core.api import Page, Report, ReportItem

NOT_RUN = "no check of this requirement was part of the run"


@attrs.frozen
class Group:
    """A requirement with what the run says of it; ``items`` may be empty."""

    page: Page
    items: tuple[ReportItem, ...]

    @property
    def verdict(self) -> str:
        """PASSED when every check passed, FAILED when one did not or gave no verdict, else SKIPPED."""
        return verdict(self.items)


def verdict(items: Sequence[ReportItem]) -> str:
    """Give the verdict of several checks together; none at all is SKIPPED."""
    found = {item.status for item in items}
    if found & set(common.BAD):
        return "FAILED"
    return "PASSED" if found == {"passed"} else "SKIPPED"


def groups(report: Report) -> list[Group]:
    """Give the requirements: ours in their order, then those of other plugins as the report brings them."""
    found: dict[str, tuple[Page, list[ReportItem]]] = {page.file: (page, []) for page in pages.ALL}
    for item in report.checks:
        if item.page is not None:
            found.setdefault(item.page.file, (item.page, []))[1].append(item)
    return [Group(page, tuple(items)) for page, items in found.values()]


def write(report: Report, facts: Mapping[str, Any]) -> dict[str, str]:  # noqa: ARG001 - as the hook has it
    """Give the pages and ``index.md`` by path; nothing of ``facts`` is used."""
    found = groups(report)
    files = {group.page.file: page(report, group) for group in found}
    files["index.md"] = _index(report, found)
    return files


def page(report: Report, group: Group) -> str:
    """Give the page of a requirement."""
    about = group.page
    head = (
        f"# {about.title}\n\n**Generated:** {report.timestamp}\n**Requirement:** `{about.requirement}`\n"
        f"**Result:** {group.verdict}\n\n---\n\n{about.about}\n\n## Checks\n\n"
    )
    checks = "".join(_check(item) for item in group.items)
    return common.clean(head + (checks or f"Skipped: {NOT_RUN}.\n"))


def _check(item: ReportItem) -> str:
    parts = [
        f"### {item.name}\n\n- **Status:** {item.status.upper()}\n- **Duration:** {item.duration}ms\n"
    ]
    if item.waiver:
        parts.append(f"- **Waived:** {' '.join(item.waiver.split())}\n")
    parts.append("\n")
    message = common.message(item)
    if message and item.status != "passed":
        title = "Reason" if item.status == "skipped" else "Error"
        parts.append(f"**{title}:**\n{common.fence(message)}\n")
    lines = common.lines(item)
    if lines:
        parts.append(f"**Evidence Output:**\n{common.fence(chr(10).join(lines))}\n")
    return "".join(parts)


def _index(report: Report, found: Sequence[Group]) -> str:
    rows = "".join(
        f"| {number} | `{group.page.requirement}` | {group.page.title} | {group.verdict} | "
        f"[{group.page.file}]({group.page.file}) |\n"
        for number, group in enumerate(found, 1)
    )
    return common.clean(
        f"# CNCF AI Conformance Evidence\n\n**Generated:** {report.timestamp}\n\n## Results\n\n"
        f"| # | Requirement | Feature | Result | Evidence |\n|---|-------------|---------|--------|----------|\n{rows}"
    )
