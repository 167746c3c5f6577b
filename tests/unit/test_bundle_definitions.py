"""Definitions without their schemas say the same of everything else, and large ones are read quickly."""

from __future__ import annotations

import time
from typing import Any

import pytest

from aicr_core.engine.bundle_definitions import definitions, served, without_schemas
from aicr_core.kit.emit import to_yaml
from aicr_core.kit.yamlio import load


def definition(depth: int = 2) -> dict[str, Any]:
    leaf: dict[str, Any] = {
        "type": "string",
        "description": "words: more\n# words\n\n  schema:\nend",
    }
    for _ in range(depth):
        leaf = {
            "type": "object",
            "properties": {"schema": leaf, "items": {"type": "array", "items": leaf}},
        }
    version = {"name": "v1", "served": True, "schema": {"openAPIV3Schema": leaf}, "storage": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "motors.e.example"},
        "spec": {
            "group": "e.example",
            "names": {"kind": "Motor"},
            "versions": [
                version,
                {"schema": {"openAPIV3Schema": leaf}, "name": "v2", "served": False},
            ],
        },
    }


def outline(document: dict[str, Any]) -> dict[str, Any]:
    return {
        **document,
        "spec": {
            **document["spec"],
            "versions": [{**version, "schema": {}} for version in document["spec"]["versions"]],
        },
    }


@pytest.mark.parametrize("dashes_indented", [True, False])
def test_all_but_the_schemas(dashes_indented: bool) -> None:
    text = to_yaml(definition())
    if not dashes_indented:
        # Go writes the items of a list below their key without indentation.
        head, _, tail = text.partition("  versions:\n")
        text = head + "  versions:\n" + "".join(f"{line[2:]}\n" for line in tail.splitlines())
    assert load(text, "x") == definition()
    assert load(without_schemas(text), "x") == outline(definition())


@pytest.mark.parametrize(
    "text", ["", "a: 1\n", "{a: {schema: {b: 1}}}", "schema:\n", "schema: x\nb: 1\n"]
)
def test_other_texts_keep_their_meaning(text: str) -> None:
    found, same = load(without_schemas(text), "x"), load(text, "x")
    assert found == same or found == {"schema": {}}


def test_what_definitions_make_known() -> None:
    found = list(definitions([f"# head\n---\n{to_yaml(definition())}---\n"], "a", 4))
    assert [(item.name, item.component, item.step, item.crd) for item in found] == [
        ("motors.e.example", "a", 4, True)
    ]
    assert served(found) == [(4, "e.example/v1"), (4, "e.example/v1/Motor")]


def test_large_definitions_are_read_quickly() -> None:
    text = to_yaml(definition(11))
    assert len(text) > 500_000
    start = time.process_time()
    assert len(list(definitions([text] * 4, "a", 1))) == 4
    assert time.process_time() - start < 2
