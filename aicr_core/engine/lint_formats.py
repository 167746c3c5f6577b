"""Write the result of ``aicr recipe validate`` as text, JSON, SARIF or GitHub's workflow commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aicr_core.engine.lint_findings import document
from aicr_core.engine.lint_rules import INFO, RULES
from aicr_core.kit.emit import to_json
from aicr_core.kit.errors import one_line
from aicr_core.kit.sarif import sarif_log

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aicr_core.engine.lint_findings import Finding, LintReport

Document = dict[str, Any]
FORMATS = ("text", "json", "sarif", "github")
TOOL = "aicr recipe validate"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def write(report: LintReport, fmt: str, version: str) -> str:
    """Give the result in a format, with a final newline.

    For people (``text``, ``github``) what is only worth knowing is left out unless it was asked for.
    """
    if fmt == "json":
        return to_json(document(report))
    if fmt == "sarif":
        return to_json(_sarif(report, version))
    shown = [f for f in report.findings if f.severity != INFO or report.threshold == INFO]
    if fmt == "github":
        return "".join(f"{_command(finding)}\n" for finding in shown)
    return _text(report, shown)


def _text(report: LintReport, shown: Sequence[Finding]) -> str:
    lines = [
        one_line(f"{one.place}: {one.severity} {one.rule}: {one.message} ({one.hint})")
        for one in shown
    ]
    lines += [one_line(f"note: {text}") for text in report.notes]
    return "\n".join([*lines, _summary(report), ""])


def _summary(report: LintReport) -> str:
    counts = report.counts()
    words = [_many(number, word) for word, number in counts.items() if word != INFO]
    if counts[INFO]:
        words.append(f"{counts[INFO]} worth knowing")
    if report.allowed:
        words.append(f"{report.allowed} allowed by comments")
    verdict = "FAILED" if report.failing else "PASSED"
    return f"{verdict}: {', '.join(words)} in {_many(report.files, 'file')}"


def _many(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _command(finding: Finding) -> str:
    """Give a workflow command, which GitHub shows beside the line (its escapes are those of its runner)."""
    facts = {"file": finding.path}
    if finding.line:
        facts.update(line=str(finding.line), col=str(finding.column))
    facts["title"] = f"{finding.rule} {RULES[finding.rule].title}"
    properties = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in facts.items())
    text = f"{finding.message} ({finding.hint})"
    return f"::{_COMMANDS[finding.severity]} {properties}::{_escaped(text)}"


def _escaped(text: str, more: str = "") -> str:
    for sign in f"%\r\n{more}":
        text = text.replace(sign, f"%{ord(sign):02X}")
    return one_line(text)


def _sarif(report: LintReport, version: str) -> Document:
    rules = [
        {
            "id": rule.id,
            "shortDescription": {"text": rule.title},
            "help": {"text": rule.help},
            "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        }
        for rule in RULES.values()
    ]
    order = {name: number for number, name in enumerate(RULES)}
    results = [
        {
            "ruleId": finding.rule,
            "ruleIndex": order[finding.rule],
            "level": _LEVELS[finding.severity],
            "message": {"text": f"{finding.message}\n{finding.hint}"},
            "locations": [{"physicalLocation": _location(finding)}],
        }
        for finding in report.findings
    ]
    notes = [{"level": "warning", "message": {"text": text}} for text in report.notes]
    run = {"executionSuccessful": True, "toolExecutionNotifications": notes}
    return sarif_log(
        TOOL, version, rules, results, invocations=[run], columnKind="unicodeCodePoints"
    )


def _location(finding: Finding) -> Document:
    scheme = "file://" if finding.path.startswith("/") else ""
    found: Document = {"artifactLocation": {"uri": scheme + quote(finding.path)}}
    if finding.line:
        found["region"] = {"startLine": finding.line, "startColumn": max(finding.column, 1)}
    return found
