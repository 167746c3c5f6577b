"""Write a report as JUnit XML, which CI systems show: a suite for each phase, a case for each item.

JUnit has no word for a failure that does not count. One that is waived, or only a warning, is a skipped case whose
message begins with what was found, so that the CI's verdict is the same as the exit status.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aicr_validators.reports import common

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from aicr_core.api import PhaseReport, Report, ReportItem

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(report: Report) -> str:
    """Give the XML document, indented, with a final newline."""
    from xml.etree import ElementTree as ET

    items = report.items
    root = ET.Element("testsuites", {"name": "aicr validate", **_counts(items)})
    root.set("time", _seconds(max(0, report.stopped - report.started)))
    for phase in report.phases:
        _suite(root, report, phase)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(root: Element, report: Report, phase: PhaseReport) -> None:
    from xml.etree.ElementTree import SubElement

    suite = SubElement(root, "testsuite", {"name": _text(phase.name), **_counts(phase.items)})
    suite.set("time", _seconds(sum(item.duration for item in phase.items)))
    suite.set("timestamp", _text(report.timestamp))
    facts = {"run": report.run, "version": report.version, "recipe": report.recipe}
    facts |= {f"criteria.{name}": str(value) for name, value in sorted(report.criteria.items())}
    facts["skipped"] = phase.skipped
    _properties(suite, facts)
    for item in phase.items:
        _case(suite, item)


def _case(suite: Element, item: ReportItem) -> None:
    from xml.etree.ElementTree import SubElement

    case = SubElement(suite, "testcase", {"name": _text(item.name)})
    case.set("classname", _text(f"aicr.{item.phase}"))
    case.set("time", _seconds(item.duration))
    result = item.result
    _properties(
        case,
        {
            "title": item.title,
            "severity": "" if item.severity == "error" else item.severity,
            "where": item.where,
            "waiver": item.waiver,
            "runner": item.runner,
        },
    )
    message = _text(common.message(item))
    verdict = _verdict(item)
    if verdict == "skipped" and item.status in common.BAD:
        why = f"waived: {item.waiver}" if item.waiver else "warning only"
        message = _text(f"{item.status}, {why}: ") + message
    if verdict:
        found = SubElement(case, verdict, {"message": message})
        if verdict != "skipped":
            found.set("type", _text(result.reason or str(result.code or item.status)))
        found.text = _text(_body(item)) or None
    lines = common.lines(item)
    if lines:
        SubElement(case, "system-out").text = _text("\n".join(lines))


def _verdict(item: ReportItem) -> str:
    if item.status == "skipped" or (item.status in common.BAD and not item.counts_as_failure):
        return "skipped"
    return {"failed": "failure", "other": "error"}.get(item.status, "")


def _body(item: ReportItem) -> str:
    result = item.result
    fields = (("expected", result.expected), ("actual", result.actual), ("do", result.remediation))
    return "\n".join(f"{name}: {text}" for name, text in fields if text)


def _counts(items: tuple[ReportItem, ...]) -> dict[str, str]:
    verdicts = [_verdict(item) for item in items]
    return {
        "tests": str(len(items)),
        "failures": str(verdicts.count("failure")),
        "errors": str(verdicts.count("error")),
        "skipped": str(verdicts.count("skipped")),
    }


def _properties(parent: Element, facts: dict[str, str]) -> None:
    from xml.etree.ElementTree import SubElement

    known = {name: value for name, value in facts.items() if value}
    if known:
        properties = SubElement(parent, "properties")
        for name, value in known.items():
            SubElement(properties, "property", {"name": _text(name), "value": _text(value)})


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}"


def _text(text: str) -> str:
    """Replace what XML 1.0 cannot hold in any form."""
    return _FORBIDDEN.sub("\ufffd", text)
