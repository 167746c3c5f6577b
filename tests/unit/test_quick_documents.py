"""A document read without the full parser is what the full parser gives, or is left to it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aicr_core.engine import schemas
from aicr_core.kit import yamlio
from aicr_core.kit.emit import to_yaml
from aicr_core.kit.errors import AicrError
from aicr_core.kit.schema import decode

HEAD = "kind: RecipeResult\napiVersion: aicr.nvidia.com/v1alpha1\n"
REF = "componentRefs:\n  - name: a\n    type: Helm\n    source: https://x\n"


def full(text: str) -> Any:
    node = yamlio.compose(text, "x")
    assert node is not None
    return decode(node, schemas.RECIPE, "x")


@pytest.mark.parametrize(
    ("text", "quick"),
    [
        (HEAD + REF + "    version: v1.2\n", True),
        (HEAD + REF + "    overrides:\n      a:\n        b: [1]\n", False),
        (
            HEAD + REF + "    overrides:\n      a:\n        - 1\n        - null\n      c: 1.50\n",
            True,
        ),
        (HEAD + REF + "    version: 1.10\n", False),
        (HEAD + REF + "    cleanup: yes\n", False),
        (HEAD + REF + "    dependencyRefs:\n      - 1\n", False),
        (HEAD + REF + "criteria:\n  nodes: 8.5\n", False),
    ],
)
def test_both_ways_agree(text: str, quick: bool) -> None:
    found = schemas._quick(text, schemas.RECIPE, "RecipeResult")
    assert (found is not None) is quick
    assert schemas.decode_document(text, "x", schemas.RECIPE, "RecipeResult") == full(text)


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "componentRef: []\n",
        "kind: Snapshot\n",
        HEAD + "ComponentRefs: []\n",
        "",
        "- a\n",
        HEAD + REF + "    vrsion: v1\n",
    ],
)
def test_what_is_wrong_is_said_by_the_full_reader(text: str) -> None:
    assert schemas._quick(text, schemas.RECIPE, "RecipeResult") is None
    with pytest.raises(AicrError):
        schemas.decode_document(text, "x", schemas.RECIPE, "RecipeResult")


WORDS = st.text(st.sampled_from("ab1.-: "), max_size=6)
REFS = st.fixed_dictionaries(
    {"name": WORDS},
    optional={
        "version": WORDS | st.integers(0, 20), "cleanup": st.booleans() | WORDS, "dependencyRefs": st.lists(WORDS, max_size=2),
        "overrides": st.dictionaries(WORDS, st.recursive(WORDS | st.none() | st.integers(0, 9), lambda x: st.lists(x, max_size=2), max_leaves=4), max_size=2),
    },
)  # fmt: skip


@given(
    st.lists(REFS, max_size=3),
    st.dictionaries(
        st.sampled_from(["service", "nodes", "odd"]), WORDS | st.integers(0, 9), max_size=2
    ),
)
@settings(deadline=None)
def test_any_recipe_is_read_alike(refs: list[Any], criteria: dict[str, Any]) -> None:
    text = HEAD + to_yaml({"componentRefs": refs, "criteria": criteria})
    found = schemas._quick(text, schemas.RECIPE, "RecipeResult")
    if found is not None:
        assert found == full(text)


def full_json(text: str) -> Any:
    return decode(yamlio.compose_json(text, "x"), schemas.RECIPE, "x")


@pytest.mark.parametrize(
    ("text", "quick"),
    [
        ('{"kind": "RecipeResult", "componentRefs": [{"name": "a", "version": "1.10"}]}', True),
        ('{"componentRefs": [{"name": "a", "overrides": {"b": [1, null, 8.0, -0.0, 1e21], "B": 2}}]}', True),
        ('{"componentRefs": [{"name": "a", "version": "1", "version": null}]}', False),
        ('{"componentRefs": [{"name": "a", "version": "1", "Version": "2"}]}', False),
        ('{"COMPONENTREFS": [{"Name": "a"}]}', False),
        ('{"componentRefs": [{"name": "a"}]} trailing', False),
        ('{"criteria": {"nodes": 9223372036854775807}}', True),
        ('\ufeff{"metadata": {"version": "v"}}', True),
        ("{}", True),
    ],
)  # fmt: skip
def test_both_ways_of_json_agree(text: str, quick: bool) -> None:
    data = text.encode()
    found = schemas._quick(data, schemas.RECIPE, "RecipeResult", "json")
    assert (found is not None) is quick
    whole = schemas.decode_document(data, "x", schemas.RECIPE, "RecipeResult", fmt="json")
    wanted = full_json(text.removeprefix("\ufeff"))
    assert repr(whole) == repr(wanted)


@pytest.mark.parametrize(
    "text",
    [
        '{"criteria": {"nodes": 9223372036854775808}}',
        '{"criteria": {"nodes": 8.0}}',
        '{"componentRefs": [{"name": "a", "version": 1}]}',
        '{"componentRefs": [{"name": "a", "overrides": {"b": 1e999}}]}',
        '{"kind": "Snapshot"}',
        '{"what": 1}',
        "[]",
        "{",
    ],
)
def test_json_that_is_wrong_is_said_by_the_full_reader(text: str) -> None:
    assert schemas._quick(text, schemas.RECIPE, "RecipeResult", "json") is None
    with pytest.raises(AicrError):
        schemas.decode_document(text, "x", schemas.RECIPE, "RecipeResult", fmt="json")


@given(
    st.lists(REFS, max_size=3),
    st.dictionaries(
        st.sampled_from(["service", "nodes", "Nodes", "odd"]), WORDS | st.integers() | st.floats(), max_size=2
    ),
)  # fmt: skip
@settings(deadline=None)
def test_any_recipe_of_json_is_read_alike(refs: list[Any], criteria: dict[str, Any]) -> None:
    text = json.dumps({"componentRefs": refs, "criteria": criteria})
    found = schemas._quick(text, schemas.RECIPE, "RecipeResult", "json")
    if found is not None:
        assert repr(found) == repr(full_json(text))
