"""Write the result of ``aicr bundle check`` as text, JSON, SARIF or JUnit XML. A stage that did not run is in each."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aicr_core.engine.bundle_findings import NOT_RUN, PARTLY, RAN, CheckReport, Stage, document
from aicr_core.kit.emit import to_json
from aicr_core.kit.errors import one_line
from aicr_core.kit.junit import JunitCase, JunitSuite, junit_document
from aicr_core.kit.sarif import sarif_log
from aicr_core.model.lint import SEVERITIES, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

Document = dict[str, Any]
FORMATS = ("text", "json", "sarif", "junit")
TOOL = "aicr bundle check"
BUNDLE = "bundle"
"""What stands for findings that belong to no component."""


def write(report: CheckReport, fmt: str, version: str) -> str:
    """Give the result in a format, with a final newline."""
    if fmt == "json":
        return to_json(document(report))
    if fmt == "sarif":
        return to_json(_sarif(report, version))
    if fmt == "junit":
        return _junit(report)
    return _text(report)


def _of_component(report: CheckReport) -> Iterator[tuple[str, list[Finding]]]:
    found: dict[str, list[Finding]] = {}
    for finding in report.findings:
        found.setdefault(finding.component or BUNDLE, []).append(finding)
    yield from found.items()


def place(finding: Finding) -> str:
    """Give ``path:line``, as far as it is known."""
    return f"{finding.path}:{finding.line}" if finding.line else finding.path


def _text(report: CheckReport) -> str:
    lines: list[str] = []
    for name, findings in _of_component(report):
        lines.append(one_line(name))
        for finding in findings:
            where = f"{place(finding)}: " if finding.path else ""
            text = one_line(f"{where}{finding.message}")
            lines.append(f"  {finding.severity:<7}  {finding.rule}  {text}")
            if finding.hint:
                lines.append(f"                  {one_line(finding.hint)}")
        lines.append("")
    lines += [text for stage in report.stages for text in _stage_lines(stage)]
    lines += [*_about(report), "", _summary(report)]
    return "\n".join(lines) + "\n"


def _stage_lines(stage: Stage) -> Iterator[str]:
    words = {RAN: "ran", PARTLY: "ran in part", NOT_RUN: "did not run"}
    yield f"Stage {stage.name} ({stage.title}) {words[stage.status]}{':' if stage.reasons else '.'}"
    for reason in stage.reasons:
        yield f"  {one_line(reason)}"


def _about(report: CheckReport) -> Iterator[str]:
    if report.kubernetes:
        yield f"Kubernetes {report.kubernetes}, {report.kubernetes_from}."
    if report.nodes is not None:
        yield f"{_many(report.nodes, 'node')} of the snapshot."
    yield from (f"{text[:1].upper()}{text[1:]}." for text in report.gaps)


def _summary(report: CheckReport) -> str:
    counts = ", ".join(_many(report.count(word), word) for word in SEVERITIES)
    ignored = f", {report.ignored} ignored" if report.ignored else ""
    verdict = "FAILED" if report.failing else "PASSED"
    size = f"{_many(len(report.components), 'component')}, {_many(report.objects, 'object')}"
    return f"{verdict}: {counts}{ignored} in {size}"


def _many(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


# --- SARIF ----------------------------------------------------------------------------------------


def _sarif(report: CheckReport, version: str) -> Document:
    rules = [
        {"id": name, "shortDescription": {"text": text}}
        for name, text in sorted(report.rules.items())
    ]
    order = {rule["id"]: number for number, rule in enumerate(rules)}
    results = [_result(report, finding, order.get(finding.rule)) for finding in report.findings]
    notes = [
        {"level": "warning", "message": {"text": f"stage {stage.name} ({stage.title}): {stage.status}: {reason}"}}
        for stage in report.stages
        for reason in (stage.reasons or ([] if stage.status == RAN else [""]))
    ]  # fmt: skip
    notes += [{"level": "note", "message": {"text": text}} for text in report.gaps]
    run = {"executionSuccessful": True, "toolExecutionNotifications": notes}
    return sarif_log(
        TOOL, version, rules, results, invocations=[run], columnKind="unicodeCodePoints"
    )


def _result(report: CheckReport, finding: Finding, rule: int | None) -> Document:
    text = finding.message + (f"\n{finding.hint}" if finding.hint else "")
    name = finding.component or BUNDLE
    location: Document = {"logicalLocations": [{"fullyQualifiedName": name}]}
    if finding.path in report.files:
        uri = quote(_base(report.bundle) + finding.path)
        physical: Document = {"artifactLocation": {"uri": uri}}
        if finding.line:
            physical["region"] = {"startLine": finding.line}
        location = {"physicalLocation": physical, **location}
    elif finding.path:
        # A template of a chart: there is no such file that a code host could show.
        location = {"logicalLocations": [{"fullyQualifiedName": f"{name}/{finding.path}"}]}
    result: Document = {
        "ruleId": finding.rule,
        "level": finding.severity,
        "message": {"text": text},
        "locations": [location],
    }
    return {**result, "ruleIndex": rule} if rule is not None else result


def _base(bundle: str) -> str:
    """Give the folder of a bundle as code hosts count it, from where the command ran; empty if it is not below that."""
    path = posixpath.normpath(bundle)
    outside = "://" in bundle or path.startswith(("/", "..")) or path == "."
    return "" if outside else f"{path}/"


# --- JUnit ----------------------------------------------------------------------------------------


def _junit(report: CheckReport) -> str:
    """Give a suite for each component, a case for each finding; what does not count is a skipped case."""
    worse = SEVERITIES[: SEVERITIES.index(report.threshold) + 1]
    found = dict(_of_component(report))
    suites = [
        JunitSuite(
            name,
            [_case(name, finding, worse) for finding in found.get(name, ())] or [JunitCase("clean", f"aicr.{name}")],
        )
        for name in dict.fromkeys([BUNDLE, *report.components, *found])
    ]  # fmt: skip
    stages = [
        JunitCase(f"stage {stage.name}", "aicr.stages")
        if stage.status == RAN
        else JunitCase(
            f"stage {stage.name}", "aicr.stages", "skipped",
            f"{stage.status}: {'; '.join(stage.reasons)}",
        )
        for stage in report.stages
    ]  # fmt: skip
    facts = {"kubernetes": report.kubernetes, "gaps": "; ".join(report.gaps)}
    return junit_document(TOOL, [JunitSuite("stages", stages, facts), *suites])


def _case(suite: str, finding: Finding, worse: tuple[str, ...]) -> JunitCase:
    failing = finding.severity in worse
    where = place(finding)
    return JunitCase(
        f"{finding.rule} {where}".rstrip(),
        f"aicr.{suite}",
        "failure" if failing else "skipped",
        finding.message if failing else f"{finding.severity}: {finding.message}",
        finding.rule,
        finding.hint,
    )
