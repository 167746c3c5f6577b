"""What every deployer is handed: releases with tiers, and the settings that it declares."""

from __future__ import annotations

import pathlib
import sys
from typing import Any

import pytest
from distributions import distribution

from aicr_core.cli.root import run
from aicr_core.engine.deployers import settings, split
from aicr_core.kit.emit import to_yaml
from aicr_core.kit.errors import AicrError
from aicr_core.plugins.providers import DeployerOption

OPTIONS = (DeployerOption(name="project", description="p", default="default"),)
HOOKS = """
from aicr_core import api
def deploy(ctx, plan):
    lines = [f"{r.name} {r.tier} {','.join(r.depends_on)}" for r in plan.releases]
    text = "\\n".join([*lines, f"{plan.settings} {plan.serial}"])
    yield api.Artifact(path="plan.txt", data=text.encode())
@api.hookimpl
def aicr_deployers():
    yield api.Deployer(name="paper", title="Paper", call=deploy, steps=lambda plan, directory: [],
                       options=(api.DeployerOption(name="ink", description="colour", default="blue"),))
"""


def _ref(name: str, *needs: str) -> dict[str, Any]:
    return {"name": name, "namespace": name, "type": "Helm", "source": "https://e.example", "version": "1",
            "dependencyRefs": list(needs)}  # fmt: skip


@pytest.fixture
def recipe(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    site = tmp_path / "site"
    site.mkdir()
    distribution(site, "paper", 'name = "paper"\nhooks = ["aicr_deployers"]\n', HOOKS)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("AICR_INDEX_DIR", str(tmp_path / "index"))
    monkeypatch.chdir(tmp_path)
    for module in ("aicr_paper", "aicr_paper.hooks"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    refs = [_ref("a"), _ref("b"), _ref("c", "a"), _ref("d", "b", "c")]
    document = {
        "kind": "RecipeResult",
        "componentRefs": refs,
        "deploymentOrder": ["a", "b", "c", "d"],
    }
    (tmp_path / "recipe.yaml").write_text(to_yaml(document))
    return tmp_path


def test_releases_have_tiers_and_edges(recipe: pathlib.Path) -> None:
    assert run(["bundle", "-r", "recipe.yaml", "-o", "out", "-d", "paper", "--lenient"]) == 0
    lines = (recipe / "out/plan.txt").read_text().splitlines()
    assert lines == ["a 0 ", "b 0 ", "c 1 a", "d 2 b,c", "{'ink': 'blue'} False"]


def test_a_component_that_is_left_out_holds_nobody_up(recipe: pathlib.Path) -> None:
    words = ["--disable", "c", "--serial", "--set", "deployer:ink=red"]
    assert run(["bundle", "-r", "recipe.yaml", "-o", "out", "-d", "paper", *words]) == 0
    lines = (recipe / "out/plan.txt").read_text().splitlines()
    assert lines == ["a 0 ", "b 0 ", "d 1 b", "{'ink': 'red'} True"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("deployer:ikn=red", 'did you mean "ink"?'),
        ("deployer:ink", "--set"),
        ("deployer:zzz=1", "it has ink"),
    ],
)
def test_a_setting_that_the_deployer_has_not(
    recipe: pathlib.Path, text: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bundle", "-r", "recipe.yaml", "-o", "out", "-d", "paper", "--set", text]) == 2
    assert told in capsys.readouterr().err
    assert not (recipe / "out").exists()


def test_settings() -> None:
    assert split(["a:b=c", "deployer:project=x"]) == (["a:b=c"], ["deployer:project=x"])
    assert settings("d", OPTIONS, []) == {"project": "default"}
    assert settings("d", OPTIONS, ["deployer:project=x", "deployer:project=a=b"]) == {
        "project": "a=b"
    }
    with pytest.raises(AicrError, match="has no setting"):
        settings("d", (), ["deployer:project=x"])
