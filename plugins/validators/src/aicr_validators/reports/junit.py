"""Write a report as JUnit XML, which CI systems show: a suite for each phase, a case for each item.

JUnit has no word for a failure that does not count. One that is waived, or only a warning, is a skipped case whose
message begins with what was found, so that the CI's verdict is the same as the exit status.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import JunitCase, JunitSuite, junit_document, junit_seconds
from aicr_validators.reports import common

if TYPE_CHECKING:
    from aicr_core.api import PhaseReport, Report, ReportItem


def write(report: Report) -> str:
    """Give the XML document, indented, with a final newline."""
    spent = max(0, report.stopped - report.started)
    suites = [_suite(report, phase) for phase in report.phases]
    return junit_document("aicr validate", suites, {"time": junit_seconds(spent)})


def _suite(report: Report, phase: PhaseReport) -> JunitSuite:
    facts = {"run": report.run, "version": report.version, "recipe": report.recipe}
    facts |= {f"criteria.{name}": str(value) for name, value in sorted(report.criteria.items())}
    facts["skipped"] = phase.skipped
    attributes = {
        "time": junit_seconds(sum(item.duration for item in phase.items)),
        "timestamp": report.timestamp,
    }
    return JunitSuite(phase.name, [_case(item) for item in phase.items], facts, attributes)


def _case(item: ReportItem) -> JunitCase:
    result = item.result
    verdict = _verdict(item)
    message = common.message(item)
    if verdict == "skipped" and item.status in common.BAD:
        why = f"waived: {item.waiver}" if item.waiver else "warning only"
        message = f"{item.status}, {why}: {message}"
    return JunitCase(
        item.name,
        f"aicr.{item.phase}",
        verdict,
        message,
        result.reason or str(result.code or item.status),
        _body(item),
        "\n".join(common.lines(item)),
        {
            "title": item.title,
            "severity": "" if item.severity == "error" else item.severity,
            "where": item.where,
            "waiver": item.waiver,
            "runner": item.runner,
        },
        item.duration,
    )


def _verdict(item: ReportItem) -> str:
    if item.status == "skipped" or (item.status in common.BAD and not item.counts_as_failure):
        return "skipped"
    return {"failed": "failure", "other": "error"}.get(item.status, "")


def _body(item: ReportItem) -> str:
    result = item.result
    fields = (("expected", result.expected), ("actual", result.actual), ("do", result.remediation))
    return "\n".join(f"{name}: {text}" for name, text in fields if text)
