"""Snapshots of every shape are read, by two readers that agree, and hostile ones are refused with their place."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aicr_core.engine import snapshots
from aicr_core.kit.emit import to_json, to_yaml
from aicr_core.kit.errors import AicrError, Code

KEYS = st.text(st.sampled_from("aB:/.-_ '\"#*é0"), min_size=1, max_size=8)
VALUES = st.one_of(
    st.text(st.sampled_from("ab:- #'\"\n\t{}[]|>0é\\"), max_size=12),
    st.integers(-(2**63), 2**64 - 1),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
)
DATA = st.dictionaries(KEYS, VALUES, max_size=4)
SUBTYPES = st.fixed_dictionaries(
    {"subtype": KEYS, "data": DATA},
    optional={
        "context": st.dictionaries(KEYS, KEYS, min_size=1, max_size=2),
        "items": st.lists(
            st.fixed_dictionaries({"context": DATA, "data": DATA}), min_size=1, max_size=2
        ),
        "later": VALUES,
    },
)
DOCUMENTS = st.fixed_dictionaries(
    {
        "kind": st.just("Snapshot"),
        "measurements": st.lists(
            st.fixed_dictionaries({"type": KEYS, "subtypes": st.lists(SUBTYPES, min_size=1, max_size=2)}),
            min_size=1, max_size=3,
        ),
    },
    optional={"metadata": DATA, "extra": VALUES},
)  # fmt: skip


def snapshot(**data: Any) -> dict[str, Any]:
    return {
        "kind": "Snapshot",
        "measurements": [{"type": "A", "subtypes": [{"subtype": "b", "data": data}]}],
    }


def data_of(document: dict[str, Any]) -> Any:
    return document["measurements"][0]["subtypes"][0]["data"]


def load(text: str | bytes, fmt: str = "yaml") -> tuple[dict[str, Any], list[str]]:
    return snapshots.load(text.encode("utf-8") if isinstance(text, str) else text, "f", fmt)


def refused(text: str | bytes, fmt: str = "yaml", **options: Any) -> str:
    with pytest.raises(AicrError) as error:
        snapshots.load(text.encode("utf-8") if isinstance(text, str) else text, "f", fmt, **options)
    assert error.value.code == Code.INVALID_REQUEST
    return str(error.value)


@given(DOCUMENTS)
@settings(deadline=None)
def test_both_readers_give_the_same(document: dict[str, Any]) -> None:
    for text, fmt in ((to_yaml(document), "yaml"), (to_json(document), "json")):
        quick = snapshots._quick(text, fmt)
        if quick is not None:
            assert repr(quick) == repr(snapshots._full(text, "f", fmt))


@given(DOCUMENTS)
@settings(deadline=None)
def test_yaml_and_json_copies_are_equal(document: dict[str, Any]) -> None:
    assert load(to_yaml(document))[0] == load(to_json(document), "json")[0]


def test_what_machines_write_takes_the_quick_reader() -> None:
    document = snapshot(
        **{"a": 1, "/proc/sys/x": "1\t2", "c": "x\ny\n", "d": 18446744073709551615, "e": True}
    )
    assert snapshots._quick(to_yaml(document), "yaml") == document
    assert snapshots._quick(json.dumps(document), "yaml") == document


@pytest.mark.parametrize(
    "version", ["aicr.nvidia.com/v1alpha1", "aicr.run/v1alpha2", "aicr.run/v1", ""]
)
@pytest.mark.parametrize("kind", ["Snapshot", "FleetSnapshot", ""])
def test_every_generation(version: str, kind: str) -> None:
    head = ({"kind": kind} if kind else {}) | ({"apiVersion": version} if version else {})
    body = {**snapshot(x=1), **({"fleet": {"groups": []}} if kind == "FleetSnapshot" else {})}
    document = {**{key: value for key, value in body.items() if key != "kind"}, **head}
    assert data_of(load(to_yaml(document))[0]) == {"x": 1}


def test_the_kind_found_is_named() -> None:
    assert 'kind is "RecipeResult", expected "Snapshot"' in refused(
        "kind: RecipeResult\nmeasurements: 5\n"
    )
    assert 'kind is "RecipeResult"' in refused('{"kind": "RecipeResult"}', "json")
    assert 'apiVersion "example.com/v9"' in refused("apiVersion: example.com/v9\n")


@pytest.mark.parametrize(
    ("written", "read"),
    [("null", "<nil>"), ("", "<nil>"), ("[1, 2]", "[1 2]"), ("{b: 2, a: [x, true]}", "map[a:[x true] b:2]")],
)  # fmt: skip
def test_readings_that_are_no_scalars(written: str, read: str) -> None:
    text = f"measurements:\n- type: A\n  subtypes:\n  - subtype: b\n    data:\n      x: {written}\n"
    document, warnings = load(text)
    assert data_of(document) == {"x": read}
    assert len(warnings) == 1
    assert "A.b.x is no scalar" in warnings[0]


def test_numbers() -> None:
    text = '{"measurements":[{"type":"A","subtypes":[{"subtype":"b","data":{"a":8,"b":8.0,"c":18446744073709551615,"d":18446744073709551616}}]}]}'
    found = data_of(load(text, "json")[0])
    assert (found["a"], found["b"], found["c"], found["d"]) == (8, 8.0, 2**64 - 1, float(2**64))
    assert type(found["a"]) is int
    assert type(found["d"]) is float
    assert found == data_of(load(text)[0])


def test_a_number_that_no_float_holds_is_refused() -> None:
    text = '{"measurements":[{"type":"A","subtypes":[{"subtype":"b","data":{"e":1e400}}]}]}'
    with pytest.raises(AicrError, match="1e400"):
        load(text, "json")


def test_one_type_twice_is_merged() -> None:
    first, second = snapshot(a=1, b=1), snapshot(b=2, c=2)
    second["measurements"][0]["subtypes"].append({"subtype": "new", "data": {"x": 1}})
    document = {"kind": "Snapshot", "measurements": first["measurements"] + second["measurements"]}
    found, warnings = load(to_yaml(document))
    assert found["measurements"] == [
        {"type": "A", "subtypes": [
            {"subtype": "b", "data": {"a": 1, "b": 2, "c": 2}}, {"subtype": "new", "data": {"x": 1}},
        ]},
    ]  # fmt: skip
    assert "two measurements A" in warnings[0]


def test_half_a_character_can_be_written_again() -> None:
    text = '{"measurements":[{"type":"A","subtypes":[{"subtype":"b","data":{"a":"x\\ud800y","\\ud83d\\ude00":"\\ud83d\\ude00"}}]}]}'
    found = data_of(load(text, "json")[0])
    assert found == {"a": "x\ufffdy", "\U0001f600": "\U0001f600"}
    to_yaml(found).encode("utf-8")


def test_json_in_yaml_and_what_stands_behind_it() -> None:
    text = json.dumps(snapshot(a=1))
    assert data_of(load(text)[0]) == {"a": 1}
    assert data_of(load(f"\n {text}\nxyz", "json")[0]) == {"a": 1}
    assert data_of(load(f"{text}\nxyz")[0]) == {"a": 1}
    assert data_of(load(f"{text}\n---\nkind: Other\n")[0]) == {"a": 1}
    assert "not valid JSON" in refused("kind: Snapshot\n", "json")
    assert data_of(
        load(
            '{"Measurements": [{"TYPE": "A", "subtypes": [{"subtype": "b", "data": {"a": 1}}]}]}',
            "json",
        )[0]
    ) == {"a": 1}


def test_gzip_and_its_limits() -> None:
    text = to_yaml(snapshot(a=1)).encode()
    packed = gzip.compress(text)
    assert load(packed)[0] == load(text)[0]
    assert "cut off" in refused(packed[:-9])
    assert "not valid gzip" in refused(packed[:4] + b"xxxxxxxxxxxx")
    bomb = gzip.compress(b"a" * 50_000_000)
    assert len(bomb) < 100_000
    assert "over the limit of 1 MiB" in refused(bomb, limit=2**20)
    assert "--max-input-size" in str(refused_hint(b"x" * 11, limit=10))


def refused_hint(data: bytes, **options: Any) -> str | None:
    with pytest.raises(AicrError) as error:
        snapshots.load(data, "f", **options)
    return error.value.hint


def test_marks_before_and_documents_behind() -> None:
    text = to_yaml(snapshot(a=1))
    assert data_of(load(b"\xef\xbb\xbf" + text.encode())[0]) == {"a": 1}
    assert data_of(load(f"---\n{text}---\nkind: Other\n")[0]) == {"a": 1}
    assert "f:3" in refused(b"kind: Snapshot\na: 1\nb: \xff\n")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("measurements: 5\n", "f:1:15"),
        ("measurements:\n- type: A\n  subtypes: {}\n", "f:3:13"),
        ("measurements:\n- type: A\n  subtypes:\n  - subtype: b\n    data: [1]\n", "f:5:11"),
        ("measurements:\n- null\n", "f:2:3"),
        ("fleet:\n  groups: 5\n", "f:2:11"),
        ("fleet:\n  groups:\n  - id: a\n    nodes: x\n", "f:4:12"),
        ("fleet:\n  groups:\n  - id: a\n", "f:3:5"),
        ("collection:\n- reason: x\n", "f:2:3"),
        ("fleet: {}\n", "f:1:8"),
        ("- a\n", "f:1:1"),
        ("abc\n", "f:1:1"),
    ],
)
def test_a_wrong_shape_is_named_with_its_place(text: str, place: str) -> None:
    assert place in refused(text)


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "~\n"])
def test_an_empty_file(text: str) -> None:
    assert "empty" in refused(text)


def test_nesting_is_bounded() -> None:
    deep = "[" * 5000 + "]" * 5000
    assert "100 levels" in refused(f"measurements: {deep}\n")
    assert "100 levels" in refused(f'{{"measurements": {deep}}}', "json")
    assert "100 levels" in refused(
        '{"measurements":[{"type":"A","subtypes":[{"subtype":"b","data":{"x":' + "[" * 300 + "]" * 300 + "}}]}]}", "json",
    )  # fmt: skip
    nested = "".join(f"{' ' * level}a:\n" for level in range(5000))
    assert "100 levels" in refused(nested)
