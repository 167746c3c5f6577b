"""``aicr recipe new``: what it writes is sound, resolves to itself, and passes the test that comes with it."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from itertools import product

import pytest

from aicr_core.api import Session
from aicr_core.app.environment import Environment
from aicr_core.app.recipe_lint import LintRequest, lint_catalogue
from aicr_core.app.recipe_new import NewRequest, new_overlay
from aicr_core.cli.root import run
from aicr_core.engine.scaffold import nearest_base
from aicr_core.kit.errors import AicrError, Code
from aicr_core.model.settings import Settings

RHEL = ("--service", "eks", "--gpu", "h100", "--intent", "training", "--os", "rhel")


@pytest.fixture(scope="module")
def environment() -> Environment:
    return Environment(Settings.from_env({}))


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tree(folder: pathlib.Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_what_it_writes(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recipe", "new", *RHEL]) == 0
    out, err = capsys.readouterr()
    name = "h100-eks-rhel-training"
    files = tree(folder)
    assert out.splitlines() == list(files) == [
        f"catalogue/overlays/{name}.yaml", "catalogue/registry.yaml",
        "catalogue/tests/test_h100_eks_rhel_training.py",
    ]  # fmt: skip
    assert "begins from h100-eks-training" in err
    text = files[f"catalogue/overlays/{name}.yaml"]
    assert "  base: h100-eks-training\n" in text
    assert text.count("TODO") == 3
    assert "  #   K8s.server.version >= 1.32.4\n" in text


def test_it_is_sound_and_resolves_to_itself_for_every_combination(
    environment: Environment, tmp_path: pathlib.Path
) -> None:
    """Each in a directory of its own: whatever may be asked for and is not there yet."""
    wanted = list(
        product(("eks", "gke"), ("h100", "l40"), ("training",), ("", "cos"), ("", "dynamo"))
    )
    made = 0
    for number, values in enumerate(wanted):
        flags = {
            name: value
            for name, value in zip(
                ("service", "accelerator", "intent", "os", "platform"), values, strict=True
            )
            if value
        }
        folder = str(tmp_path / str(number))
        try:
            new = new_overlay(environment, NewRequest(flags, folder))
        except AicrError as error:
            assert error.code is Code.CONFLICT
            assert "already" in error.message
            continue
        made += 1
        report = lint_catalogue(environment, LintRequest(data=(folder,), severity="info"))
        assert report.findings == (), (flags, report.findings)
        recipe = Session(data=[folder]).recipe(flags)
        assert recipe.document["metadata"]["appliedOverlays"][-1] == new.name
        assert [text for text in recipe.warnings if folder in text] == []
    assert made > 8


def test_the_test_that_it_writes_passes_and_can_fail(folder: pathlib.Path) -> None:
    assert run(["recipe", "new", *RHEL, "-o", "mine"]) == 0
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "mine/tests"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    overlay = folder / "mine/overlays/h100-eks-rhel-training.yaml"
    overlay.write_text(
        overlay.read_text("utf-8").replace(
            "componentRefs: []", "componentRefs: [{name: gpu-operator, version: v25.11.0}]"
        ), "utf-8",
    )  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout
    assert "FAILED mine/tests/test_h100_eks_rhel_training.py::test_the_components" in done.stdout
    assert done.stdout.count("FAILED") == 1
    # The test beside the catalogue is no surprise to whoever reads it.
    assert run(["recipe", "validate", "--data", "mine", "--severity", "warning"]) == 0


def test_what_is_there_is_kept(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recipe", "new", *RHEL]) == 0
    before = tree(folder)
    registry = folder / "catalogue/registry.yaml"
    registry.write_text(registry.read_text("utf-8") + "# mine\n", "utf-8")
    assert run(["recipe", "new", *RHEL[2:]]) == 0
    after = tree(folder)
    assert len(after) == len(before) + 2
    assert after["catalogue/registry.yaml"].endswith("# mine\n")
    assert run(["recipe", "new", *RHEL]) == 2
    assert (
        run(["recipe", "new", *RHEL, "--platform", "dynamo", "--name", "h100-rhel-training"]) == 2
    )
    assert "already" in capsys.readouterr().err
    (folder / "catalogue/tests/test_site.py").write_text("mine")
    now = tree(folder)
    assert run(["recipe", "new", *RHEL, "--platform", "dynamo", "--name", "site"]) == 2
    assert tree(folder) == now, "nothing is written beside a file that is there"


def test_a_base_may_be_one_of_the_same_directory_or_said(folder: pathlib.Path) -> None:
    assert run(["recipe", "new", *RHEL]) == 0
    assert run(["recipe", "new", *RHEL, "--platform", "kubeflow"]) == 0
    text = (folder / "catalogue/overlays/h100-eks-rhel-training-kubeflow.yaml").read_text("utf-8")
    assert "  base: h100-eks-rhel-training\n" in text
    assert run(["recipe", "new", *RHEL, "--platform", "dynamo", "--base", "eks"]) == 0
    text = (folder / "catalogue/overlays/h100-eks-rhel-training-dynamo.yaml").read_text("utf-8")
    assert "  base: eks\n" in text


def test_a_new_value_has_to_be_meant(
    folder: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "new", "--service", "null"]) == 2
    assert not list(folder.iterdir())
    assert run(["recipe", "new", "--service", "null", "--new-values", "--name", "nowhere"]) == 0
    recipe = Session(data=[str(folder / "catalogue")]).recipe({"service": "null"}).document
    assert recipe["metadata"]["appliedOverlays"][-1] == "nowhere"
    capsys.readouterr()
    assert run(["recipe", "new", "--service", "a: b", "--new-values"]) == 2
    assert "lower-case letters" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ((), 2, "no criteria given"),
        (("--service", "ekz"), 2, 'did you mean "eks"'),
        (("--service", "eks", "--os", "cos", "--base", "eksy"), 3, 'did you mean "eks"'),
        (("--service", "eks", "--os", "cos", "--base", "gke-cos"), 2, "is for service=gke, os=cos"),
        (("--service", "eks", "--os", "cos", "--name", "../x"), 2, "no name of an overlay"),
        (("--service", "eks", "--os", "cos", "--name", "base"), 2, "already"),
        (("--service", "eks", "--os", "cos", "-o", "-"), 2, "a directory"),
        (("--service", "eks", "--os", "cos", "-o", "file"), 2, "file"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_written(
    folder: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    status: int,
    words: str,
) -> None:
    (folder / "file").write_text("mine")
    found = run(["recipe", "new", *arguments])
    out, err = capsys.readouterr()
    assert (found, out) == (status, ""), err
    assert words in err
    assert tree(folder) == {"file": "mine"}


def test_the_nearest_base_is_the_most_specific_that_fits(environment: Environment) -> None:
    catalogue = environment.catalogue()
    base = nearest_base(catalogue, {"service": "gke", "accelerator": "h100", "os": "cos"})
    assert base == "gke-cos"
    assert nearest_base(catalogue, {"service": "oke"}) == "base"
    assert (
        nearest_base(catalogue, {"service": "eks", "os": "ubuntu", "accelerator": "h100"}) == "eks"
    )


def test_programs_write_and_look(folder: pathlib.Path) -> None:
    session = Session()
    criteria = {"service": "eks", "os": "rhel"}
    assert session.new_overlay(criteria, "mine", name="site") == [
        "overlays/site.yaml", "registry.yaml", "tests/test_site.py",
    ]  # fmt: skip
    with pytest.raises(AicrError, match="already"):
        session.new_overlay({**criteria, "intent": "training"}, "mine", name="site")
    before, after = (
        session.coverage(criteria),
        Session(data=["mine"]).coverage(criteria, ["service", "os"]),
    )
    assert before["summary"]["resolve"] == 0
    assert [cell["overlay"] for cell in after["cells"]] == ["site"]


def test_all_or_nothing_is_written(
    folder: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "mine").mkdir()
    (folder / "mine/tests").write_text("a file")
    assert run(["recipe", "new", *RHEL, "-o", "mine"]) == 2
    assert "mine/tests: a file, where a directory is expected" in capsys.readouterr().err
    assert tree(folder) == {"mine/tests": "a file"}
    assert [one.name for one in (folder / "mine").iterdir()] == ["tests"]

    def interrupted(path: str, data: bytes) -> None:
        if "tests" in path:
            raise KeyboardInterrupt
        pathlib.Path(path).write_bytes(data)

    monkeypatch.setattr("aicr_core.app.recipe_new.atomic_write", interrupted)
    assert run(["recipe", "new", *RHEL, "-o", "a/new/place"]) == 9
    assert not (folder / "a").exists()


def test_the_command_that_it_shows_can_be_copied(folder: pathlib.Path) -> None:
    assert run(["recipe", "new", *RHEL, "-o", "my $(files)"]) == 0
    text = next((folder / "my $(files)/overlays").iterdir()).read_text("utf-8")
    assert "run `aicr recipe validate --data 'my $(files)'` and" in text
