"""Readings named by constraints, and their texts, agree with every recorded evaluation of the reference."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
from golden_run import rows
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.engine import paths, snapshots
from aicr_core.engine.paths import float_text, parse, text_of, value
from aicr_core.kit.constraints import evaluate
from aicr_core.kit.errors import AicrError


def _outcome(row: dict[str, Any]) -> dict[str, Any]:
    """Evaluate a row; what is wrong with the snapshot itself is ``load``."""
    try:
        document, _ = snapshots.load(row["snapshot"].encode(), "case", row["format"], merge=False)
    except AicrError:
        return {"load": True}
    actual = ""
    try:
        actual = text_of(value(document, parse(row["name"])), json=row["format"] == "json")
        return {"passed": evaluate(row["value"], actual), "actual": actual, "error": False}
    except AicrError:
        return {"passed": False, "actual": actual, "error": True}


def _expected(row: dict[str, Any]) -> dict[str, Any]:
    # Of a path with an empty part the later version's answer is the better one (spec/validate.md 2.1): it is refused.
    better = row["v017"] if "empty" in str((row.get("v017") or {}).get("error")) else row
    if better.get("load_error"):
        return {"load": True}
    return {
        "passed": better["passed"],
        "actual": better["actual"] or "",
        "error": bool(better["error"]),
    }


def test_evaluations(shared: pathlib.Path) -> None:
    cases = rows(shared / "data/golden/constraints_eval.jsonl")
    wrong = [(row, _outcome(row)) for row in cases if _outcome(row) != _expected(row)]
    assert len(cases) > 200
    assert not wrong


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_text_of_a_number_reads_back_as_the_number(number: float) -> None:
    assert float(float_text(number)) == number
    assert " " not in float_text(number)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("K8s.server.verison", ("has no reading verison", 'did you mean "version"?')),
        ("K8s.sever.version", ("no subtype sever", 'did you mean "server"?')),
        ("k8s.server.version", ("no type", 'did you mean "K8s"?')),
        ("K8s.server", ("no path", "write Type.Subtype.Key")),
        ("NetworkTopology.pfs[.x", ("not closed", "write Type.Subtype.Key")),
        ("NetworkTopology.pfs[-1].x", ("selects no item", "index from 0")),
        ("NetworkTopology.pfs[9].rail", ("has 2 items, none at 9", "items count from 0")),
        (
            "NetworkTopology.pfs[rail=7].rail",
            ("no item of NetworkTopology.pfs has rail=7", "look at"),
        ),
        ("NetworkTopology.pfs[kind=nic].rail", ("2 items", "unique")),
    ],
)
def test_a_path_that_leads_nowhere_names_the_nearest(path: str, words: tuple[str, str]) -> None:
    snapshot = {
        "measurements": [
            {"type": "K8s", "subtypes": [{"subtype": "server", "data": {"version": "v1"}}]},
            {"type": "NetworkTopology", "subtypes": [{"subtype": "pfs", "items": [
                {"data": {"rail": 0, "kind": "nic"}}, {"data": {"rail": 3, "kind": "nic"}}]}]},
        ]
    }  # fmt: skip
    with pytest.raises(AicrError) as caught:
        value(snapshot, parse(path))
    assert words[0] in caught.value.message
    assert words[1] in str(caught.value.hint)


@given(st.text(max_size=40))
def test_any_text_is_a_path_or_refused(text: str) -> None:
    try:
        path = parse(text)
    except AicrError:
        return
    assert path.type in paths.TYPES
    assert path.key
