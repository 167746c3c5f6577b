"""Trees of plain values: mappings, lists, and what they hold in the end. Nothing is changed in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_SINGLE = frozenset({str, int, float, bool, type(None)})
"""What most are, and tells in one step that nothing is inside."""


def leaves(value: Any) -> list[Any]:
    """Give every value inside that is neither a mapping nor a list, in order; keys are none."""
    found: list[Any] = []
    _gather((value,), found)
    return found


def _gather(items: Iterable[Any], found: list[Any]) -> None:
    for item in items:
        if item.__class__ in _SINGLE:
            found.append(item)
        elif isinstance(item, dict):
            _gather(item.values(), found)
        elif isinstance(item, (list, tuple)):
            _gather(item, found)
        else:
            found.append(item)


def in_order(value: Any) -> Any:
    """Give the same tree with the keys of every mapping sorted, so that their order is no difference between files."""
    if isinstance(value, dict):
        return {key: in_order(value[key]) for key in sorted(value)}
    return [in_order(item) for item in value] if isinstance(value, (list, tuple)) else value
