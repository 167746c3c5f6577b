"""Use case ``recipe coverage``: which combinations of criteria give a recipe, which checks it names, how sound it is.

A cell of the matrix is one value in each of the chosen dimensions. Prints nothing.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.app.criteria import known_values
from aicr_core.app.listing import health_of
from aicr_core.app.recipe import RecipeRequest, catalogue_for
from aicr_core.engine import criteria as criteria_of
from aicr_core.engine.criteria import ANY, TEXT_DIMENSIONS
from aicr_core.engine.recipes import resolve
from aicr_core.kit.errors import AicrError, Code, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aicr_core.app.environment import Environment
    from aicr_core.engine.catalogue import Catalogue

Document = dict[str, Any]
DIMENSIONS = TEXT_DIMENSIONS[:3]
"""What the matrix is made of when nothing else is asked for."""
YES, NEEDS, NO = "yes", "needs", "no"


class CoverageRequest(NamedTuple):
    """What a user asks for: the dimensions of the matrix; the flags of ``recipe`` hold the others, and narrow these."""

    recipe: RecipeRequest
    dimensions: tuple[str, ...] = DIMENSIONS


def coverage(environment: Environment, request: CoverageRequest) -> Document:
    """Give the matrix: ``{dimensions, fixed, cells, missing, summary}``.

    A cell has ``criteria`` and ``resolves``: ``yes``, ``needs`` with the criteria that it takes besides, or ``no``.
    Where there is a recipe, ``overlay`` is the last one applied, ``checks`` are counted by phase, and ``health`` is as
    in ``recipe list``. Raises AicrError for a value or dimension nobody knows.
    """
    catalogue = catalogue_for(environment, request.recipe)
    values = known_values(environment, catalogue, strict=request.recipe.criteria_strict)
    if not request.dimensions:
        raise AicrError(
            Code.INVALID_REQUEST, "no dimension is named", where="--dimensions",
            hint=f"some of {', '.join(TEXT_DIMENSIONS)}",
        )  # fmt: skip
    for name in request.dimensions:
        if name not in TEXT_DIMENSIONS:
            close = nearest(name, TEXT_DIMENSIONS)
            raise AicrError(
                Code.INVALID_REQUEST, f'no dimension "{name}"', where="--dimensions",
                hint=f'did you mean "{close}"?' if close else f"one of {', '.join(TEXT_DIMENSIONS)}",
            )  # fmt: skip
    fixed = {
        name: criteria_of.parse(values, environment.index.way_to, name, text, f"--{name}")
        for name, text in request.recipe.flags.items()
    }
    cells = [
        _cell(catalogue, wanted) for wanted in _combinations(values, request.dimensions, fixed)
    ]
    missing = [cell["criteria"] for cell in cells if cell["resolves"] == NO]
    there = [cell for cell in cells if cell["resolves"] != NO]
    return {
        "dimensions": list(dict.fromkeys(request.dimensions)),
        "fixed": fixed,
        "cells": cells,
        "missing": missing,
        "summary": {
            "cells": len(cells),
            "resolve": sum(cell["resolves"] == YES for cell in cells),
            "needMore": sum(cell["resolves"] == NEEDS for cell in cells),
            "missing": len(missing),
            "unchecked": sum(not any(cell["checks"].values()) for cell in there),
            "unhealthy": sum(cell["health"] != "pass" for cell in there),
        },
    }


def _combinations(
    values: Mapping[str, Mapping[str, Any]], dimensions: Sequence[str], fixed: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    axes = []
    for name in dict.fromkeys((*dimensions, *fixed)):
        known = sorted(value for value in values.get(name, {}) if value != ANY)
        axes.append([(name, value) for value in ([fixed[name]] if name in fixed else known)])
    for chosen in product(*axes):
        found = dict(chosen)
        yield {name: found[name] for name in TEXT_DIMENSIONS if found.get(name, ANY) != ANY}


def _cell(catalogue: Catalogue, criteria: dict[str, str]) -> Document:
    more = _needed(catalogue, criteria)
    if more is None:
        return {"criteria": criteria, "resolves": NO}
    whole = {**criteria, **more[0]} if more else criteria
    health = health_of(catalogue, whole)
    if health["dimensions"]["resolves"] == "fail":
        told = {key: health[key] for key in ("status", "problems")}
        return {
            "criteria": criteria,
            "resolves": NO,
            "health": told["status"],
            "problems": told["problems"],
        }
    found = resolve(catalogue, whole, allow_partial=True).document
    cell: Document = {"criteria": criteria, "resolves": NEEDS if more else YES}
    if more:
        cell["needs"] = more
    return {
        **cell,
        "overlay": found["metadata"]["appliedOverlays"][-1],
        "checks": {
            name: len(phase["checks"]) for name, phase in health.get("coverage", {}).items()
        },
        "health": health["status"],
        **({"problems": health["problems"]} if health.get("problems") else {}),
    }


def _needed(catalogue: Catalogue, criteria: dict[str, str]) -> list[Document] | None:
    """Give what has to be said besides: nothing, one of some sets of criteria, or None where nothing helps.

    An overlay of these very criteria has to say itself why it does not resolve. Further criteria are those of the
    overlays that carry all that is wanted, the smallest sets of them.
    """
    try:
        resolve(catalogue, criteria)
    except AicrError as error:
        if error.code is not Code.INVALID_REQUEST:
            raise
    else:
        return []
    found: list[Document] = []
    for name in catalogue.names():
        carried = catalogue.criteria_of(name) or {}
        if criteria.items() <= carried.items():
            more = {key: value for key, value in carried.items() if key not in criteria}
            if not more:
                return []
            if more not in found:
                found.append(more)
    least = min(map(len, found), default=0)
    smallest = [more for more in found if len(more) == least]
    return sorted(smallest, key=lambda more: list(more.items())) or None
