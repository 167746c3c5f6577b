"""The engine for programs: what a session gives does not depend on what it gave before, and equals the command line."""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from aicr_core.api import AicrError, BundleRequest, Session, Text
from aicr_core.cli.root import run

DIMENSIONS = ("service", "accelerator", "intent", "os", "platform")


@pytest.fixture(scope="module")
def session() -> Session:
    made = Session({**os.environ, "AICR_INDEX": "off"})
    made.warm()
    return made


def _grid(session: Session) -> list[dict[str, str]]:
    values = session.criteria_values()
    choices = [["", *(value for value in values[name] if value != "any")] for name in DIMENSIONS]
    return [
        {name: value for name, value in zip(DIMENSIONS, picked, strict=True) if value}
        for picked in itertools.product(*choices)
    ]


def _answers(session: Session, grid: list[dict[str, str]]) -> list[str]:
    def answer(criteria: dict[str, str]) -> str:
        made = session.recipe(criteria, nodes=0 if criteria else 1, allow_partial=True)
        return json.dumps([made.document, session.hydrated(made.document)], sort_keys=True)

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(answer, grid))


def test_the_whole_grid_in_any_order_gives_the_same_answers(session: Session) -> None:
    """The reference answers wrongly in half of the grid once other requests were served (spec/server.md D1)."""
    grid = _grid(session)
    assert len(grid) == 1620
    first = dict(zip(map(str, grid), _answers(session, grid), strict=True))
    for seed in (1, 2):
        random.Random(seed).shuffle(grid)
        again = _answers(session, grid)
        assert [first[str(criteria)] for criteria in grid] == again
    fresh = Session({**os.environ, "AICR_INDEX": "off"})
    for criteria in random.Random(3).sample(grid, 40):
        assert _answers(fresh, [criteria]) == [first[str(criteria)]]


def test_a_bundle_in_memory_is_the_one_on_disk(
    session: Session, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["--service", "eks", "--accelerator", "h100", "--intent", "training", "--os", "ubuntu"]
    assert run(["recipe", *words, "--format", "json", "-o", "recipe.json"]) == 0
    assert run(["bundle", "-r", "recipe.json", "-o", "bundle", "--set", "gpuoperator:a=1"]) == 0
    text = Text((tmp_path / "recipe.json").read_bytes())
    made = session.bundle(BundleRequest(recipe=text.source, set_values=("gpuoperator:a=1",)))
    disk = {
        str(path.relative_to("bundle")): path.read_bytes()
        for path in pathlib.Path("bundle").rglob("*")
        if path.is_file()
    }
    assert {file.path: file.data for file in made.files} == disk


def test_constraints_are_held_to_a_snapshot_without_a_cluster(session: Session) -> None:
    recipe: dict[str, Any] = {
        "kind": "RecipeResult",
        "apiVersion": "aicr.nvidia.com/v1alpha1",
        "constraints": [{"name": "OS.release.ID", "value": "ubuntu"}],
        "componentRefs": [],
    }
    snapshot = {
        "kind": "Snapshot",
        "apiVersion": "aicr.nvidia.com/v1alpha1",
        "measurements": [
            {"type": "OS", "subtypes": [{"subtype": "release", "data": {"ID": "rhel"}}]}
        ],
    }
    report = session.validate(
        Text(json.dumps(recipe).encode()), Text(json.dumps(snapshot).encode())
    )
    gate = next(phase for phase in report.phases if phase.name == "readiness")
    assert gate.status == "failed"


def test_nothing_a_document_names_is_fetched(session: Session, tmp_path: pathlib.Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text("password: hunter2\n")
    recipe = {
        "kind": "RecipeResult",
        "componentRefs": [
            {"name": "nvsentinel", "namespace": "n", "type": "Helm", "source": "https://e.example",
             "version": "1", "valuesFile": str(secret)}
        ],
    }  # fmt: skip
    with pytest.raises(AicrError) as caught:
        session.bundle(BundleRequest(recipe=Text(json.dumps(recipe).encode()).source))
    assert "hunter2" not in str(caught.value)
    with pytest.raises(AicrError, match="must be a mapping"):
        session.recipe(document=Text(b'"http://127.0.0.1:1/x"'))


def test_what_is_installed(session: Session) -> None:
    assert "helm" in session.deployers()
    assert "gpu-operator" in session.components()
    assert any(row["name"] == "helm" for row in session.plugins())
    assert any(row["name"] == "eks" for row in session.overlays())
