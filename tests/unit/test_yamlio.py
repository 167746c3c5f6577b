"""The YAML and JSON dialect (spec/recipe.md 7): what a scalar means, in values and in typed fields."""

from __future__ import annotations

from typing import Any

import pytest

from aicr_core.engine import schemas
from aicr_core.kit import yamlio
from aicr_core.kit.errors import AicrError
from aicr_core.kit.scalars import Stamp


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"), ("on", "on"), ("NO", "NO"), ("y", "y"), ("True", True), ("~", None),
        ("010", 8), ("0777", 511), ("-010", -8), ("0o17", 15), ("0O17", 15), ("08", 8.0),
        ("0x1F", 31), ("0X1F", 31), ("-0x1F", -31), ("0b101", 5), ("0B101", 5), ("1_000", 1000),
        ("1e3", 1000.0), ("1e+3", 1000.0), ("-.5", -0.5), ("1.", 1.0), ("1e400", "1e400"),
        ("12:30", "12:30"), ("1:2", "1:2"), ("=", "="), ("<<", "<<"), ("!!binary aGk=", "hi"),
        ("18446744073709551615", 2**64 - 1), ("-9223372036854775808", -(2**63)),
        ("18446744073709551616", 2.0**64), ("0x1ffffffffffffffffff", "0x1ffffffffffffffffff"),
        ("0777777777777777777777777", 777777777777777777777777.0),
        ("2024-01-01", "2024-01-01T00:00:00Z"), ("2024-1-2", "2024-01-02T00:00:00Z"),
        ("2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z"),
        ("2024-01-01 1:2:3.500", "2024-01-01T01:02:03.5Z"),
        ("2024-01-01t10:00:00+02:00", "2024-01-01T10:00:00+02:00"),
        ("2024-13-01", "2024-13-01"), ("2024-02-30", "2024-02-30"), ("2024-01-01 25:00:00",
         "2024-01-01 25:00:00"), ("2024-01", "2024-01"), ("2024-01-01T10:00:00",
         "2024-01-01T10:00:00"), ('"2024-01-01"', "2024-01-01"),
    ],
)  # fmt: skip
def test_plain_scalars_mean_what_the_reference_reads(text: str, value: Any) -> None:
    got = yamlio.load(f"v: {text}", "x")["v"]
    assert got == value
    # A moment is a text that remembers that it stood unquoted.
    assert type(got) is type(value) or (isinstance(got, Stamp) and isinstance(value, str))


@pytest.mark.parametrize(
    "text", ["1.10", "true", "0x1F", "2024-01-01", "010", "1e3", "yes", "12:30"]
)
def test_text_fields_keep_what_is_written(text: str) -> None:
    document = f"kind: RecipeMetadata\nspec: {{componentRefs: [{{name: a, version: {text}}}]}}\n"
    decoded = schemas.decode_document(document, "x", schemas.OVERLAY, "RecipeMetadata")
    assert decoded["spec"]["componentRefs"][0]["version"] == text


def nodes(text: str, fmt: str) -> int:
    document = schemas.decode_document(text, "x", schemas.CRITERIA_FILE, "RecipeCriteria", fmt=fmt)
    found: int = document["spec"]["nodes"]
    return found


@pytest.mark.parametrize(
    ("text", "number"), [("8.5", 8), ("8.0", 8), ("0x10", 16), ("-8.9", -8), ("1e3", 1000)]
)
def test_whole_numbers_of_yaml(text: str, number: int) -> None:
    assert nodes(f"spec: {{nodes: {text}}}", "yaml") == number


@pytest.mark.parametrize("text", ['"8"', "true", "1e30", "9223372036854775808", "[]", ".inf"])
def test_what_is_no_whole_number_of_yaml(text: str) -> None:
    with pytest.raises(AicrError, match=r"spec\.nodes must be"):
        nodes(f"spec: {{nodes: {text}}}", "yaml")


@pytest.mark.parametrize("text", ["8.5", "8.0", "1e1", '"8"', "true", "9223372036854775808"])
def test_what_is_no_whole_number_of_json(text: str) -> None:
    with pytest.raises(AicrError, match=r"spec\.nodes must be"):
        nodes(f'{{"spec": {{"nodes": {text}}}}}', "json")


def test_of_json_keys_that_differ_in_case_the_last_counts() -> None:
    assert nodes('{"Spec": {"nodes": 1, "NODES": 2, "nodes": 3}} trailing', "json") == 3
    assert nodes('{"spec": {"nodes": 3, "Nodes": null}}', "json") == 3
