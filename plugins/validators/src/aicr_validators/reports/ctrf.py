"""Write a report as CTRF, the Common Test Report Format (spec/validate.md 10; published schema of specVersion 0.0.x).

Fields, their order and the escaping of JSON are the reference's, to the byte. What it has no field for is in ``extra``
objects, which the published schema allows on ``results``, on its ``summary`` and on each test.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from aicr_validators.reports import common

if TYPE_CHECKING:
    from aicr_core.api import Report, ReportItem

_GO = re.compile("[<>&\u2028\u2029\ud800-\udfff]")


def write(report: Report) -> str:
    """Give the CTRF document, two blanks a level, with a final newline."""
    tests = common.tests(report)
    tool = {"name": "aicr", "version": report.version} if report.version else {"name": "aicr"}
    results: dict[str, Any] = {
        "tool": tool,
        "summary": _summary(report, tests),
        "tests": [_test(item) for item in tests],
    }
    extra = _extra(report)
    if extra:
        results["extra"] = extra
    document = {
        "reportFormat": "CTRF",
        "specVersion": "0.0.1",
        "timestamp": report.timestamp,
        "generatedBy": "aicr",
        "results": results,
    }
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return _GO.sub(_escape, text) + "\n"


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return "\\ufffd" if 0xD800 <= code <= 0xDFFF else f"\\u{code:04x}"


def _summary(report: Report, tests: list[ReportItem]) -> dict[str, Any]:
    found = common.counts(tests)
    summary: dict[str, Any] = {
        "tests": found["tests"],
        "passed": found["passed"],
        "failed": found["failed"],
        "skipped": found["skipped"],
        "pending": 0,
        "other": found["other"],
        "start": report.started,
        "stop": report.stopped,
    }
    # A waiver changes what the run is worth, not what was found: the counts stay those of the tests.
    apart = {word: number for word, number in common.excused(tests).items() if number}
    if apart:
        summary["extra"] = apart
    return summary


def _test(item: ReportItem) -> dict[str, Any]:
    test: dict[str, Any] = {
        "name": item.name,
        "status": item.status,
        "duration": item.duration,
        "suite": [item.phase],
    }
    message = common.message(item)
    if message:
        test["message"] = message
    lines = common.lines(item)
    if lines:
        test["stdout"] = lines
    extra = _details(item)
    if extra:
        test["extra"] = extra
    return test


def _details(item: ReportItem) -> dict[str, str]:
    result = item.result
    fields = {
        "reason": result.reason,
        "code": str(result.code or ""),
        "expected": result.expected,
        "actual": result.actual,
        "remediation": result.remediation,
        "where": item.where,
        "severity": "" if item.severity == "error" else item.severity,
        "waiver": item.waiver,
    }
    return {name: text for name, text in fields.items() if text}


def _extra(report: Report) -> dict[str, Any]:
    gates = [item for phase in common.passed_gates(report) for item in phase.items]
    skipped = {
        phase.name: phase.skipped for phase in report.phases if phase.skipped and not phase.items
    }
    fields = {
        "gates": [_test(item) for item in gates],
        "skippedPhases": skipped,
        "interrupted": report.interrupted,
        "residue": list(report.residue),
    }
    return {name: value for name, value in fields.items() if value}
