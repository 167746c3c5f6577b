"""Halves of characters in escapes: joined where there are two, refused or replaced where one is alone."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.engine import schemas
from aicr_core.kit import fastyaml, yamlio
from aicr_core.kit.errors import AicrError
from aicr_core.kit.surrogates import joined, whole_json

ANY_TEXT = st.text(
    st.characters() | st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF), max_size=8
)


@given(ANY_TEXT)
def test_json_keeps_every_character_and_replaces_halves(text: str) -> None:
    found = json.loads(whole_json(json.dumps({text: [text]})))
    wanted = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert found == {wanted: [wanted]}
    found[wanted][0].encode()


def test_a_backslash_before_is_no_escape() -> None:
    assert json.loads(whole_json(r'"\\ud800 \\\ud800 \ud83d\ude00 \uD83D\u0041"')) == "\\ud800 \\\ufffd 😀 \ufffdA"  # fmt: skip


@given(st.text(max_size=8))
def test_json_read_as_yaml_is_the_same(text: str) -> None:
    """Documents inside a body are handed on as JSON, and read as YAML where the body was that."""
    assert yamlio.load(json.dumps({"a": text}), "x") == {"a": text}


@pytest.mark.parametrize(
    "text", ['a: "\\uD800"\n', '"k\\uDFFF": 1\n', '- "\\U0000D800"\n', '["\\uD83Dx"]\n']
)
def test_yaml_with_half_a_character_is_refused(text: str) -> None:
    with pytest.raises(AicrError, match="half of a character"):
        yamlio.load(text, "x")
    with pytest.raises(fastyaml.Unsupported):
        fastyaml.load(text)


def test_a_recipe_is_text_throughout() -> None:
    text = '{"componentRefs": [{"name": "a", "version": "\\ud800", "overrides": {"\\udc00": "\\ud83d\\ude00"}}]}'
    (ref,) = schemas.decode_document(text, "x", schemas.RECIPE, "RecipeResult", fmt="json")["componentRefs"]  # fmt: skip
    assert ref == {"name": "a", "version": "\ufffd", "overrides": {"\ufffd": "😀"}}
    assert joined("a\ud83d\ude00") == "a😀"
