"""The ValidationReport document: everything that is known of a run, as plain values for the JSON and YAML formats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_validators.reports import common

if TYPE_CHECKING:
    from aicr_core.api import PhaseReport, Report, ReportItem

API_VERSION = "aicr.nvidia.com/v1alpha1"
"""As snapshots and recipes of this tool carry it."""


def document(report: Report) -> dict[str, Any]:
    """Give the document; a field that would be empty is left out, except lists that readers iterate over."""
    items = common.tests(report)
    found = common.counts(items)
    failing = any(phase.status in common.BAD for phase in report.phases)
    made: dict[str, Any] = {
        "kind": "ValidationReport",
        "apiVersion": API_VERSION,
        "metadata": {"run": report.run, "version": report.version, "timestamp": report.timestamp},
        "recipe": report.recipe,
        "criteria": dict(report.criteria),
        "summary": {
            "result": "failed" if failing else "passed",
            "tests": found["tests"],
            "evaluated": found["tests"] - found["skipped"],
            "passed": found["passed"],
            "failed": found["failed"],
            "skipped": found["skipped"],
            "other": found["other"],
            **common.excused(items),
            "start": report.started,
            "stop": report.stopped,
        },
        "phases": [_phase(phase) for phase in report.phases],
        "interrupted": report.interrupted,
        "residue": list(report.residue),
    }
    for name in ("recipe", "criteria", "interrupted", "residue"):
        if not made[name]:
            del made[name]
    return made


def _phase(phase: PhaseReport) -> dict[str, Any]:
    made: dict[str, Any] = {"name": phase.name, "status": phase.status, "gate": phase.gate}
    if phase.skipped:
        made["skipped"] = phase.skipped
    made["items"] = [_item(item) for item in phase.items]
    return made


def _item(item: ReportItem) -> dict[str, Any]:
    result = item.result
    made: dict[str, Any] = {
        "name": item.name,
        "kind": item.kind,
        "title": item.title,
        "status": item.status,
        "severity": item.severity,
        "code": str(result.code or ""),
        "reason": result.reason,
        "message": result.message,
        "expected": result.expected,
        "actual": result.actual,
        "remediation": result.remediation,
        "where": item.where,
        "waiver": item.waiver,
        "runner": item.runner,
        "start": item.start,
        "stop": item.stop,
        "evidence": [_block(block.label, block.text, block.command) for block in result.evidence],
        "output": list(item.output),
    }
    if item.page is not None:
        made["requirement"] = item.page.requirement
        made["page"] = item.page.file
    kept = {name: value for name, value in made.items() if value}
    kept["duration"] = item.duration
    return kept


def _block(label: str, text: str, command: str) -> dict[str, str]:
    fields = {"label": label, "command": command, "text": text}
    return {name: value for name, value in fields.items() if value}
