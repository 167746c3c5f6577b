"""What may still be chosen: over the whole grid exactly the values that some completion honours."""

from __future__ import annotations

import itertools
import os

import pytest

from aicr_core.api import AicrError, Session
from aicr_core.engine.criteria import TEXT_DIMENSIONS

Criteria = tuple[str, ...]


@pytest.fixture(scope="module")
def session() -> Session:
    made = Session({**os.environ, "AICR_INDEX": "off"})
    made.warm()
    return made


@pytest.fixture(scope="module")
def values(session: Session) -> dict[str, list[str]]:
    known = session.criteria_values()
    return {name: sorted(v for v in known[name] if v != "any") for name in TEXT_DIMENSIONS}


def _stated(criteria: Criteria) -> dict[str, str]:
    return {name: value for name, value in zip(TEXT_DIMENSIONS, criteria, strict=True) if value}


@pytest.fixture(scope="module")
def honoured(session: Session, values: dict[str, list[str]]) -> set[Criteria]:
    """Every combination that ``aicr recipe`` accepts: the resolver itself decides."""
    found = set()
    for criteria in itertools.product(*(["", *values[name]] for name in TEXT_DIMENSIONS)):
        try:
            session.recipe(_stated(criteria), nodes=0 if any(criteria) else 1)
        except AicrError:
            continue
        found.add(criteria)
    return found


def test_offered_is_what_some_recipe_honours(
    session: Session, values: dict[str, list[str]], honoured: set[Criteria]
) -> None:
    # Every partial choice that leads to an honoured combination.
    reachable = {
        tuple(value if kept else "" for value, kept in zip(criteria, mask, strict=True))
        for criteria in honoured
        for mask in itertools.product((True, False), repeat=len(TEXT_DIMENSIONS))
    }
    for criteria in itertools.product(*(["", *values[name]] for name in TEXT_DIMENSIONS)):
        offered = session.choices(_stated(criteria), values)
        assert (not offered["missing"]) == (criteria in honoured), criteria
        for place, name in enumerate(TEXT_DIMENSIONS):
            expected = [
                value
                for value in values[name]
                if (*criteria[:place], value, *criteria[place + 1 :]) in reachable
            ]
            assert offered["possible"][name] == expected, (criteria, name)


def test_a_value_that_is_not_allowed_is_no_way_either(
    session: Session, values: dict[str, list[str]]
) -> None:
    everything = session.choices({"service": "eks"}, values)["possible"]
    assert "h100" in everything["accelerator"]
    # H100 overlays of this service are for one intent or the other.
    without = session.choices({"service": "eks"}, {**values, "intent": []})["possible"]
    assert without["intent"] == []
    assert "h100" not in without["accelerator"]


def test_nodes_narrow_nothing_that_no_overlay_asks_for(
    session: Session, values: dict[str, list[str]]
) -> None:
    assert session.choices({"nodes": 8}, values) == session.choices({}, values)
