"""The assertion language and the texts it comes in: laws, and hostile input. No cluster."""

from __future__ import annotations

import time
from typing import Any

import pytest
from aicr_validators.assertions.documents import BUDGET, parse
from aicr_validators.assertions.expressions import evaluate
from aicr_validators.assertions.matching import mismatches, shown
from aicr_validators.assertions.rights import assertion_rights, plural
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.kit.errors import AicrError

_SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=20,
)
# No key or text that is read as an expression: an object then has to match itself.
_PLAIN_TEXT = st.text("abc1", max_size=5)
_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _PLAIN_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_PLAIN_TEXT, inner, max_size=4),
    max_leaves=20,
)
_OBJECT = st.dictionaries(_PLAIN_TEXT, _PLAIN, max_size=5)
_WORDS = st.sampled_from(
    ["a", "b", "length(", "sum(", "max(", "sort(", "join(", "keys(", "to_number(", "@", "*", "[", "]", "[?", "(", ")",
     "{", "}", ":", "||", "&&", "!", "==", ">", "|", ".", ",", "`1`", "`[]`", "'x'", "&", "[0]", "[-1:]", "$", "+", "~"]
)  # fmt: skip


# --- laws -----------------------------------------------------------------------------------------


@given(_JSON, _JSON)
def test_any_two_values_are_compared_or_refused(expected: Any, actual: Any) -> None:
    try:
        fields = mismatches(expected, actual)
    except AicrError as error:
        assert str(error).startswith("[INVALID_REQUEST]")
        return
    for field in fields:
        assert isinstance(field.path, str)
        assert field.detail


@given(st.lists(_WORDS, max_size=12).map(" ".join), _JSON)
def test_any_expression_is_evaluated_or_refused(expression: str, value: Any) -> None:
    try:
        evaluate(expression, value)
    except AicrError as error:
        assert str(error).startswith("[INVALID_REQUEST]")


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    for document in (text, f"# chainsaw.kyverno.io\nkind: Test\n{text}"):
        try:
            parse(document, "c")
        except AicrError as error:
            assert "health check of c" in str(error)


@given(_PLAIN)
def test_a_value_matches_itself(value: Any) -> None:
    assert mismatches(value, value) == []


@given(_OBJECT, _OBJECT)
def test_more_fields_never_break_a_match(expected: dict[str, Any], more: dict[str, Any]) -> None:
    assert mismatches(expected, {**more, **expected}) == []


@given(_OBJECT, _PLAIN_TEXT)
def test_a_field_that_is_missing_is_named(actual: dict[str, Any], key: str) -> None:
    key = f"{key}-absent"
    (field,) = mismatches({**actual, key: 1}, actual)
    assert field.path == key


@given(st.lists(st.integers(), max_size=6), st.lists(st.integers(), max_size=6))
def test_lists_match_when_they_are_equal(one: list[int], other: list[int]) -> None:
    assert (mismatches(one, other) == []) == (one == other)


# --- the language ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "actual", "said"),
    [
        ({"s": {"n": 2}}, {"s": {"n": 1}}, "s.n: is 1, expected is 2"),
        ({"s": []}, {"s": None}, "s: is null, a list of 0 is expected"),
        ({"s": {}}, {"s": None}, "s: is null, a mapping is expected"),
        ({"~.m": "x"}, {"m": {"k": "y"}}, '~.m[k]: is "y", expected is "x"'),
        ({"(a == `1`)": True}, {}, "(a == `1`): is false, expected is true"),
        ({"(a < b)": True}, {"a": "1", "b": "2"}, "(a < b): is null, expected is true"),
        ({"v": "(`[1]`)"}, {"v": [2]}, "v: is [2], expected is [1]"),
    ],
)
def test_a_difference_says_what_is_there(expected: Any, actual: Any, said: str) -> None:
    assert [str(field) for field in mismatches(expected, actual)] == [said]


@pytest.mark.parametrize(
    ("expected", "actual", "said"),
    [
        ({"s": {}}, {"s": 1}, "s: a mapping is expected, and it is a number"),
        ({"s": {"n": 1}}, {"s": 1}, "s.n: its parent is a number, not a mapping"),
        ({"s": [1]}, {"s": "x"}, "s: a list is expected, and it is a text"),
        ({"s": 1}, {"s": True}, "s: a number and a boolean cannot be compared"),
        ({"~.s": 1}, {"s": 1}, "~.s: ~. goes over lists and mappings, and this is a number"),
        ({"(s)->x": 1}, {"s": 1}, "bindings (->) are not supported"),
        ({"(cel;s)": 1}, {"s": 1}, 'expressions of "cel" are not supported'),
        ({"(nosuch(s))": 1}, {"s": 1}, "Unknown function: nosuch()"),
        ({"(s | )": 1}, {"s": 1}, "cannot be evaluated"),
    ],
)
def test_what_cannot_be_compared_is_an_error(expected: Any, actual: Any, said: str) -> None:
    with pytest.raises(AicrError) as caught:
        mismatches(expected, actual)
    assert said in str(caught.value)


# --- hostile input --------------------------------------------------------------------------------


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "expression",
    [
        "|".join(["[@,@]"] * 200),
        "|".join(["[@,@][]"] * 200),
        "a" * 5000,
        "(" * 1500 + "a" + ")" * 1500,
        "!" * 3000 + "a",
        "join(a, map(&to_string(@), b))",
        "b[?contains(@, 'x')] | sort(@) | sum(@)",
        "avg(`[]`) | max(@)",
        "to_number('" + "9" * 4000 + "') | [@]",
    ],
)
def test_expressions_that_would_take_everything_end(expression: str) -> None:
    started = time.process_time()
    try:
        evaluate(expression, {"a": "x" * 100_000, "b": list(range(50_000))})
    except AicrError as error:
        assert "cannot be evaluated" in str(error)
        assert len(str(error)) < 1000
    assert time.process_time() - started < 30


def test_steps_are_bounded() -> None:
    with pytest.raises(AicrError, match="more than 1000000 steps"):
        evaluate("[*].[a,b] | [].[a,b] | [0]", [{"a": 1, "b": 2}] * 400_000)


def test_nesting_is_bounded() -> None:
    with pytest.raises(AicrError, match="nested too deep"):
        mismatches(_deep(5000), _deep(5000))
    assert shown(_deep(50_000)) == "a mapping"


def test_huge_values_are_shown_short() -> None:
    (field,) = mismatches({"l": [1]}, {"l": list(range(1_000_000))})
    assert str(field) == "l: has 1000000 elements, expected are 1"
    (field,) = mismatches({"l": "x"}, {"l": "y" * 1_000_000})
    assert len(str(field)) < 500


# --- texts ----------------------------------------------------------------------------------------

_HEAD = "apiVersion: chainsaw.kyverno.io/v1alpha1\nkind: Test\nspec:\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1", "health check of c:"),
        ("a: 1\nb: {\n", "health check of c:"),
        ("- 1", "document 0: a mapping is expected"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {namespace: n}", "name missing"),
        ("apiVersion: v1\nmetadata: {name: n}", "kind missing"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: 7}", "name must be a plain text"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: x, labels: {a: 1}}", "labels must be texts"),
        (_HEAD + "  cleanup: []", '"cleanup" is not supported'),
        (_HEAD + "  steps: {}", "a list is expected"),
        (_HEAD + "  steps: [{name: s, catch: []}]", 'step "s": "catch" is not supported'),
        (_HEAD + "  steps: [{name: s, finally: []}]", 'step "s": "finally" is not supported'),
        (
            _HEAD + "  steps: [{try: [{script: {content: 'rm -rf /'}}]}]",
            'step 0 try[0]: the operation "script"',
        ),
        (_HEAD + "  steps: [{try: [{assert: {file: x}}]}]", '"file" is not supported'),
        (_HEAD + "  steps: [{try: [{assert: {}}]}]", "a mapping is expected"),
        (_HEAD + "  steps: [{try: [{}]}]", "an operation is either assert or error"),
        (_HEAD + "  timeouts: {assert: soon}", "it is no duration"),
        (
            _HEAD + "---\nkind: Pod\napiVersion: v1",
            "document 1: beside a Test there may only be Tests",
        ),
    ],
)
def test_a_bad_text_is_refused_by_place(text: str, said: str) -> None:
    with pytest.raises(AicrError) as caught:
        parse(text, "c")
    assert said in str(caught.value)
    assert str(caught.value).startswith("[INVALID_REQUEST] health check of c")


def test_yaml_errors_name_the_line() -> None:
    with pytest.raises(AicrError, match=r"health check of c:3:\d+: not valid YAML"):
        parse("apiVersion: v1\nkind: Pod\n  x: {]\n", "c")


def test_the_budget_is_that_of_the_test() -> None:
    assert parse(_HEAD + "  timeouts: {assert: 1m30s}", "c").budget == 90
    assert parse(_HEAD + "  steps: []", "c").budget == BUDGET
    assert parse("", "c") == ((), True, BUDGET)


# --- rights ---------------------------------------------------------------------------------------


def test_rights_are_those_of_the_kinds_and_names() -> None:
    text = _HEAD + (
        "  steps: [{try: [{assert: {resource: {apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: n}}}},"
        " {error: {resource: {apiVersion: v1, kind: Pod, metadata: {namespace: n}}}},"
        " {error: {resource: {apiVersion: v1, kind: Pod, metadata: {namespace: n}, status: {phase: Failed}}}}]}]"
    )
    found = list(assertion_rights([("c", text), ("broken", "a: ["), ("none", "")]))
    assert [(r.verbs, r.group, r.resources, r.namespace, r.names) for r in found] == [
        (("get",), "apps", ("deployments",), "n", ("d",)),
        (("list",), "", ("pods",), "n", ()),
    ]


@pytest.mark.parametrize(
    ("kind", "name"),
    [("Pod", "pods"), ("ClusterPolicy", "clusterpolicies"), ("Gateway", "gateways"), ("Ingress", "ingresses"),
     ("Prometheus", "prometheuses"), ("Endpoints", "endpoints"), ("Switch", "switches")],
)  # fmt: skip
def test_plurals(kind: str, name: str) -> None:
    assert plural(kind) == name
