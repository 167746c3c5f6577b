"""Rendered text is cut into documents as Helm cuts it, and both engines' output becomes the same text."""

from __future__ import annotations

import pytest
from aicr_charts.documents import chart_texts, documents, parcel, printed, split

from aicr_core.api import rendered_objects


@pytest.mark.parametrize(
    ("text", "parts"),
    [("", []), ("a: 1", ["a: 1"]), ("---\na: 1\n---\n", ["a: 1"]), ("--- # one\na: 1\n", ["# one\na: 1"]),
     ("a: 1\n\n---\n\nb: 1", ["a: 1", "b: 1"]), ("# only\n---\n  # words\n", []), ("a: |\n  x ---\n", ["a: |\n  x ---"]),
     ("---\n---\na: 1", ["---\na: 1"]), ("a: 1\n  --- b", ["a: 1\n  --- b"]), ("---a: 1", ["a: 1"])],
)  # fmt: skip
def test_split(text: str, parts: list[str]) -> None:
    assert split(text) == parts


def test_neither_notes_nor_partials() -> None:
    rendered = {
        "c/templates/b.yaml": "b: 1", "c/templates/NOTES.txt": "x", "c/templates/_h.tpl": "x",
        "c/charts/d/templates/NOTES.txt": "x", "c/templates/a.yaml": "a: 1\n---\nc: 1",
    }  # fmt: skip
    found = list(documents(chart_texts(rendered)))
    assert found == [
        ("c/templates/a.yaml", "a: 1"),
        ("c/templates/a.yaml", "c: 1"),
        ("c/templates/b.yaml", "b: 1"),
    ]


def test_what_helm_prints_is_the_same_text() -> None:
    output = "---\n# Source: c/templates/b.yaml\nb: 1\n---\n# Source: c/templates/a.yaml\n# first\na: 1\n"
    ours = {"c/templates/a.yaml": "--- # first\na: 1", "c/templates/b.yaml": "b: 1\n---\n"}
    text = parcel(printed(output))
    assert text == parcel(documents(ours))
    assert rendered_objects(text) == [
        ("c/templates/a.yaml", {"a": 1}),
        ("c/templates/b.yaml", {"b": 1}),
    ]
