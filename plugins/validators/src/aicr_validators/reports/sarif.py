"""Write a report as SARIF 2.1.0: what is wrong, at the line of the recipe that asks for it.

Code hosts show every result as an alert, so only what failed, or gave no verdict, is a result; what was skipped is a
notification of the run. A waived failure carries its waiver as a suppression.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import sarif_log, to_json
from aicr_validators.reports import common

if TYPE_CHECKING:
    from aicr_core.api import Report, ReportItem

Document = dict[str, Any]


def write(report: Report) -> str:
    """Give the SARIF log with a final newline."""
    rules: dict[str, Document] = {}
    for item in report.items:
        _add_rule(rules, item)
    order = {name: index for index, name in enumerate(rules)}
    results = [
        _result(report, item, order[_rule_id(item)])
        for item in report.items
        if item.status in common.BAD
    ]
    for rule in rules.values():
        rule.setdefault(
            "help", {"text": f"`aicr validate --list` says what {rule['id']} is about."}
        )
    log = sarif_log(
        "aicr validate", report.version, list(rules.values()), results,
        invocations=[_invocation(report)],
        columnKind="unicodeCodePoints",
    )  # fmt: skip
    return common.clean(to_json(log))


def _rule_id(item: ReportItem) -> str:
    return f"{item.kind}/{item.name}"


def _add_rule(rules: dict[str, Document], item: ReportItem) -> None:
    name = _rule_id(item)
    title = item.title or f"{item.kind} {item.name}"
    rule = rules.setdefault(
        name,
        {
            "id": name,
            "shortDescription": {"text": title},
            "defaultConfiguration": {"level": _level(item)},
        },
    )
    if item.result.remediation:
        rule.setdefault("help", {"text": item.result.remediation})


def _result(report: Report, item: ReportItem, rule: int) -> Document:
    result: Document = {
        "ruleId": _rule_id(item),
        "ruleIndex": rule,
        "level": _level(item),
        "message": {"text": _message(item)},
        "locations": _locations(report, item),
        "partialFingerprints": {"aicrItem/v1": f"{item.phase}/{_rule_id(item)}"},
    }
    if item.waiver:
        result["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": item.waiver}
        ]
    return result


def _level(item: ReportItem) -> str:
    return "error" if item.severity == "error" else "warning"


def _message(item: ReportItem) -> str:
    head = "no verdict: " if item.status == "other" else ""
    parts = [head + (common.message(item) or f"{item.name} {item.status}")]
    if item.result.expected or item.result.actual:
        parts.append(f"expected {item.result.expected or '?'}, found {item.result.actual or '?'}")
    if item.result.remediation:
        parts.append(item.result.remediation)
    return "\n".join(parts)


def _locations(report: Report, item: ReportItem) -> list[Document]:
    file, line, column = common.place(item.where or report.recipe)
    logical = [{"fullyQualifiedName": f"{item.phase}/{item.name}"}]
    if not file:
        return [{"logicalLocations": logical}]
    physical: Document = {"artifactLocation": {"uri": _uri(file)}}
    if line:
        physical["region"] = {"startLine": line, **({"startColumn": column} if column else {})}
    return [{"physicalLocation": physical, "logicalLocations": logical}]


def _uri(file: str) -> str:
    from urllib.parse import quote

    if "://" in file:
        return quote(file, safe=":/?#[]@!$&'()*+,;=%~", errors="replace")
    quoted = quote(file.removeprefix("./"), errors="replace")
    return f"file://{quoted}" if file.startswith("/") else quoted


def _invocation(report: Report) -> Document:
    notes = [
        {
            "level": "note",
            "message": {"text": f"{item.name} was skipped: {common.message(item)}"},
            "associatedRule": {"id": _rule_id(item)},
        }
        for item in report.items
        if item.status == "skipped"
    ]
    made: Document = {"executionSuccessful": not report.interrupted}
    if report.interrupted:
        notes.append(
            {"level": "error", "message": {"text": f"the run ended early: {report.interrupted}"}}
        )
    if notes:
        made["toolExecutionNotifications"] = notes
    return made
