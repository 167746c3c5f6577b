"""Constraints of a recipe's phases: read as strictly, and evaluated as fully, as those at its top."""

from __future__ import annotations

import json
from typing import Any

import pytest
from validation_lab import Place, place

from aicr_core.kit.emit import to_yaml

__all__ = ["place"]


@pytest.mark.parametrize("phase", ["readiness", "deployment"])
def test_a_misspelt_reading_of_a_phase_names_the_nearest_and_its_place(
    place: Place, phase: str
) -> None:
    constraint = {"name": "K8s.server.verison", "value": ">= 1.30"}
    place.recipe(
        "good", phase="deployment", validation={phase: {"constraints": [constraint]}}
    )  # fmt: skip
    status, _, err = place.run("--readiness-unknown", "warn")
    assert status == 2
    assert "K8s.server.verison" in err
    assert "recipe.yaml:" in err
    assert 'did you mean "version"?' in err
    assert not place.cluster.requests


def test_a_misspelt_key_of_a_constraint_of_a_phase_is_refused(place: Place) -> None:
    constraint = {"name": "K8s.server.version", "value": ">= 1.30", "sevrity": "warning"}
    place.recipe("good", settings={"constraints": [constraint]})
    status, _, err = place.run()
    assert status == 2
    assert 'did you mean "severity"?' in err


def test_a_name_that_a_check_reads_is_no_reading(place: Place) -> None:
    place.change('description="later", call=good', 'description="l", call=good, constraints=("K8s.server.verison",)')  # fmt: skip
    settings = {"constraints": [{"name": "K8s.server.verison", "value": "1"}]}
    place.recipe("later", phase="conformance", settings=settings)
    status, tests, err = place.run("--phase", "conformance")
    assert (status, list(tests)) == (0, ["later"]), err


def test_a_phase_reads_the_numbers_of_json_as_the_gate_does(place: Place) -> None:
    reading = {"type": "K8s", "subtypes": [{"subtype": "server", "data": {"quota": 1500000}}]}
    text = json.dumps({"kind": "Snapshot", "measurements": [reading]})
    (place.folder / "snapshot.json").write_text(text)
    constraints = [{"name": "K8s.server.quota", "value": "1.5e+06"}]
    place.recipe("good", constraints=constraints, settings={"constraints": constraints})
    words = ["-s", "snapshot.json", "--phase", "deployment", "-t", "json", "-o", "report.json"]
    (place.folder / "snapshot.yaml").unlink()
    status = place.validate("-r", "recipe.yaml", *words)
    phases = json.loads((place.folder / "report.json").read_text())["phases"]
    assert {phase["name"]: phase["items"][0]["status"] for phase in phases} == {
        "readiness": "passed",
        "deployment": "passed",
    }
    assert status == 0


def test_a_constraint_of_a_phase_comes_with_a_remedy(place: Place) -> None:
    constraint = {"name": "K8s.server.version", "value": ">= 1.99"}
    place.recipe("good", settings={"constraints": [constraint]})
    status, tests, _ = place.run("--phase", "deployment")
    assert status == 8
    assert tests["K8s.server.version"]["extra"]["remediation"].startswith(
        "Upgrade the control plane"
    )


@pytest.mark.parametrize(
    "section", [{}, {"deployment": {"checks": []}}, {"deployment": {"timeout": "1m"}}]
)
def test_a_recipe_that_asks_for_nothing_is_told_so(place: Place, section: dict[str, Any]) -> None:
    (place.folder / "recipe.yaml").write_text(
        to_yaml({"kind": "RecipeResult", "validation": section})
    )
    for words in ([], ["--no-cluster"]):
        status, _, err = place.run(*words)
        assert status == 0
        assert "the recipe asks for nothing" in err


def test_a_recipe_that_asks_for_something_is_not_told_so(place: Place) -> None:
    constraints = [{"name": "K8s.server.version", "value": ">= 1.30"}]
    for more in ({"constraints": constraints}, {"settings": {"constraints": constraints}}):
        place.recipe(**more)
        assert "asks for nothing" not in place.run()[2]
