"""CTRF of our model against the reference's documents, against the published schema, and against its own counts.

``timestamp``, ``start`` and ``stop`` are normalised in the recordings. A recorded ``tests: null`` is ``[]`` with us: null
violates the schema (spec/validate.md 10).
"""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

import pytest
from aicr_validators.reports import ctrf
from hypothesis import given
from hypothesis import strategies as st

from aicr_core import api

GOLDEN = pathlib.Path(__file__).resolve().parents[3] / "shared/data/golden/validate"
FILES = sorted([*GOLDEN.glob("jobs/*.json"), *GOLDEN.glob("no-cluster/*.json")])
CASES = [
    (f"{path.parent.name}-{path.stem}", document)
    for path in FILES
    if (document := json.loads(path.read_bytes())["expect"]["report"]) is not None
]
"""Names and reports of the recordings in which the reference wrote one."""
STATUSES = ("passed", "failed", "skipped", "other")


def _item(test: dict[str, Any]) -> api.ReportItem:
    message = test.get("message", "")
    code = re.match(r"\[([A-Z_]+)\] ", message)
    result = api.CheckResult(
        status=test["status"],
        message=message[code.end() :] if code else message,
        code=api.Code(code[1]) if code else None,
    )
    return api.ReportItem(
        name=test["name"],
        phase=test["suite"][0],
        result=result,
        duration=test["duration"],
        output=tuple(test.get("stdout", ())),
    )


def _report(document: dict[str, Any]) -> api.Report:
    items = [_item(test) for test in document["results"]["tests"] or []]
    phases = [
        api.PhaseReport(name=name, items=tuple(item for item in items if item.phase == name))
        for name in dict.fromkeys(item.phase for item in items)
    ]
    summary = document["results"]["summary"]
    return api.Report(
        run="<run-id>",
        version=document["results"]["tool"].get("version", ""),
        timestamp=document["timestamp"],
        started=summary["start"],
        stopped=summary["stop"],
        phases=tuple(phases),
    )


def _go_json(value: Any) -> str:
    """Give JSON as Go writes it; independent of the code under test."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text + "\n"


@pytest.mark.parametrize(("name", "document"), CASES, ids=[name for name, _ in CASES])
def test_golden(name: str, document: dict[str, Any]) -> None:
    expected = {**document, "results": dict(document["results"])}
    expected["results"]["tests"] = expected["results"]["tests"] or []
    text = ctrf.write(_report(document))
    ours = json.loads(text)
    added = [test.pop("extra") for test in ours["results"]["tests"] if "extra" in test]
    # The code of a failure, which the reference has only in the message.
    assert all(set(extra) == {"code"} for extra in added)
    assert _go_json(ours) == _go_json(expected), name
    if not added:
        assert text == _go_json(expected)


def test_the_goldens_are_there(shared: pathlib.Path) -> None:
    assert shared == GOLDEN.parents[2]
    assert len(CASES) == 34
    assert len(FILES) == 44


TEXT = st.text(max_size=20)
ITEMS = st.builds(
    api.ReportItem,
    name=st.text(min_size=1, max_size=20),
    phase=st.sampled_from(["readiness", "deployment", "conformance"]),
    kind=st.sampled_from(["check", "constraint"]),
    result=st.builds(
        api.CheckResult,
        status=st.sampled_from(STATUSES),
        message=TEXT, code=st.sampled_from([None, *api.Code]), reason=TEXT, expected=TEXT, actual=TEXT,
        remediation=TEXT, evidence=st.lists(st.builds(api.Evidence, TEXT, TEXT, TEXT), max_size=2).map(tuple),
    ),
    severity=st.sampled_from(["error", "warning"]),
    waiver=st.sampled_from(["", "ops: known"]),
    where=st.sampled_from(["", "recipe.yaml:3", "recipe.yaml:3:7"]),
    duration=st.integers(0, 10**7),
    output=st.lists(TEXT, max_size=2).map(tuple),
)  # fmt: skip
REPORTS = st.builds(
    lambda items, residue, interrupted: api.Report(
        run="r", version="1.0", timestamp="2026-01-02T03:04:05Z", started=1, stopped=2, residue=residue,
        interrupted=interrupted,
        phases=tuple(
            api.PhaseReport(name=name, gate=name == "readiness", items=tuple(i for i in items if i.phase == name))
            for name in ("readiness", "deployment", "conformance")
        ),
    ),
    st.lists(ITEMS, max_size=6), st.lists(TEXT, max_size=1).map(tuple), TEXT,
)  # fmt: skip


@given(REPORTS)
def test_counts_are_those_of_the_tests_and_the_schema_holds(report: api.Report) -> None:
    text = ctrf.write(report)
    document = json.loads(text)
    assert not re.search("[<>&\u2028\u2029]", text)
    results = document["results"]
    tests, summary = results["tests"], results["summary"]
    assert summary["tests"] == len(tests)
    assert summary["pending"] == 0
    for status in STATUSES:
        assert summary[status] == sum(test["status"] == status for test in tests)
    told = len(tests) + len(results.get("extra", {}).get("gates", []))
    assert told == len(report.items)
    _holds(document)


def _holds(document: dict[str, Any]) -> None:
    """Hold a document to the rules of the published schema (ctrf-io/ctrf schema/ctrf.schema.json, draft 7) in use."""
    assert set(document) == {"reportFormat", "specVersion", "timestamp", "generatedBy", "results"}
    assert document["reportFormat"] == "CTRF"
    assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", document["specVersion"])
    results = document["results"]
    assert {"tool", "summary", "tests"} <= set(results) <= {"tool", "summary", "tests", "extra"}
    assert results["tool"]["name"]
    assert set(results["tool"]) <= {"name", "version"}
    numbers = {"tests", "passed", "failed", "skipped", "pending", "other", "start", "stop"}
    assert numbers <= set(results["summary"]) <= numbers | {"extra"}
    assert all(type(results["summary"][name]) is int for name in numbers)
    needed = {"name", "status", "duration"}
    for test in results["tests"]:
        assert needed <= set(test) <= needed | {"suite", "message", "stdout", "extra"}
        assert test["name"]
        assert test["status"] in STATUSES
        assert type(test["duration"]) is int
        assert len(test["suite"]) >= 1
        assert isinstance(test.get("message", ""), str)
        assert all(isinstance(line, str) for line in [*test["suite"], *test.get("stdout", [])])
        assert isinstance(test.get("extra", {}), dict)


def test_a_gate_that_did_not_pass_is_told_as_tests_and_one_that_passed_beside_them() -> None:
    bad = api.failed(api.Code.CONFLICT, "TooOld", "K8s is 1.30", expected=">= 1.32", actual="1.30")

    def report(result: api.CheckResult) -> dict[str, Any]:
        item = api.ReportItem(
            name="K8s.server.version", phase="readiness", kind="constraint", result=result
        )
        phase = api.PhaseReport(name="readiness", gate=True, items=(item,))
        made = api.Report(run="r", version="", timestamp="t", started=0, stopped=0, phases=(phase,))
        document: dict[str, Any] = json.loads(ctrf.write(made))["results"]
        return document

    stopped = report(bad)
    (test,) = stopped["tests"]
    assert test["suite"] == ["readiness"]
    assert test["message"] == "[CONFLICT] K8s is 1.30"
    assert test["extra"]["expected"] == ">= 1.32"
    assert "extra" not in stopped
    went_on = report(api.passed())
    assert went_on["tests"] == []
    assert went_on["extra"]["gates"][0]["name"] == "K8s.server.version"


def test_a_waived_failure_stays_failed_and_is_counted_beside() -> None:
    item = api.ReportItem(
        name="x", phase="deployment", waiver="ops until May", result=api.failed(api.Code.INTERNAL, "No", "m")
    )  # fmt: skip
    phase = api.PhaseReport(name="deployment", items=(item,))
    made = api.Report(run="r", version="1", timestamp="t", started=0, stopped=0, phases=(phase,))
    results = json.loads(ctrf.write(made))["results"]
    assert results["summary"]["failed"] == 1
    assert results["summary"]["extra"] == {"waived": 1}
    assert results["tests"][0]["extra"]["waiver"] == "ops until May"
