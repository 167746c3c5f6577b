"""Criteria as one text, values with ``/`` between them in any order: each tells by itself which dimension it is of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.engine.criteria import ANY, DIMENSIONS, TEXT_DIMENSIONS, lookup, parse
from aicr_core.kit.errors import AicrError, Code, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Values = Mapping[str, Mapping[str, Any]]


def parse_text(
    text: str, values: Values, way_to: Callable[[str, str], str | None]
) -> dict[str, Any]:
    """Give the criteria that a text means; ``service=VALUE`` says the dimension, ``nodes=8`` a number of nodes.

    Raises AicrError(INVALID_REQUEST): for a value nobody knows (with the nearest), one of two dimensions, and a
    dimension that is said twice.
    """
    found: dict[str, Any] = {}
    for part in text.split("/"):
        word = part.strip()
        if not word:
            raise _wrong(text, "a part is empty", "write values with one / between them")
        name, equals, value = word.partition("=")
        if equals and not value.strip():
            raise _wrong(text, f'"{word}" has no value', "write a value behind the =")
        if equals:
            dimension, known = _stated(text, name.strip(), value, values, way_to)
        else:
            dimension, known = _recognised(text, word, values, way_to)
        if dimension in found:
            raise _wrong(
                text, f"{dimension} is given twice: {found[dimension]} and {known}", "leave one out"
            )
        found[dimension] = known
    return found


def _wrong(text: str, message: str, hint: str) -> AicrError:
    return AicrError(Code.INVALID_REQUEST, message, where=text, hint=hint)


def _stated(
    text: str,
    name: str,
    value: str,
    values: Values,
    way_to: Callable[[str, str], str | None],
) -> tuple[str, Any]:
    if name == "nodes":
        if not (value.isascii() and value.isdecimal() and 0 < int(value) < 2**63):
            raise _wrong(text, f'nodes is "{value}"', "give a positive number")
        return name, int(value)
    if name not in TEXT_DIMENSIONS:
        close = nearest(name, DIMENSIONS)
        hint = f'did you mean "{close}"?' if close else f"dimensions: {', '.join(DIMENSIONS)}"
        raise _wrong(text, f'no dimension "{name}"', hint)
    return name, parse(values, way_to, name, value, text)


def _recognised(
    text: str, word: str, values: Values, way_to: Callable[[str, str], str | None]
) -> tuple[str, str]:
    hits = {
        dimension: known
        for dimension in TEXT_DIMENSIONS
        if (known := lookup(values, dimension, word)) not in (None, ANY)
    }
    if len(hits) == 1:
        ((dimension, value),) = hits.items()
        return dimension, str(value)
    if hits:
        ways = " or ".join(f"{dimension}={word}" for dimension in hits)
        raise _wrong(text, f'"{word}" is a value of {" and ".join(hits)}', f"write {ways}")
    every = sorted({value for known in values.values() for value in known if value != ANY})
    close = nearest(word.lower(), every)
    found = (way_to(dimension, word.lower()) for dimension in TEXT_DIMENSIONS)
    meant = f'did you mean "{close}"?' if close else f"known: {', '.join(every)}"
    hint = next((way for way in found if way), meant)
    raise _wrong(text, f'"{word}" is no value of any dimension', hint)
