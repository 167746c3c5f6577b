"""``aicr recipe coverage``: every cell says what ``aicr recipe`` does."""

from __future__ import annotations

import json
import pathlib

import pytest

from aicr_core.api import AicrError, Session
from aicr_core.app.environment import Environment
from aicr_core.app.recipe import RecipeRequest
from aicr_core.app.recipe_coverage import CoverageRequest, coverage
from aicr_core.cli.root import run
from aicr_core.model.settings import Settings

ALL = ("service", "accelerator", "intent", "os", "platform")


@pytest.fixture(scope="module")
def environment() -> Environment:
    return Environment(Settings.from_env({}))


def test_a_cell_is_what_the_recipe_command_says(environment: Environment) -> None:
    found = coverage(
        environment, CoverageRequest(RecipeRequest(), ("service", "accelerator", "intent", "os"))
    )
    session = Session()
    for cell in found["cells"]:
        try:
            recipe = session.recipe(cell["criteria"]).document
        except AicrError:
            assert cell["resolves"] != "yes", cell
        else:
            assert cell["resolves"] == "yes"
            assert recipe["metadata"]["appliedOverlays"][-1] == cell["overlay"]
            phases = recipe.get("validation", {})
            counts = {name: len(phases.get(name, {}).get("checks", ())) for name in cell["checks"]}
            assert cell["checks"] == counts
        for more in cell.get("needs", ()):
            assert session.recipe({**cell["criteria"], **more}), "what is said to help helps"
    states = [cell["resolves"] for cell in found["cells"]]
    assert set(states) == {"yes", "needs", "no"} or set(states) == {"yes", "no"}
    assert (
        found["summary"]["cells"]
        == len(states)
        == len({json.dumps(c["criteria"]) for c in found["cells"]})
    )
    assert found["summary"]["missing"] == states.count("no") == len(found["missing"])


def test_gke_needs_its_system(environment: Environment) -> None:
    flags = {"service": "gke", "accelerator": "h100", "intent": "training"}
    (cell,) = coverage(environment, CoverageRequest(RecipeRequest(flags=flags)))["cells"]
    assert (cell["resolves"], cell["needs"], cell["overlay"]) == (
        "needs", [{"os": "cos"}], "h100-gke-cos-training",
    )  # fmt: skip


def test_flags_narrow_the_matrix(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(
            [
                "recipe",
                "coverage",
                "--service",
                "eks",
                "--os",
                "ubuntu",
                "--dimensions",
                "accelerator,intent",
            ]
        )
        == 0
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "SERVICE",
        "ACCELERATOR",
        "INTENT",
        "OS",
        "RESOLVES",
        "OVERLAY",
        "CHECKS",
        "HEALTH",
    ]
    row = next(line for line in lines if "gb200" in line and "training" in line)
    assert row.split()[:6] == [
        "eks",
        "gb200",
        "training",
        "ubuntu",
        "yes",
        "gb200-eks-ubuntu-training",
    ]
    assert "  service=eks, accelerator=a100, intent=inference, os=ubuntu" in lines


def test_markdown_and_documents(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recipe", "coverage", "--missing", "-t", "markdown"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(
        "## Coverage\n\n50 cells: 8 resolve, 2 need more criteria, 40 are missing;"
    )
    assert "- `service=eks, accelerator=a100, intent=inference|training`\n" in text
    assert "| yes |" not in text
    assert run(["recipe", "coverage", "-t", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["dimensions"] == ["service", "accelerator", "intent"]


def test_a_recipe_that_is_broken_is_missing_and_says_why(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = "kind: RecipeMetadata\napiVersion: aicr.nvidia.com/v1alpha1\n"
    (tmp_path / "overlays").mkdir()
    (tmp_path / "registry.yaml").write_text("components: []\n")
    (tmp_path / "overlays/base.yaml").write_text(f"{head}metadata: {{name: base}}\n")
    (tmp_path / "overlays/odd.yaml").write_text(
        f"{head}metadata: {{name: odd}}\nspec: {{criteria: {{service: eks}}, base: gone}}\n"
    )
    arguments = [
        "--data",
        str(tmp_path),
        "--external-only",
        "--dimensions",
        "service",
        "-t",
        "json",
    ]
    assert run(["recipe", "coverage", *arguments]) == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    (cell,) = [cell for cell in cells if cell["criteria"] == {"service": "eks"}]
    assert (cell["resolves"], cell["health"]) == ("no", "fail")
    assert "gone" in cell["problems"][0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--dimensions", "servce"), 'did you mean "service"'),
        (("--dimensions", ","), "no dimension is named"),
        (("--service", "ekz"), 'did you mean "eks"'),
        (("-t", "sarif"), "format"),
    ],
)
def test_what_cannot_be_is_said(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert run(["recipe", "coverage", *arguments]) == 2
    assert words in capsys.readouterr().err
