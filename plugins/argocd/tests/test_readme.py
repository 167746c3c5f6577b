"""The README of a bundle, and what is printed: nothing a recipe holds breaks a table or a command."""

from __future__ import annotations

import re
import shlex
import subprocess
from typing import Any

import pytest
from aicr_argocd import chart, repository
from argocd_lab import files, manifest, plan, release

from aicr_core.api import Artifact, BundlePlan

DEPLOYERS = {"argocd": repository, "argocd-helm": chart}
HOSTILE = "v9 | x\n# Title\n```\n$(id) `id` <b> {{ x }} {% y %} | z"
SETTINGS = {"cascadeDelete": "true", "project": "gpu", "destinationServer": "https://k:6443"}


def _plans() -> dict[str, BundlePlan]:
    archive = Artifact(path="charts/p-1.tgz", data=b"x")
    items = (
        release(
            "a", manifests=(manifest(), manifest("b.yaml")), pre_manifests=("manifests/c.yaml",)
        ),
        release("k", kind="kustomize", repository="https://example.com/r", path="p", tag="v|1"),
        release("m", kind="manifests", manifests=(manifest(),), tier=1),
        release("nothing", kind="manifests"),
        release("o", repository="oci://reg/x", version="v1"),
        release("p", archive=archive, dynamic={"x": {"y it's": None}}),
    )
    hostile: dict[str, Any] = {
        "recipe_version": HOSTILE,
        "criteria": {"service": HOSTILE, "os": "any"},
        "constraints": ({"name": HOSTILE, "value": HOSTILE}, {"name": "K8s.server.version", "value": ">= 1.30"}),
        "notes": (HOSTILE,),
        "settings": SETTINGS,
        "serial": True,
    }  # fmt: skip
    return {
        "plain": plan(*items),
        "nobody": plan(*items, repo=""),
        "hostile": plan(*items, **hostile),
        "published": plan(*items, destination="oci://reg.example/p:v1", repo=""),
        "small": plan(release("a")),
    }


@pytest.fixture(params=[(d, p) for d in DEPLOYERS for p in _plans()], ids="-".join)
def readme(request: pytest.FixtureRequest) -> str:
    deployer, name = request.param
    return files(deployer, _plans()[name])["README.md"].decode()


def test_tables_are_tables(readme: str) -> None:
    """Every row has as many cells as its header, and stands on one line."""
    for block in re.findall(r"(?:^\|.*\n)+", readme, re.MULTILINE):
        rows = block.splitlines()
        assert re.fullmatch(r"\|( --- \|)+", rows[1]), block
        cells = {len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in rows}
        assert len(cells) == 1, block
    assert "# Title" not in readme.splitlines()


def test_headings_and_fences_are_ours(readme: str) -> None:
    outside = re.split(r"^ *```.*$", readme, flags=re.MULTILINE)[::2]
    headings = [line for part in outside for line in part.splitlines() if line.startswith("#")]
    known = {
        "# Argo CD bundle", "# Argo CD bundle: one chart", "## Overview", "## Components, in order of deployment",
        "## Constraints", "## Before you start", "## Deploy", "## Files", "## Waves", "## Customization", "## Uninstall",
        "## Troubleshooting", "## References",
    }  # fmt: skip
    assert set(headings) <= known
    assert len(headings) == len(set(headings)) >= 10
    assert readme.count("```") % 2 == 0
    assert "\n\n\n" not in readme
    assert readme.endswith("\n")


def test_commands_are_shell(readme: str) -> None:
    blocks = re.findall(r"^( *)```sh\n(.*?)^ *```$", readme, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 3
    for _, text in blocks:
        subprocess.run(["bash", "-n"], input=text, text=True, check=True)
        assert "$(id)" not in text


def test_what_the_recipe_holds_is_shown() -> None:
    for deployer in DEPLOYERS:
        text = files(deployer, _plans()["hostile"])["README.md"].decode()
        for part in ("v\\|1", "none: it installs nothing", "\\>= 1.30", "$(id)", "https://k:6443"):
            assert part in text, part
    made = files("argocd", _plans()["plain"])["README.md"].decode()
    assert "| 0 | a-pre |" in made
    assert "| 1 | a, k, o, p |" in made
    assert "| 2 | a-post |" in made
    assert "| 5 | m |" in made


@pytest.mark.parametrize("name", list(_plans()))
@pytest.mark.parametrize("deployer", list(DEPLOYERS))
def test_notes_and_steps_are_one_line_each(deployer: str, name: str) -> None:
    module, of = DEPLOYERS[deployer], _plans()[name]
    lines = [*module.notes(of), *module.steps(of, "/tmp/my bundle's")]
    assert all(line.strip() == line and "\n" not in line for line in lines)
    run = [
        line
        for line in module.steps(of, "/tmp/my bundle's")
        if line.startswith(("kubectl", "helm"))
    ]
    assert "/tmp/my bundle's" in " ".join(shlex.split(run[-1])), "quoted as a shell reads it"


def test_a_bundle_without_a_repository_says_so() -> None:
    of = _plans()["nobody"]
    first = repository.notes(of)[0]
    assert "argocd" in first
    assert "--repo" in first
    assert "repoURL" in chart.notes(of)[0]
    assert not [note for note in repository.notes(plan(release("a"))) if "--repo" in note]


def test_charts_of_registries_are_noted_where_named_as_before() -> None:
    item = release("o", repository="oci://reg/x", version="v1")
    legacy = repository.notes(plan(item, settings={"ociCharts": "legacy"}))
    assert [note for note in legacy if "deployer:ociCharts" in note]
    assert not repository.notes(plan(item))
    assert not repository.notes(plan(item, repo="", destination="oci://reg.example/p:v1"))
