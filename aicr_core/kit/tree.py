"""Trees of plain values: mappings, lists, and what they hold in the end. Nothing is changed in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def leaves(value: Any) -> Iterator[Any]:
    """Give every value inside that is neither a mapping nor a list; keys are none."""
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def in_order(value: Any) -> Any:
    """Give the same tree with the keys of every mapping sorted, so that their order is no difference between files."""
    if isinstance(value, dict):
        return {key: in_order(value[key]) for key in sorted(value)}
    return [in_order(item) for item in value] if isinstance(value, (list, tuple)) else value
