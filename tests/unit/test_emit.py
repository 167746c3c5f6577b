"""The emitter and the reader agree, and no string changes its type under either YAML version."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.kit import yamlio
from aicr_core.kit.emit import to_json, to_yaml

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
TRAPS = st.sampled_from(
    ["no", "on", "y", "1e3", "0o7", "010", "0x1F", "12:30", "~", "null", "", " ", "=", "<<", "- a", "a: b",
     "a #b", "#", "1_000", ".5", "1.10", "2024-01-01", "{}", "[]", "|", ">", "!x", "&a", "*a", "%", "@", "`",
     "a\nb", "a\n", "\na", "a\n\n", "a\tb", "a \nb", "-", "?", "true", "Yes", "e1", "_1", "0b1", ".inf", ".nan"]
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), TEXT, TRAPS,
    st.floats(allow_nan=False, allow_infinity=False, width=32),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(TEXT, TRAPS), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES, st.sampled_from([2, 4]))
def test_what_is_written_is_read_back(value: object, indent: int) -> None:
    assert yamlio.load(to_yaml(value, indent=indent), "x") == value


@given(st.dictionaries(TEXT, SCALARS, min_size=1, max_size=5))
def test_sorting_keys_changes_no_value(value: dict[str, object]) -> None:
    text = to_yaml(value, sort_keys=True)
    assert yamlio.load(text, "x") == value
    assert text == to_yaml(dict(reversed(value.items())), sort_keys=True)


def test_reading_does_not_depend_on_an_installed_c_parser() -> None:
    """The C parser refuses the first and ends the second early; ``nox -s minimums`` has it installed."""
    assert yamlio.load("{a: https://x}", "x") == {"a": "https://x"}
    assert yamlio.load(">\n#x\n", "x") == "#x\n"


def test_style() -> None:
    document = {"a": [{"b": 1, "c": ["x", {}]}, [2]], "s": "line\nnext\n", "v": "1.10", "f": 2.0}
    assert to_yaml(document) == (
        'a:\n  - b: 1\n    c:\n      - x\n      - {}\n  - - 2\ns: |\n  line\n  next\nv: "1.10"\nf: 2\n'
    )


def test_json_prints_whole_floats_as_integers() -> None:
    assert to_json({"a": 1.0, "b": [1.5]}) == '{\n  "a": 1,\n  "b": [\n    1.5\n  ]\n}\n'
    with pytest.raises(ValueError, match="JSON"):
        to_json(float("inf"))
    assert json.loads(to_json({"k": "<&>"})) == {"k": "<&>"}


@given(VALUES, st.sampled_from([1, 2, 4]))
def test_json_is_indented_as_the_standard_library_does(value: object, indent: int) -> None:
    def whole(item: object) -> object:
        if isinstance(item, dict):
            return {key: whole(part) for key, part in item.items()}
        if isinstance(item, list):
            return [whole(part) for part in item]
        if isinstance(item, float) and abs(item) < 1e21 and item == int(item):
            return int(item)
        return item

    wanted = json.dumps(whole(value), indent=indent, ensure_ascii=False) + "\n"
    assert to_json(value, indent=indent) == wanted


def test_json_holds_plain_values_alone() -> None:
    for value in (float("nan"), [float("-inf")]):
        with pytest.raises(ValueError, match="JSON"):
            to_json(value)
    with pytest.raises(TypeError, match="a set is no value of JSON"):
        to_json({"a": {1}})


def test_half_a_character_is_written_as_what_it_is_read_as() -> None:
    text = to_yaml({"said": "a\ud800b"})
    assert text.isascii()
    assert yamlio.load(text.encode(), "x") == {"said": "a\ufffdb"}
