"""Bring reports of ours and of the reference to a form in which they can be compared (spec/validate.md 15)."""

from __future__ import annotations

from typing import Any


def comparable(report: dict[str, Any] | None) -> dict[str, Any] | None:
    """Drop times, versions, and what CTRF leaves to each tool (``extra``), of which ours has more."""
    if report is None:
        return None
    results = report["results"]
    summary = {k: v for k, v in results["summary"].items() if k not in ("start", "stop", "extra")}
    tests = [
        {k: v for k, v in test.items() if k not in ("duration", "extra", "start", "stop")}
        for test in results["tests"] or []
    ]
    return {
        "reportFormat": report["reportFormat"], "specVersion": report["specVersion"],
        "generatedBy": report["generatedBy"], "tool": results["tool"]["name"], "summary": summary,
        "tests": tests,
    }  # fmt: skip
