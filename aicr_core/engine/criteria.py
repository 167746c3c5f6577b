"""Criteria: six dimensions, their values and aliases, and how a person's text becomes one of them.

The values come from plugins and from the catalogue (spec/recipe.md 2 and 22.4); this module knows the names
of the dimensions and the wildcard ``any`` only. A criteria document here holds concrete dimensions alone:
an absent dimension is ``any``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.kit.errors import AicrError, Code, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TEXT_DIMENSIONS = ("service", "accelerator", "intent", "os", "platform")
DIMENSIONS = (*TEXT_DIMENSIONS, "nodes")
ANY = "any"

ValueTable = dict[str, dict[str, dict[str, Any]]]


def empty_table() -> ValueTable:
    """Give a table with no value in any dimension."""
    return {name: {} for name in TEXT_DIMENSIONS}


def lookup(table: Mapping[str, Mapping[str, Any]], dimension: str, text: str) -> str | None:
    """Give the canonical value for ``text`` (trimmed, any case, alias), or None when it is unknown."""
    word = text.strip().lower()
    if word in ("", ANY):
        return ANY
    values = table.get(dimension, {})
    if word in values:
        return word
    for value, entry in values.items():
        if word in entry.get("aliases", ()):
            return value
    return None


def parse(
    table: Mapping[str, Mapping[str, Any]],
    way_to: Callable[[str, str], str | None],
    dimension: str,
    text: str,
    where: str,
) -> str:
    """Give the canonical value for a person's ``text``.

    ``way_to`` says how to get a value that is not there. Raises AicrError(INVALID_REQUEST) that names the
    nearest value and the list, or says that.
    """
    value = lookup(table, dimension, text)
    if value is not None:
        return value
    known = sorted(name for name in table.get(dimension, {}) if name != ANY)
    word = text.strip().lower()
    hint = way_to(dimension, word)
    if hint is None:
        close = nearest(word, known)
        start = f'did you mean "{close}"? ' if close else ""
        hint = f"{start}known values: {', '.join(known) or 'none (no plugin brings any)'}"
    raise AicrError(
        Code.INVALID_REQUEST, f'unknown {dimension} "{text.strip()}"', where=where, hint=hint
    )


def concrete(criteria: Mapping[str, Any]) -> dict[str, Any]:
    """Give the dimensions that are set, in fixed order; ``any``, empty and 0 nodes are left out."""
    found: dict[str, Any] = {
        name: criteria[name]
        for name in TEXT_DIMENSIONS
        if criteria.get(name) and criteria[name] != ANY
    }
    nodes = criteria.get("nodes")
    if nodes:
        found["nodes"] = nodes
    return found


def spelled_out(criteria: Mapping[str, Any]) -> dict[str, Any]:
    """Give criteria as a recipe shows them: ``any`` spelled out, ``nodes`` only when set."""
    shown: dict[str, Any] = {name: criteria.get(name) or ANY for name in TEXT_DIMENSIONS}
    if criteria.get("nodes"):
        shown["nodes"] = criteria["nodes"]
    return shown


def text(criteria: Mapping[str, Any]) -> str:
    """Give the form used in messages: ``service=x, nodes=8``, or ``any``."""
    return ", ".join(f"{name}={value}" for name, value in concrete(criteria).items()) or ANY
