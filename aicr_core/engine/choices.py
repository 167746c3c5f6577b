"""Which criteria values are still worth offering when some are chosen: those that can end in a recipe of their own.

A choice is *completable* when further criteria exist with which every value that is stated is carried by an overlay
that applies, which is what ``engine.coverage`` demands. Pages and prompts ask this, so that nobody picks what is
refused later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.engine.criteria import TEXT_DIMENSIONS, concrete

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.engine.catalogue import Catalogue

Document = dict[str, Any]
Pair = tuple[str, Any]


class _Way(NamedTuple):
    """An overlay: the criteria with which it applies, and what is carried then (its own and its ancestors' values)."""

    needs: Document
    carries: frozenset[Pair]


def possible(
    catalogue: Catalogue,
    criteria: Mapping[str, Any],
    values: Mapping[str, list[str]],
) -> dict[str, list[str]]:
    """Give, for each dimension, the values of ``values`` that can stand in it beside what the others state.

    ``values`` are all that may be chosen: no completion uses another. What ``criteria`` state in a dimension does not
    narrow that dimension itself, so a choice can be changed.
    """
    ways = _ways(catalogue)
    wanted = concrete(criteria)
    allowed = {name: set(values.get(name, ())) for name in TEXT_DIMENSIONS}
    found = {}
    for dimension in TEXT_DIMENSIONS:
        others = {name: value for name, value in wanted.items() if name != dimension}
        found[dimension] = [
            value
            for value in values.get(dimension, ())
            if _completable(ways, allowed, {**others, dimension: value}, frozenset())
        ]
    return found


def _ways(catalogue: Catalogue) -> Mapping[Pair, list[_Way]]:
    """Give the overlays that carry a value, by value; kept with the catalogue."""
    known: dict[Pair, list[_Way]] | None = catalogue.memo.get("choices")
    if known is not None:
        return known
    found: dict[Pair, list[_Way]] = {}
    for name in catalogue.names():
        needs = catalogue.criteria_of(name)
        if needs is None:
            continue
        carries: set[Pair] = set()
        current = name
        while current:
            carries.update((catalogue.criteria_of(current) or {}).items())
            current = catalogue.parent_of(current) or ""
        way = _Way(needs, frozenset(carries))
        for pair in way.carries:
            if way not in found.setdefault(pair, []):
                found[pair].append(way)
    for ways in found.values():
        ways.sort(key=lambda way: len(way.needs))
    catalogue.memo["choices"] = found
    return found


def _completable(
    ways: Mapping[Pair, list[_Way]],
    allowed: Mapping[str, set[str]],
    stated: Document,
    carried: frozenset[Pair],
) -> bool:
    """Tell whether overlays that do not contradict each other carry all that is stated, and all that they need."""
    open_ = [pair for pair in stated.items() if pair[0] in TEXT_DIMENSIONS and pair not in carried]
    if not open_:
        return True
    for way in ways.get(open_[0], ()):
        fits = all(
            stated.get(name, value) == value and (name not in allowed or value in allowed[name])
            for name, value in way.needs.items()
        )
        # What applies with fewer criteria applies with more of them too, so nothing that is carried is lost.
        if fits and _completable(ways, allowed, {**stated, **way.needs}, carried | way.carries):
            return True
    return False
