"""The hydrated recipe and the selector language of ``aicr query`` (spec/recipe.md 16, B13 mended).

A selector is a dotted path; ``[n]`` enters a list and ``["a.b"]`` names a key that holds dots.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aicr_core.engine.criteria import DIMENSIONS
from aicr_core.engine.hydrate import component_values
from aicr_core.engine.rules import rules_for
from aicr_core.kit.errors import AicrError, Code, nearest

if TYPE_CHECKING:
    from aicr_core.engine.catalogue import Catalogue

Document = dict[str, Any]

_FIELDS = (
    "namespace",
    "chart",
    "version",
    "tag",
    "path",
    "dependencyRefs",
    "valuesFile",
    "manifestFiles",
)
_INDEX = re.compile(r"\[(?:([0-9]{1,18})|\"([^\"]*)\"|'([^']*)')\]")


def hydrated(catalogue: Catalogue, recipe: Document, *, empty: Any = None) -> Document:
    """Give the recipe with the values of every component in place.

    ``empty`` stands for metadata lists that hold nothing: the reference has null in JSON and [] in YAML.
    Raises AicrError when a values file is missing or malformed, whichever component's it is.
    """
    null_deletes = rules_for(recipe["apiVersion"]).null_deletes
    metadata = {
        "version": "",
        "appliedOverlays": [],
        "excludedOverlays": empty,
        "constraintWarnings": empty,
        **recipe["metadata"],
    }
    components: Document = {}
    for ref in recipe["componentRefs"]:
        item: Document = {"name": ref["name"], "type": ref["type"], "source": ref["source"]}
        item.update({field: ref[field] for field in _FIELDS if ref.get(field)})
        values = component_values(catalogue, ref, null_deletes=null_deletes)
        if values:
            item["values"] = values
        components[ref["name"]] = item
    whole: Document = {
        "kind": recipe["kind"],
        "apiVersion": recipe["apiVersion"],
        "metadata": metadata,
        "criteria": {name: recipe["criteria"].get(name, 0) for name in DIMENSIONS},
    }
    for field in ("constraints", "deploymentOrder", "validation"):
        if recipe.get(field):
            whole[field] = recipe[field]
    whole["components"] = components
    return whole


def steps_of(selector: str) -> list[str | int]:
    """Give the keys and list positions that a selector means."""
    steps: list[str | int] = []
    text = selector.removeprefix(".")
    if not text:
        return steps
    position = 0
    while position <= len(text):
        match = _INDEX.match(text, position)
        if match:
            number, double, single = match.groups()
            steps.append(
                int(number) if number is not None else double if double is not None else single
            )
            position = match.end()
            if position == len(text):
                return steps
            if text[position] == ".":
                position += 1
            continue
        ends = [end for end in (text.find(".", position), text.find("[", position)) if end >= 0]
        end = min(ends, default=len(text))
        if end < len(text) and text[end] == "[" and not _INDEX.match(text, end):
            end = min((e for e in (text.find(".", end),) if e >= 0), default=len(text))
        steps.append(text[position:end])
        if end == len(text):
            return steps
        position = end + (text[end] == ".")
    return steps


class NotThere(AicrError):
    """A selector that names nothing: the ``step`` that fails, and the keys that are there (None: no mapping)."""

    def __init__(
        self, message: str, hint: str | None, step: str, available: tuple[str, ...] | None
    ) -> None:
        super().__init__(Code.NOT_FOUND, message, hint=hint)
        self.step = step
        self.available = available


def select(document: Any, selector: str) -> Any:
    """Give the value that ``selector`` names; the whole document for "" and ".".

    Raises NotThere naming the selector, the part that fails, and what is there.
    """
    value = document
    walked = ""
    for step in steps_of(selector):
        place = walked or "the recipe"
        if isinstance(step, int):
            if not isinstance(value, list):
                raise _missing(selector, f"{place} is no list", step)
            if step >= len(value):
                raise _missing(selector, f"{place} has {len(value)} items", step)
            value = value[step]
            walked += f"[{step}]"
            continue
        if not isinstance(value, dict):
            what = "a list: use [n]" if isinstance(value, list) else "a single value"
            raise _missing(selector, f"{place} is {what}", step)
        if step not in value:
            close = nearest(step, value)
            hint = f'did you mean "{close}"?' if close else f"available: {', '.join(sorted(value))}"
            raise _missing(selector, f'{place} has no "{step}"', step, hint, tuple(sorted(value)))
        value = value[step]
        walked += f".{step}" if walked else step
    return value


def _missing(
    selector: str,
    message: str,
    step: str | int,
    hint: str | None = None,
    available: tuple[str, ...] | None = None,
) -> NotThere:
    return NotThere(f'selector "{selector}": {message}', hint, str(step), available)
