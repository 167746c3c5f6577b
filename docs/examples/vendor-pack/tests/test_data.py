"""Which recipes hold the operator with which values, and that what stands in the data is sound."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from aicr_core.api import Session

DATA = Path(str(files("aicr_fathom"))) / "data"
COMPONENT = "fathom-operator"


def recipe(**criteria: str) -> dict[str, Any]:
    return Session().recipe(criteria).document


def components(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {ref["name"]: ref for ref in document["componentRefs"]}


@pytest.mark.parametrize("service", ["eks", "gke"])
def test_training_recipes_hold_the_operator_with_the_clouds_values(service: str) -> None:
    ref = components(recipe(service=service, intent="training"))[COMPONENT]
    assert ref["valuesFile"] == f"components/{COMPONENT}/values-{service}.yaml"
    assert ref["dependencyRefs"] == ["cert-manager"]
    assert ref["version"] == "4.2.1"


def test_they_ask_for_the_check_and_say_which_clients_will_do() -> None:
    phase = recipe(service="eks", intent="training")["validation"]["deployment"]
    assert "fathom-clients" in phase["checks"]
    assert {"name": "Fathom.client.version", "value": ">= 4.2"} in phase["constraints"]


def test_other_recipes_do_not_hold_it() -> None:
    assert COMPONENT not in components(recipe(service="eks", intent="inference"))


@pytest.mark.parametrize("path", sorted(DATA.glob("overlays/*.yaml")), ids=lambda path: path.name)
def test_an_overlay_is_sound(path: Path) -> None:
    findings = Session().lint([str(path)])["findings"]
    assert [one for one in findings if one["severity"] in ("error", "warning")] == []
