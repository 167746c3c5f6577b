"""What a command does not use, it does not import (docs/dependencies.md, the column "lazy").

Counting modules is exact and the same on every machine; how long they take is measured by ``nox -s bench``.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tomllib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
CRITERIA = [
    "--service", "eks", "--accelerator", "h100", "--os", "ubuntu",
    "--intent", "training", "--platform", "kubeflow",
]  # fmt: skip
# Nothing of ours ever needs these, whatever the command.
NEVER = {
    "asyncio", "cattrs", "concurrent.futures", "email", "http", "importlib.metadata", "kubernetes",
    "multiprocessing", "requests", "rich", "ssl", "unittest", "yaml",
}  # fmt: skip
# Building the index, calling hooks, reading files of users, rendering: none of it in a warm command.
COLD = {
    "attr", "attrs", "jinja2", "json", "logging", "packaging", "pathlib", "pluggy", "ruamel", "subprocess",
    "tempfile", "tomllib", "urllib", "aicr_core.api", "aicr_core.engine.catalogue_build",
    "aicr_core.plugins.specs",
}  # fmt: skip
COMMANDS = {
    "version": (["--version"], NEVER | COLD | {"click", "re", "typing", "aicr_core.cli"}),
    "help": (["--help"], NEVER | COLD | {"aicr_core.engine", "aicr_core.cli.recipe"}),
    "recipe": (["recipe", *CRITERIA], NEVER | COLD | {"aicr_core.cli.bundle"}),
    "recipe list": (["recipe", "list"], NEVER | COLD | {"aicr_core.cli.bundle"}),
    "query": (["query", *CRITERIA, "--selector", "deploymentOrder"], NEVER | COLD),
    "plugins list": (["plugins", "list"], NEVER | COLD | {"aicr_core.engine.recipes"}),
    # It reads the recipe, calls the deployer's hook and renders; it does not rebuild the index.
    # Nobody signed it: hashing and comparing, and no plugin is called.
    "verify": (
        ["verify", "bundle"],
        NEVER | (COLD - {"json"}) | {"cryptography", "sigstore", "aicr_core.engine.bundles"},
    ),
    "bundle": (
        ["bundle", "-r", "recipe.yaml", "-o", "bundle"],
        NEVER | {"packaging", "tomllib", "subprocess", "aicr_core.engine.catalogue_build"},
    ),
}
# ``-X importtime`` is blind to importlib.import_module, by which commands and plugins are loaded.
CHILD = """
import atexit, sys
before = set(sys.modules)
atexit.register(lambda: open("modules.txt", "w").write("\\n".join(set(sys.modules) - before)))
from aicr_core.__main__ import main
main()
"""


def _imported(arguments: list[str], folder: pathlib.Path) -> set[str]:
    """Run a command in a process of its own; give the names of all modules it imported."""
    subprocess.run(
        [sys.executable, "-P", "-c", CHILD, *arguments], cwd=folder, env=os.environ,
        capture_output=True, check=True,
    )  # fmt: skip
    return set((folder / "modules.txt").read_text().split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("budget")


@pytest.fixture
def warm(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A folder with a recipe, and an index that is built."""
    monkeypatch.setenv("AICR_INDEX_DIR", str(folder / "index"))
    if not (folder / "recipe.yaml").exists():
        _imported(["recipe", *CRITERIA, "-o", "recipe.yaml"], folder)
        _imported(["bundle", "-r", "recipe.yaml", "-o", "bundle"], folder)
    return folder


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_needless_is_imported(name: str, warm: pathlib.Path) -> None:
    arguments, forbidden = COMMANDS[name]
    imported = _imported(arguments, warm)
    assert "aicr_core.__main__" in imported
    found = {
        module for module in imported for bad in forbidden if f"{module}.".startswith(f"{bad}.")
    }
    assert not found


def test_only_the_plugins_that_implement_a_hook_are_imported(warm: pathlib.Path) -> None:
    deployers = {
        path.parent.name
        for path in ROOT.glob("plugins/*/src/*/aicr-plugin.toml")
        if "aicr_deployers" in tomllib.loads(path.read_text("utf-8"))["hooks"]
    }
    ours = {name.partition(".")[0] for name in _imported(COMMANDS["bundle"][0], warm)}
    assert {name for name in ours if name.startswith("aicr_")} == {"aicr_core", *deployers}
    ours = {name.partition(".")[0] for name in _imported(COMMANDS["recipe"][0], warm)}
    assert {name for name in ours if name.startswith("aicr_")} == {"aicr_core"}


def test_the_count_sees_a_cold_start(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cold command does import what a warm one must not: the test above is not blind."""
    monkeypatch.setenv("AICR_INDEX_DIR", str(folder / "cold"))
    imported = _imported(["recipe", *CRITERIA], folder)
    assert {"tomllib", "ruamel.yaml", "aicr_core.engine.catalogue_build"} <= imported
