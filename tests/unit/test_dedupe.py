"""``aicr recipe dedupe``: what it proposes, done, changes no recipe."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from aicr_core.app.environment import Environment
from aicr_core.cli.root import run
from aicr_core.engine.catalogue import Catalogue
from aicr_core.engine.catalogue_build import from_directories
from aicr_core.engine.dedupe import proposals
from aicr_core.engine.recipes import resolve
from aicr_core.kit.emit import to_yaml
from aicr_core.model.settings import Settings

Document = dict[str, Any]


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    return Environment(Settings.from_env({})).catalogue()


def document(body: Document, kind: str = "RecipeMetadata") -> Document:
    fields = ("base", "criteria", "mixins", "constraints", "componentRefs", "validation")
    spec = {field: body[field] for field in fields if body.get(field) or body.get(field) == {}}
    return {
        "kind": kind, "apiVersion": body["apiVersion"], "metadata": {"name": body["name"]}, "spec": spec,
    }  # fmt: skip


def put(folder: pathlib.Path, catalogue: Catalogue, bodies: dict[str, Document]) -> None:
    (folder / "overlays").mkdir(parents=True)
    registry = {"kind": "ComponentRegistry", "components": list(catalogue.registry().values())}
    (folder / "registry.yaml").write_text(to_yaml(registry))
    for body in [catalogue.base(), *bodies.values()]:
        (folder / f"overlays/{body['name']}.yaml").write_text(to_yaml(document(body)))


def recipes(catalogue: Catalogue) -> dict[str, Document]:
    """Give what the criteria of every overlay come to, as far as a mixin may touch it."""
    found = {}
    for name in catalogue.names():
        criteria = catalogue.criteria_of(name)
        if criteria is not None:
            made = resolve(catalogue, criteria, allow_partial=True).document
            found[name] = {
                key: made.get(key) for key in ("constraints", "componentRefs", "validation")
            }
    return found


def without(body: Document, names: set[tuple[str, str]]) -> Document:
    lists = {
        kind: [item for item in body[kind] if (kind, item["name"]) not in names]
        for kind in ("constraints", "componentRefs")
    }
    return {**body, **lists}


def test_done_it_changes_no_recipe(shipped: Catalogue, tmp_path: pathlib.Path) -> None:
    bodies = {name: body for name in shipped.names() if (body := shipped.overlay(name))}
    before = recipes(shipped)
    found = proposals(shipped)
    assert found
    mixins = []
    for number, one in enumerate(found):
        items = {
            (kind, item["name"]) for kind in ("constraints", "componentRefs") for item in one[kind]
        }
        name = f"shared-{number}"
        for holder in [*one["overlays"], *one["repeated"]]:
            bodies[holder] = without(bodies[holder], items)
        for holder in one["overlays"]:
            bodies[holder] = {**bodies[holder], "mixins": [*bodies[holder]["mixins"], name]}
        mixins.append(
            {
                "name": name,
                "apiVersion": shipped.api_version,
                **{k: one[k] for k in ("constraints", "componentRefs")},
            }
        )
    put(tmp_path, shipped, bodies)
    (tmp_path / "mixins").mkdir()
    for mixin in mixins:
        text = to_yaml(document(mixin, "RecipeMixin"))
        (tmp_path / f"mixins/{mixin['name']}.yaml").write_text(text)
    after = from_directories([str(tmp_path)], criteria=shipped.criteria_values())  # type: ignore[arg-type]
    assert recipes(after) == before
    # And it is what was saved: as many entries of lists fewer as was said.
    count = sum(
        len(b[k]) for b in shipped_bodies(shipped) for k in ("constraints", "componentRefs")
    )
    left = sum(
        len(b[k]) for b in [*bodies.values(), *mixins] for k in ("constraints", "componentRefs")
    )
    assert count - left == sum(one["saved"] for one in found)
    assert not proposals(after)


def shipped_bodies(shipped: Catalogue) -> list[Document]:
    return [body for name in shipped.names() if (body := shipped.overlay(name))]


def test_what_the_later_reference_made_mixins_of_is_found(shipped: Catalogue) -> None:
    """Its catalogue has os-ubuntu, platform-inference and platform-kubeflow (spec/recipe.md 22.3)."""
    names = [
        {item["name"] for kind in ("constraints", "componentRefs") for item in one[kind]}
        for one in proposals(shipped)
    ]
    assert {
        "OS.release.ID",
        "OS.release.VERSION_ID",
        "OS.sysctl./proc/sys/kernel/osrelease",
    } in names
    assert {"kgateway", "kgateway-crds"} in names
    assert {"kubeflow-trainer"} in names


def test_the_command(capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path) -> None:
    assert run(["recipe", "dedupe"]) == 0
    assert capsys.readouterr().out.startswith("SAVED  SAYS ")
    assert run(["recipe", "dedupe", "-t", "json"]) == 0
    first = json.loads(capsys.readouterr().out)[0]
    assert first["saved"] == (len(first["overlays"]) - 1) * 3 + len(first["repeated"]) * 3
    (tmp_path / "overlays").mkdir()
    (tmp_path / "registry.yaml").write_text("components: []\n")
    (tmp_path / "overlays/base.yaml").write_text("kind: RecipeMetadata\nmetadata: {name: base}\n")
    assert run(["recipe", "dedupe", "--data", str(tmp_path), "--external-only"]) == 0
    assert capsys.readouterr().out == "Nothing: no two overlays say the same.\n"
    assert run(["recipe", "dedupe", "-t", "sarif"]) == 2
