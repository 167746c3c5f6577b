"""Verdicts as text: a table for people, JSON, JUnit XML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_testkit.model import FAILED, PASSED, SKIPPED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aicr_testkit.model import Result

FORMATS = ("table", "json", "junit")


def text(report: dict[str, Any], results: Sequence[Result], fmt: str) -> str:
    """Give the report in a format. The same results give the same text: no times are in it."""
    if fmt == "json":
        from aicr_core.api import to_json

        return to_json(report)
    if fmt == "junit":
        return _junit(report, results)
    return _table(report, results)


def _table(report: dict[str, Any], results: Sequence[Result]) -> str:
    from aicr_core.api import table

    rows = [
        [
            item.id,
            item.title,
            item.status.upper() if item.status == FAILED else item.status,
            item.message or "-",
        ]
        for item in results
    ]
    counts = [
        (word, sum(item.status == word for item in results)) for word in (PASSED, FAILED, SKIPPED)
    ]
    summary = ", ".join(f"{count} {word}" for word, count in counts)
    head = f"{report['plugin']} ({report['distribution']} {report['version']}): {summary}"
    return f"{table(('CHECK', 'TITLE', 'VERDICT', 'MESSAGE'), rows)}\n{head}\n"


def _junit(report: dict[str, Any], results: Sequence[Result]) -> str:
    from aicr_core.api import JunitCase, JunitSuite, junit_document

    words = {FAILED: "failure", SKIPPED: "skipped"}
    name = f"aicr-plugin.{report['plugin']}"
    cases = [
        JunitCase(
            f"{item.id} {item.title}", name, words.get(item.status, ""), item.message, "conformance"
        )
        for item in results
    ]
    return junit_document("aicr plugins test", [JunitSuite(name, cases)])
