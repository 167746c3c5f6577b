"""What may cross between a command and a plugin's worker, comes back as it was; whatever else is refused, by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicr_core import api
from aicr_core.kit.errors import AicrError, Code
from aicr_core.model.settings import Settings
from aicr_core.plugins import wire

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
)
KEYS = st.text() | st.sampled_from(
    ["$tuple", "$bytes", "$set", "$pairs", "$object", wire.CONTEXT, wire.TARGET]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(KEYS, inner)
        | st.dictionaries(st.integers() | st.booleans(), inner)
        | st.frozensets(SCALARS)
        | st.builds(api.Subtype, name=st.text(), data=st.dictionaries(st.text(), st.integers()))
        | st.builds(api.Artifact, path=st.text(), data=st.binary())
        | st.builds(api.ComponentBundle, name=st.text(), values=st.dictionaries(st.text(), inner))
    ),
    max_leaves=20,
)


def crossed(value: Any) -> Any:
    line = wire.dumps(value)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert line.isascii()
    return wire.loads(line)


def same(one: Any, other: Any) -> bool:
    """Equality that tells True from 1 and a list from a tuple."""
    return bool(one == other) and repr(one) == repr(other) if not _unordered(one) else one == other


def _unordered(value: Any) -> bool:
    return "frozenset" in repr(value)


@given(VALUES)
def test_values_come_back_as_they_were(value: Any) -> None:
    assert same(crossed(value), value)


@pytest.mark.parametrize(
    "value",
    [
        Settings.from_env({"HOME": "/h", "PATH": "/bin"}),
        api.Detection(value="eks", confidence=0.5, reading="K8s.node.provider"),
        api.Measurement(type="OS", subtypes=(api.Subtype(name="x", data={"a": 1}),)),
        api.CheckResult(status="failed", code=Code.TIMEOUT),
        api.Check(name="c", phase="p", description="d", call="m:f", rights=()),
        api.Deployer(name="d", title="t", call="m:f", steps="m:g"),
        Code.NOT_FOUND,
        float("inf"),
        "\ud800",
    ],
)
def test_the_classes_of_the_api_cross(value: Any) -> None:
    back = crossed(value)
    assert type(back) is type(value)
    assert back == value


def test_what_is_like_text_crosses_as_text() -> None:
    class Word(str):
        __slots__ = ()

    class Row(list[int]):
        pass

    assert type(crossed(Word("x"))) is str
    assert type(crossed(Row([1]))) is list


@pytest.mark.parametrize(
    "value", [object(), print, open, ValueError("x"), 1j, range(3), [object()]]
)
def test_what_cannot_cross_is_named(value: Any) -> None:
    with pytest.raises(AicrError, match="cannot go to another process") as caught:
        wire.dumps(value)
    assert caught.value.code is Code.INTERNAL


def test_an_error_of_ours_crosses_whole() -> None:
    error = AicrError(Code.NOT_FOUND, "no x", hint="look", where="f:1")
    back = crossed(error)
    assert (back.code, back.message, back.hint, back.where) == (
        Code.NOT_FOUND, "no x", "look", "f:1",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("error", "name", "text"),
    [
        (KeyError("x"), "KeyError", "'x'"),
        (type("Not A Name", (Exception,), {})("x"), "Exception", "x"),
        (type("Mute", (Exception,), {"__str__": lambda _: 1 / 0})(), "Mute", "its text cannot be had"),
        (ValueError("x" * 10**6), "ValueError", "x" * 10_000),
    ],
)  # fmt: skip
def test_any_other_error_crosses_as_type_and_text(error: Exception, name: str, text: str) -> None:
    back = wire.error_from(json.loads(json.dumps(wire.error_document(error))), "acme")
    assert type(back).__name__ == name
    assert text in str(back)
    assert len(str(back)) <= 10_000


HOSTILE = [
    b"", b"{", b"\xff", b"nul", b"[" * 100_000, b"1" * 5_000,
    b'{"$object":"os.system","fields":{}}',
    b'{"$object":"settings.os","fields":{}}',
    b'{"$object":"providers.attrs","fields":{}}',
    b'{"$object":"providers.Collector","fields":{"nam":1}}',
    b'{"$object":"providers.Collector","fields":[]}',
    b'{"$object":"snapshot.Detection","fields":{"value":1,"confidence":7,"reading":null}}',
    b'{"$object":["x"],"fields":{}}', b'{"$object":"errors.Code","fields":"NO"}',
    b'{"$object":"errors.Code","fields":{"a":1}}', b'{"$object":"snapshot.Item"}',
    b'{"$object":"__builtins__.eval","fields":"1"}', b'{"$object":"run.Runner","fields":{"jobs":1}}',
    b'{"$object":"providers.calls_of","fields":{}}',
    b'{"$tuple":1}', b'{"$bytes":"*"}', b'{"$bytes":7}', b'{"$set":[[1]]}', b'{"$pairs":[[1]]}',
    b'{"$pairs":[[[1],2]]}', b'{"$pairs":7}',
]  # fmt: skip


@pytest.mark.parametrize("line", HOSTILE, ids=lambda line: line[:30].decode("latin-1"))
def test_hostile_lines_are_an_error_of_ours(line: bytes) -> None:
    with pytest.raises(AicrError) as caught:
        wire.loads(line)
    assert caught.value.code is Code.INTERNAL


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner) | st.dictionaries(
            st.sampled_from(["$tuple", "$bytes", "$set", "$pairs", "$object", "fields", "type"]), inner
        ),
    )
)  # fmt: skip
def test_nonsense_is_a_value_or_an_error_of_ours(document: Any) -> None:
    try:
        wire.decode(document)
    except AicrError as error:
        assert error.code is Code.INTERNAL


@pytest.mark.parametrize(
    "document", [None, {}, [], {"message": "x"}, {"ours": True, "message": 1, "code": "NO"}]
)
def test_an_error_that_says_nothing(document: Any) -> None:
    assert "says nothing" in str(wire.error_from(document, "acme"))


def test_no_class_of_the_table_is_found_under_another_name() -> None:
    assert wire.class_of("providers.Collector") is api.Collector
    for name in (
        "Collector",
        "providers",
        "aicr_core.plugins.providers.Collector",
        "bundle.Collector",
    ):
        assert wire.class_of(name) is None
