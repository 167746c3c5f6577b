"""Every leaf recipe that is shipped: valid objects, a roll-out that ends, no value and no manifest lost."""

from __future__ import annotations

import pathlib

import pytest
from flux_lab import bundle
from plans import leaf_plan, leaves, objects, rendered

from aicr_core.api import parts

REPO = "https://git.example.com/bundle.git"


@pytest.mark.parametrize("name", sorted(leaves()))
def test_a_shipped_recipe(name: str, tmp_path: pathlib.Path) -> None:
    pytest.importorskip("helm_python")
    given = leaf_plan(name, "flux", tmp_path, repo=REPO)
    found = bundle(given)
    ready = found.roll_out()
    assert len(ready) == len(parts(given)) == len(found.releases)
    assert not found.of_kind("Kustomization")
    for release in given.releases:
        if release.kind == "helm":
            assert found.values(release.name) == release.values
    charts = [found.chart(part.name, tmp_path) for part in parts(given) if part.kind == "manifests"]
    assert rendered(charts) == objects(given)
    assert charts or name == "h100-kind-training"


def test_no_recipe_needs_the_placeholder_with_a_repository(tmp_path: pathlib.Path) -> None:
    found = bundle(leaf_plan("h100-eks-ubuntu-training-kubeflow", "flux", tmp_path, repo=REPO))
    assert not any(b"YOUR-ORG" in data for data in found.files.values())
    assert list(found.of_kind("GitRepository")) == ["git-example-com-bundle"]


def test_the_readme_names_every_release_in_order(tmp_path: pathlib.Path) -> None:
    given = leaf_plan("h100-eks-ubuntu-training-kubeflow", "flux", tmp_path)
    text = bundle(given).files["README.md"].decode()
    rows = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    assert rows[: len(parts(given))] == [part.name for part in parts(given)]
    assert "{{" not in text
    assert "{%" not in text
    assert "\n\n\n" not in text
