"""Refuse a recipe that does not honour what the user stated (spec/beyond.md F1 to F3 and 2.1).

For each text dimension that was stated, some applied overlay must carry exactly that value. What would help
is worked out from the catalogue: which further criteria bring an overlay that carries the value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.engine.criteria import TEXT_DIMENSIONS, concrete, text
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from aicr_core.engine.catalogue import Catalogue

Document = dict[str, Any]


class Excluded(NamedTuple):
    """What a snapshot excludes: names of overlays, and a record for each constraint that failed."""

    names: list[str]
    warnings: list[Document]


NOTHING = Excluded([], [])
_SHOWN = 6
"""Names or criteria sets that a message lists."""


def uncovered(
    criteria: Mapping[str, Any], applied: Iterable[Document], dimensions: Collection[str]
) -> list[str]:
    """Give the dimensions, of those asked about, whose value no applied overlay carries."""
    carried = {
        (name, value) for overlay in applied for name, value in (overlay["criteria"] or {}).items()
    }
    wanted = concrete(criteria)
    return [
        name
        for name in TEXT_DIMENSIONS
        if name in wanted and name in dimensions and (name, wanted[name]) not in carried
    ]


def _carriers(catalogue: Catalogue, dimension: str, value: Any) -> list[Document]:
    """Give the criteria of the overlays that carry a value, in the order of their names; kept with the catalogue."""
    key = ("carriers", dimension, value)
    found: list[Document] | None = catalogue.memo.get(key)
    if found is None:
        every = (catalogue.criteria_of(name) for name in catalogue.names())
        found = [carried for carried in every if carried and carried.get(dimension) == value]
        catalogue.memo[key] = found
    return found


def completions(
    catalogue: Catalogue, criteria: Mapping[str, Any], dimension: str
) -> dict[tuple[str, ...], list[Document]]:
    """Give what would bring the value: missing dimensions -> the criteria sets that would do."""
    wanted = concrete(criteria)
    found: dict[tuple[str, ...], list[Document]] = {}
    for carried in _carriers(catalogue, dimension, wanted[dimension]):
        if any(wanted.get(key, value) != value for key, value in carried.items()):
            continue
        missing = {key: value for key, value in carried.items() if key not in wanted}
        group = found.setdefault(tuple(missing), [])
        if missing not in group:
            group.append(missing)
    if found:
        least = min(len(group) for group in found)
        found = {names: sets for names, sets in found.items() if len(names) == least}
    return found


def _lost(
    catalogue: Catalogue, criteria: Mapping[str, Any], dimension: str, excluded: Excluded
) -> list[str]:
    """Give the excluded overlays that carry the value."""
    return [
        name
        for name in excluded.names
        if (catalogue.criteria_of(name) or {}).get(dimension) == criteria[dimension]
    ]


def _explain(
    catalogue: Catalogue, criteria: Mapping[str, Any], dimension: str, excluded: Excluded
) -> str:
    value = f"{dimension}={criteria[dimension]}"
    lost = _lost(catalogue, criteria, dimension, excluded)
    if lost:
        return f"{value} is carried by {_list(lost, ', ')}, which the snapshot excludes"
    ways = completions(catalogue, criteria, dimension)
    if ways:
        options = []
        for names, sets in sorted(ways.items()):
            if len(names) == 1:
                values = ", ".join(sorted({str(one[names[0]]) for one in sets}))
                options.append(f"{names[0]} ({values})")
            else:
                options.append(" or ".join(sorted({f"({text(one)})" for one in sets})))
        return f"{value} needs {' or '.join(options)}"
    partners = sorted(
        {text(carried) for carried in _carriers(catalogue, dimension, criteria[dimension])}
    )
    if partners:
        return f"{value} is only covered together with: {_list(partners, '; ')}"
    said = f"{value} is carried by no overlay of the installed catalogue"
    without = [f"{name} (base {base})" for name, base in sorted(catalogue.inactive().items())]
    if without:
        # One of these is most likely meant: its author misspelt the base, or its user lacks the package.
        said += f"; left out, as their base is in no installed plugin: {_list(without, ', ')}"
    return said


def _list(items: list[str], separator: str) -> str:
    return separator.join([*items[:_SHOWN], "..."] if len(items) > _SHOWN else items)


def refuse(
    catalogue: Catalogue,
    criteria: Mapping[str, Any],
    dimensions: list[str],
    excluded: Excluded = NOTHING,
) -> AicrError:
    """Make the error for uncovered dimensions: what is not covered and what would cover it."""
    names = ", ".join(f"{name}={criteria[name]}" for name in dimensions)
    reasons = [_explain(catalogue, criteria, name, excluded) for name in dimensions]
    hint = "add the missing criteria, see `aicr recipe list`"
    carriers = [n for name in dimensions for n in _lost(catalogue, criteria, name, excluded)]
    if carriers:
        own = [record for record in excluded.warnings if record["overlay"] in carriers]
        first = (own or excluded.warnings)[0]
        reasons.append(f"{first['overlay']}: {first['constraint']}: {first['reason']}")
        hint = "bring the cluster to what the overlay needs"
    return AicrError(
        Code.INVALID_REQUEST,
        f"no overlay covers {names} with the other criteria given: {'; '.join(reasons)}",
        hint=f"{hint}, or take the smaller recipe of `aicr recipe --allow-partial`",
    )


def warn(
    catalogue: Catalogue,
    criteria: Mapping[str, Any],
    dimensions: list[str],
    excluded: Excluded = NOTHING,
) -> list[str]:
    """Give one warning for each uncovered dimension of a recipe that is made all the same."""
    return [
        f"{name}={criteria[name]} has no effect on this recipe: "
        f"{_explain(catalogue, criteria, name, excluded)}"
        for name in dimensions
    ]
