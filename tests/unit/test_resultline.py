"""A verdict crosses a log in one line: whole where it fits, cut and readable where it does not, else no result."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.api import (
    CheckResult,
    Code,
    Evidence,
    failed,
    passed,
    read_result_line,
    write_result_line,
)
from aicr_core.model.check import STATUSES
from aicr_core.model.resultline import MARK, MOST

TEXT = st.text(max_size=60)
NAMES = st.text(min_size=1, max_size=40)
RUN = {"run": "r1", "check": "c"}


def _results(text: st.SearchStrategy[str], blocks: int) -> st.SearchStrategy[CheckResult]:
    return st.builds(
        CheckResult,
        status=st.sampled_from(STATUSES), code=st.none() | st.sampled_from(Code), reason=TEXT, message=text,
        expected=text, actual=text, remediation=text,
        evidence=st.lists(st.builds(Evidence, TEXT, text, TEXT), max_size=blocks).map(tuple),
    )  # fmt: skip


# Long texts are made of a short one, else nothing would ever be too long.
LONG = st.builds(lambda text, times: text * times, TEXT, st.sampled_from([1, 1, 40, 4_000]))


@given(_results(TEXT, 3), NAMES, NAMES)
def test_what_fits_is_read_as_it_was_written(result: CheckResult, run: str, check: str) -> None:
    line = write_result_line(result, run=run, check=check)
    assert read_result_line(line, run=run, check=check) == result
    assert read_result_line(f"{line}\r\n", run=run, check=check) == result


@given(_results(LONG, 4))
def test_every_result_makes_one_short_line_of_ascii(result: CheckResult) -> None:
    line = write_result_line(result, **RUN)
    assert line.startswith(MARK)
    assert line.isascii()
    assert len(line.splitlines()) == 1
    assert len(line) <= MOST
    found = read_result_line(line, **RUN)
    assert found is not None
    assert (found.status, found.code, found.reason) == (result.status, result.code, result.reason)
    for name in ("message", "expected", "actual", "remediation"):
        ours, theirs = getattr(found, name), getattr(result, name)
        assert ours == theirs or theirs.startswith(ours.removesuffix("... [cut]"))


def test_evidence_is_cut_before_the_verdict() -> None:
    result = attrs.evolve(
        failed(Code.TIMEOUT, "Slow", "m" * 4000, expected="e" * 3000, actual="a" * 3000, remediation="r" * 3000),
        evidence=(Evidence("one", "1" * 900, "kubectl one"), Evidence("two", "2" * 9000), Evidence("three", "3")),
    )  # fmt: skip
    found = read_result_line(write_result_line(result, **RUN), **RUN)
    assert found is not None
    assert attrs.evolve(found, evidence=()) == attrs.evolve(result, evidence=())
    assert found.evidence[0] == result.evidence[0]
    assert [one.label for one in found.evidence] == ["one", "two", "Cut"]
    assert found.evidence[1].text.startswith("2" * 500)
    assert found.evidence[1].text.endswith("... [cut]")


def test_escapes_count_when_evidence_is_cut() -> None:
    result = attrs.evolve(passed(), evidence=(Evidence("", "\N{GRINNING FACE}\x00" * 9000),))
    line = write_result_line(result, **RUN)
    assert MOST - 40 < len(line) <= MOST
    found = read_result_line(line, **RUN)
    assert found is not None
    assert set(found.evidence[0].text.removesuffix("... [cut]")) == {"\N{GRINNING FACE}", "\x00"}


def test_a_verdict_that_is_too_long_by_itself_keeps_the_beginning_of_each_text() -> None:
    result = failed(Code.TIMEOUT, "Slow", "é" * 9000, expected="e" * 9000, remediation="r")
    found = read_result_line(write_result_line(result, **RUN), **RUN)
    assert found is not None
    assert found.message.startswith("é" * 400)
    assert found.message.endswith("é... [cut]")
    assert found.expected.startswith("e" * 2000)
    assert (found.reason, found.remediation) == ("Slow", "r")


def _said(**fields: Any) -> str:
    return MARK + json.dumps({**RUN, "status": "failed", **fields})


@pytest.mark.parametrize(
    "line",
    [
        "",
        "PASS",
        MARK,
        f"x {_said()}",
        f"{MARK}null",
        f"{MARK}[]",
        f"{MARK}{'[' * 15_000}",
        f"{MARK}{'1' * 15_000}",
        f'{MARK}{{"run": "r1", "check": "c", "status": "fail',
        f"{_said()} and more",
        _said(run="r2"),
        _said(check="d"),
        _said(run=["r1"]),
        _said(status=None),
        _said(status="fine"),
        _said(status=["failed"]),
        _said(code=1),
        _said(message={"a": "b"}),
        _said(evidence="text"),
        _said(evidence=[1]),
        _said(evidence=[{"text": 1}]),
        _said(message="x" * MOST),
    ],
)
def test_any_other_line_is_no_result(line: str) -> None:
    assert read_result_line(line, **RUN) is None


def test_what_a_foreign_container_may_leave_out_or_add() -> None:
    line = _said(code=None, message=None, evidence=[{"text": "t"}, {}], more={"x": [1]})
    assert read_result_line(line, **RUN) == CheckResult(
        status="failed", evidence=(Evidence("", "t"), Evidence("", ""))
    )
    assert read_result_line(_said(code="NEWER"), **RUN) == CheckResult(status="failed")


def test_a_text_that_is_no_utf_8_can_be_written_on() -> None:
    found = read_result_line(_said(message="a\ud800b"), **RUN)
    assert found is not None
    assert found.message == "a?b"


@given(st.text(max_size=80))
def test_no_text_is_a_traceback(text: str) -> None:
    assert read_result_line(MARK + text, **RUN) is None
