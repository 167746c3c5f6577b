"""The fast reader gives what the full one gives, or refuses: never something else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aicr_core.kit import fastyaml, yamlio
from aicr_core.kit.emit import to_yaml
from aicr_core.kit.errors import AicrError

TEXT = st.text(st.sampled_from("ab:-[]{}&*!|>'\"%@`#,?/ \n\t0129.e_<=~éx"), max_size=12)
SCALARS = st.one_of(
    TEXT,
    st.integers(-(2**40), 2**64 - 1),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(TEXT.filter(bool), VALUES, max_size=4))
@settings(deadline=None)
def test_whatever_we_write_is_read_alike(document: dict[str, Any]) -> None:
    text = to_yaml(document)
    try:
        found = fastyaml.load(text)
    except fastyaml.Unsupported:
        return
    assert found == yamlio.load(text, "x")


@given(st.text(st.sampled_from("ab:-[]{}&*!|>'\"#,? \n\n0129.e~"), max_size=40))
@settings(deadline=None, max_examples=400)
def test_any_text_is_read_alike_or_refused(text: str) -> None:
    try:
        found = fastyaml.load(text)
    except fastyaml.Unsupported:
        return
    try:
        assert found == yamlio.load(text, "x")
    except AicrError as error:
        raise AssertionError(f"accepted what is no YAML: {text!r}") from error


def test_the_style_of_snapshots_is_accepted() -> None:
    document = {
        "kind": "Snapshot",
        "measurements": [
            {
                "type": "OS",
                "subtypes": [
                    {
                        "subtype": "sysctl",
                        "data": {"/proc/sys/a": "1\t2", "b": "x\ny\n", "c": 8, "d": 1.5, "e": True},
                    }
                ],
            },
            {
                "type": "NodeTopology",
                "subtypes": [{"subtype": "label", "data": {"k.v": "v|n1,n2", "": "", "x y": "[]"}}],
            },
        ],
        "collection": [{"collector": "os", "status": "ok", "reason": ""}],
    }
    assert fastyaml.load(to_yaml(document)) == document


@pytest.mark.parametrize(
    "text",
    ["a: &x 1", "a: !!str 1", "a: {b: 1}", "a: [1]", "a: 1 # c", "# c\na: 1", "a: b\n  c", "a: 1\na: 2", "a: >\n  x", "? a\n: b",
     "a: 1\n  b: 2", "--- \na: 1", "a: 1\n---\nb: 2", "<<: 1", "\ta: 1", "a:\n\t- 1", "- - 1", "a: *x", "12: x", "true: x"],
)  # fmt: skip
def test_anything_else_is_left_to_the_full_reader(text: str) -> None:
    with pytest.raises(fastyaml.Unsupported):
        fastyaml.load(text)
