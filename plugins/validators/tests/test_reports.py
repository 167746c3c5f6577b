"""The formats of reports: one model, whatever it holds; each format readable by its own readers."""

from __future__ import annotations

import importlib
import json
import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import sarif
from aicr_validators import hooks
from aicr_validators.reports import common
from hypothesis import given
from hypothesis import strategies as st

from aicr_core import api
from aicr_core.engine import schemas
from aicr_core.kit import yamlio

FORMATS = [writer.name for writer in hooks.aicr_report_writers()]
HOSTILE = "a|b `c` <script>&\x00\x1b[31m\r\n```\n\ud800\u2028 ]]> é"


def write(name: str, report: api.Report) -> str:
    module = importlib.import_module(f"aicr_validators.reports.{name}")
    text: str = module.write(report)
    return text


def item(name: str, result: api.CheckResult, **more: Any) -> api.ReportItem:
    return api.ReportItem(name=name, phase=more.pop("phase", "deployment"), result=result, **more)


def report(
    *items: api.ReportItem, gate: tuple[api.ReportItem, ...] = (), **more: Any
) -> api.Report:
    phases = [api.PhaseReport(name="readiness", gate=True, items=gate)]
    for name in ("deployment", "conformance"):
        found = tuple(entry for entry in items if entry.phase == name)
        phases.append(api.PhaseReport(name=name, items=found))
    return api.Report(
        run="r1", version="1.2.3", timestamp="2026-01-02T03:04:05Z", started=1000, stopped=3500,
        phases=tuple(phases), **more,
    )  # fmt: skip


def mixed() -> api.Report:
    failed = api.failed(
        api.Code.NOT_FOUND, "NoPods", "no pods of operator in ns-a", expected="3 pods", actual="0 pods",
        remediation="install the operator:\nhelm install operator",
    )  # fmt: skip
    crash = api.CheckResult(status="other", message="Container OOMKilled")
    return report(
        item("one", failed, where="dir/recipe file.yaml:12:5", duration=1500, title="Pods run"),
        item("two", api.skipped("NotInRecipe", "the recipe has no component x")),
        item("three", api.passed("4 pods run"), duration=61_000, output=("line 1", "line 2")),
        item("four", crash, phase="conformance"),
        item("five", failed, phase="conformance", waiver="ops: replaced in May"),
        item("six", failed, phase="conformance", severity="warning"),
        gate=(item("K8s.server.version", api.passed(), phase="readiness", kind="constraint"),),
        recipe="recipe.yaml",
        criteria={"service": "eks"},
    )


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_bytes_with_one_final_newline(name: str) -> None:
    text = write(name, mixed())
    assert text == write(name, mixed())
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@pytest.mark.parametrize("name", FORMATS)
def test_an_empty_report_can_be_written(name: str) -> None:
    assert write(name, report()).endswith("\n")


@pytest.mark.parametrize("name", FORMATS)
@given(text=st.one_of(st.text(), st.just(HOSTILE)))
def test_any_text_can_be_written_and_read_again(name: str, text: str) -> None:
    result = api.CheckResult(
        status="failed", message=text, reason=text, expected=text, actual=text, remediation=text,
        evidence=(api.Evidence(text, text, text),),
    )  # fmt: skip
    made = report(
        item(text or "x", result, where=f"{text}:3", waiver=text, title=text, output=(text,)),
        item("evidence", result),
        recipe=text, residue=(text,), interrupted=text,
    )  # fmt: skip
    written = write(name, made)
    data = written.encode()  # no lone surrogate is left
    if name in ("ctrf", "json", "sarif"):
        json.loads(data)
    elif name == "yaml":
        yamlio.load(data, "report")
    elif name == "junit":
        ET.fromstring(data)


def test_json_and_yaml_are_one_document_with_everything() -> None:
    document = json.loads(write("json", mixed()))
    assert yamlio.load(write("yaml", mixed()), "report") == document
    assert (document["kind"], document["apiVersion"]) == ("ValidationReport", schemas.V1ALPHA1)
    assert document["summary"] == {
        "result": "failed", "tests": 6, "evaluated": 5, "passed": 1, "failed": 3, "skipped": 1, "other": 1,
        "waived": 1, "warnings": 1, "start": 1000, "stop": 3500,
    }  # fmt: skip
    (gate, deployment, _) = document["phases"]
    assert gate["gate"] is True
    assert deployment["items"][0] == {
        "name": "one", "kind": "check", "title": "Pods run", "status": "failed", "severity": "error",
        "code": "NOT_FOUND", "reason": "NoPods", "message": "no pods of operator in ns-a",
        "expected": "3 pods", "actual": "0 pods",
        "remediation": "install the operator:\nhelm install operator",
        "where": "dir/recipe file.yaml:12:5", "duration": 1500,
    }  # fmt: skip


def test_junit_has_a_suite_for_each_phase_and_only_what_counts_fails() -> None:
    root = ET.fromstring(write("junit", mixed()))
    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "7", "failures": "1", "errors": "1", "skipped": "3",
    }  # fmt: skip
    suites = {suite.get("name"): suite for suite in root.iter("testsuite")}
    assert list(suites) == ["readiness", "deployment", "conformance"]
    for suite in suites.values():
        for word, tag in (
            ("tests", "testcase"),
            ("failures", "failure"),
            ("errors", "error"),
            ("skipped", "skipped"),
        ):
            assert int(suite.get(word, "")) == len(list(suite.iter(tag)))
    cases = {case.get("name"): case for case in root.iter("testcase")}
    failure = cases["one"].find("failure")
    assert failure is not None
    assert failure.get("message") == "[NOT_FOUND] no pods of operator in ns-a"
    assert failure.get("type") == "NoPods"
    assert "expected: 3 pods" in (failure.text or "")
    assert cases["one"].get("time") == "1.500"
    assert cases["four"].find("error") is not None
    skipped = cases["five"].find("skipped")
    assert skipped is not None
    assert skipped.get("message", "").startswith(
        "failed, waived: ops: replaced in May: [NOT_FOUND]"
    )
    assert cases["three"].findtext("system-out") == "line 1\nline 2"


def test_junit_replaces_what_xml_cannot_hold() -> None:
    text = write(
        "junit", report(item("x", api.failed(api.Code.INTERNAL, "R", "a\x00b\x1bc\ufffe")))
    )
    (failure,) = ET.fromstring(text).iter("failure")
    assert failure.get("message") == "[INTERNAL] a\ufffdb\ufffdc\ufffd"


def test_sarif_points_at_the_line_of_the_recipe() -> None:
    log = sarif.valid(write("sarif", mixed()))
    (run,) = log["runs"]
    assert log["version"] == "2.1.0"
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules][:2] == ["constraint/K8s.server.version", "check/one"]
    results = run["results"]
    assert [result["ruleId"] for result in results] == [
        "check/one", "check/four", "check/five", "check/six",
    ]  # fmt: skip
    for result in results:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    physical = results[0]["locations"][0]["physicalLocation"]
    assert physical == {
        "artifactLocation": {"uri": "dir/recipe%20file.yaml"},
        "region": {"startLine": 12, "startColumn": 5},
    }
    assert rules[results[0]["ruleIndex"]]["help"]["text"].startswith("install the operator")
    assert results[1]["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "recipe.yaml"}
    }
    assert results[2]["suppressions"][0]["justification"] == "ops: replaced in May"
    assert [result["level"] for result in results] == ["error", "error", "error", "warning"]
    (note,) = run["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"] == "two was skipped: the recipe has no component x"


def test_table_says_what_is_wrong_and_what_to_do() -> None:
    text = write("table", mixed())
    lines = text.splitlines()
    assert lines[0].split() == ["CHECK/CONSTRAINT", "PHASE", "STATUS", "TIME", "REASON"]
    assert re.search(
        r"^one +deployment +failed +1\.5s +\[NOT_FOUND\] no pods of operator in ns-a$", text, re.M
    )
    assert re.search(r"^three +deployment +passed +1m01s +4 pods run$", text, re.M)
    assert re.search(r"^five +conformance +failed \(waived\)", text, re.M)
    assert re.search(r"^six +conformance +failed \(warning\)", text, re.M)
    assert "  expected:   3 pods\n  actual:     0 pods\n" in text
    assert "  what to do: install the operator:\n              helm install operator\n" in text
    assert "readiness: 1 passed, 0 failed\n" in text
    assert lines[-1] == "1 passed, 3 failed, 1 other, 1 skipped (1 waived, 1 of severity warning)"


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_nothing_evaluated_is_said_first(name: str) -> None:
    items = [item(f"c{n}", api.skipped("NoCluster", "the run has no cluster")) for n in range(16)]
    assert "0 evaluated, 16 skipped" in write(name, report(*items))


def test_table_passes_no_control_character_on() -> None:
    text = write("table", report(item("x", api.failed(api.Code.INTERNAL, "R", "a\x1b[31mb"))))
    assert "\x1b" not in text


def test_markdown_shows_and_does_not_interpret() -> None:
    bad = api.failed(api.Code.INTERNAL, "R", "a|b\n`c` <img src=x>", expected="*x*")
    blocks = (api.Evidence("pods", "```\n</details>\n````", "kubectl get pods"),)
    made = report(item("x", api.CheckResult(status="failed", message=bad.message, evidence=blocks)))
    text = write("markdown", made)
    (row,) = [line for line in text.splitlines() if line.startswith("| x |")]
    assert r"a\|b \`c\` \<img src=x\>" in row
    assert "\n`````\n--- pods ---\nEquivalent: kubectl get pods\n" in text
    assert text.count("\n`````\n") == 2


def test_residue_and_interruption_are_in_every_format() -> None:
    made = report(residue=("kubectl delete ns left-over",), interrupted="by SIGINT")
    for name in ("ctrf", "json", "yaml", "markdown", "table"):
        assert "kubectl delete ns left-over" in write(name, made), name
    for name in ("ctrf", "json", "yaml", "markdown", "table", "sarif"):
        assert "SIGINT" in write(name, made), name


@given(st.text(), st.integers(1, 10**6), st.integers(0, 10**6))
def test_places_are_split_from_the_right(file: str, line: int, column: int) -> None:
    where = f"f{file}/r.yaml:{line}" + (f":{column}" if column else "")
    assert common.place(where) == (f"f{file}/r.yaml", line, column)


def test_a_code_that_a_container_wrote_is_not_repeated() -> None:
    result = api.CheckResult(status="failed", message="[NOT_FOUND] x", code=api.Code.NOT_FOUND)
    assert common.message(item("x", result)) == "[NOT_FOUND] x"


def test_why_a_phase_without_items_was_skipped_is_told() -> None:
    phase = api.PhaseReport(name="performance", skipped="the recipe names no check of it")
    made = api.Report(run="r", version="1", timestamp="t", started=0, stopped=0, phases=(phase,))
    for name in FORMATS:
        if name != "sarif":
            assert "the recipe names no check of it" in write(name, made), name
