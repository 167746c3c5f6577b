"""The bundles of every leaf recipe that we ship are clean: `aicr bundle check`, stage A, finds nothing but what is listed."""

from __future__ import annotations

import os
import pathlib

import pytest
from bundle_lab import check

from aicr_core.app.bundle import write_bundle
from aicr_core.app.bundle_request import BundleRequest
from aicr_core.app.environment import Environment
from aicr_core.app.listing import overlays
from aicr_core.app.recipe import RecipeRequest
from aicr_core.engine.recipes import resolve
from aicr_core.kit.emit import to_yaml
from aicr_core.model.settings import Settings

KNOWN = {
    ("AB411", "gke-nccl-tcpxo"): "the reference's manifest names the image `ubuntu` without a tag, and ours agrees with it",
}  # fmt: skip


@pytest.mark.parametrize("deployer", ["helm", "argocd", "flux"])
def test_shipped_leaves(tmp_path: pathlib.Path, deployer: str) -> None:
    environment = Environment(Settings.from_env(os.environ))
    catalogue = environment.catalogue()
    leaves = [row for row in overlays(environment, RecipeRequest(), health=False) if row["is_leaf"]]
    assert len(leaves) > 10
    seen = set()
    for row in leaves:
        if not row["criteria"].get("service"):
            continue
        recipe = resolve(catalogue, row["criteria"]).document
        (tmp_path / "recipe.yaml").write_text(to_yaml(recipe))
        folder = tmp_path / row["name"]
        request = BundleRequest(
            recipe=str(tmp_path / "recipe.yaml"), output=str(folder), deployer=deployer,
            repo="https://git.example.com/stack.git",
        )  # fmt: skip
        write_bundle(environment, request)
        report = check(environment, folder)
        assert [stage.status for stage in report.stages] == ["ran", "not run"]
        found = {(finding.rule, finding.component): finding for finding in report.findings}
        unknown = [finding for key, finding in found.items() if key not in KNOWN]
        assert not unknown, row["name"]
        assert report.failing == 0
        seen |= set(found)
    assert seen == set(KNOWN), "an entry of the list is needed no more"
