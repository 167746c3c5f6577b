"""Trees of plain values: what they hold, and their keys in order."""

from __future__ import annotations

from aicr_core.api import in_order, leaves


def test_leaves() -> None:
    assert list(leaves({"a": [1, {"b": None}], "c": (), "d": {}, "e": "x"})) == [1, None, "x"]
    assert list(leaves(None)) == [None]


def test_in_order() -> None:
    given = {"b": ({"z": 1, "a": 2},), "a": None}
    assert repr(in_order(given)) == "{'a': None, 'b': [{'a': 2, 'z': 1}]}"
    assert list(given) == ["b", "a"]
