"""Expressions and versions agree with every recorded row of the reference."""

from __future__ import annotations

import pathlib
from typing import Any

from golden_run import rows
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.kit.constraints import Version, compare, evaluate, parse, parse_version
from aicr_core.kit.errors import AicrError


def _outcome(row: dict[str, Any]) -> dict[str, Any]:
    try:
        expression = parse(row["constraint"])
    except AicrError:
        return {"expected": "error", "error_stage": "parse"}
    found = {"operator": expression.operator, "value": expression.value,
             "is_version_comparison": expression.versions, "error_stage": None}  # fmt: skip
    try:
        found["expected"] = "pass" if evaluate(expression, row["actual"]) else "fail"
    except AicrError:
        found |= {"expected": "error", "error_stage": "evaluate"}
    return found


def test_constraints(shared: pathlib.Path) -> None:
    cases = rows(shared / "data/golden/constraints.jsonl")
    wrong = []
    for row in cases:
        found = _outcome(row)
        if any(row[key] != value for key, value in found.items()):
            wrong.append((row, found))
    assert len(cases) > 400
    assert not wrong


def test_versions(shared: pathlib.Path) -> None:
    cases = rows(shared / "data/golden/versions.jsonl")
    wrong = []
    for row in cases:
        try:
            version = parse_version(row["input"])
        except AicrError:
            if "error" not in row:
                wrong.append((row, "refused"))
            continue
        major, minor, patch = version.padded
        found = {"major": major, "minor": minor, "patch": patch, "precision": len(version.parts),
                 "extras": version.extras, "string": str(version)}  # fmt: skip
        if any(row.get(key) != value for key, value in found.items()):
            wrong.append((row, found))
    assert len(cases) > 100
    assert not wrong


_VERSIONS = st.lists(st.integers(0, 30), min_size=3, max_size=3).map(lambda p: Version(tuple(p)))


@given(_VERSIONS, _VERSIONS, _VERSIONS)
def test_whole_versions_are_totally_ordered(a: Version, b: Version, c: Version) -> None:
    assert compare(a, b) == -compare(b, a)
    assert (compare(a, b) == 0) == (a.parts == b.parts)
    if compare(a, b) <= 0 and compare(b, c) <= 0:
        assert compare(a, c) <= 0


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_is_evaluated_or_refused(expression: str, actual: str) -> None:
    try:
        evaluate(expression, actual)
    except AicrError as error:
        assert "\n" not in str(error)
