"""The JSON Schema of a table accepts what the table decodes and refuses what it refuses, unknown keys apart."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from aicr_core.engine import schemas
from aicr_core.kit.jsonschema import json_schema
from aicr_core.kit.schema import ANY, BOOLEAN, FREE_MAP, INTEGER, TEXT, ListOf, MapOf, Record
from aicr_core.session import Session

TABLE = Record(
    "a thing",
    {
        "text": TEXT, "count": INTEGER, "on": BOOLEAN, "any": ANY, "free": FREE_MAP,
        "list": ListOf(TEXT), "map": MapOf(INTEGER), "deep": Record("deep", {"text": TEXT}, required=("text",)),
    },
)  # fmt: skip


@pytest.mark.parametrize(
    ("document", "fits"),
    [
        ({}, True),
        ({"text": "a", "count": 1, "on": True, "any": None, "free": {"a": []}}, True),
        ({"list": ["a"], "map": {"a": 1}, "deep": {"text": ""}}, True),
        ({"text": 1}, False),
        ({"count": "1"}, False),
        ({"on": "true"}, False),
        ({"free": []}, False),
        ({"list": [1]}, False),
        ({"map": {"a": "1"}}, False),
        ({"deep": {}}, False),
        ({"unknown": 1}, True),
    ],
)
def test_what_fits(document: dict[str, Any], fits: bool) -> None:
    schema = json_schema(TABLE)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert jsonschema.Draft202012Validator(schema).is_valid(document) == fits


def test_null_is_nothing_where_documents_are_read() -> None:
    read = jsonschema.Draft202012Validator(json_schema(TABLE, nulls=True))
    assert read.is_valid({"text": None, "list": None, "deep": {"text": ""}})
    assert not read.is_valid({"deep": {"text": None}})
    assert not read.is_valid({"list": [None]})
    assert not jsonschema.Draft202012Validator(json_schema(TABLE)).is_valid({"text": None})


def test_a_recipe_fits_the_schema_that_the_session_gives() -> None:
    session = Session({"AICR_INDEX": "off"})
    found = session.schemas()
    assert set(found) <= set(schemas.ACCEPTED)
    recipe = session.recipe({"service": "eks", "accelerator": "h100", "intent": "training"})
    jsonschema.Draft202012Validator(found["RecipeResult"]).validate(recipe.document)
