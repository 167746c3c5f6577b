"""The vendor's example: a wheel that nobody here knows, beside released wheels, from recipe to bundle to check, and gone.

Its README is the transcript: each command is run, in an environment that holds wheels of ours and nothing editable.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from docs_cluster import cluster_of
from environments import NO_DOWNLOADS, build_wheels, environment_of_others
from test_docs import FENCED, LINK, play

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACK = ROOT / "docs/examples/vendor-pack"
README = (PACK / "README.md").read_text("utf-8")
OURS = ("eks", "gke", "gpu-operator", "helm", "kube", "network-operator", "testkit", "validators")
SOURCES = [ROOT, ROOT / "recipes", *(ROOT / "plugins" / name for name in OURS)]


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """An environment with our wheels; its bin."""
    home = tmp_path_factory.mktemp("released")
    wheels = build_wheels(home / "dist", SOURCES)
    assert len(wheels) == len(SOURCES)
    bin_ = environment_of_others(home / "env")
    # What our wheels require is seen through a .pth file; pip holds the wheels to it.
    argv = [str(bin_ / "python"), "-m", "pip", "install", "-q", "--no-index", *wheels]
    done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, **NO_DOWNLOADS})
    assert done.returncode == 0, done.stderr
    return bin_


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The example as a vendor has it: a folder of its own, outside this repository."""
    copy = tmp_path_factory.mktemp("vendor") / "vendor-pack"
    shutil.copytree(PACK, copy, ignore=shutil.ignore_patterns("__pycache__", ".*_cache", "dist"))
    return copy


def _installed(bin_: pathlib.Path) -> dict[str, str]:
    """Give what lies in an environment, by path; compiled files follow from the others."""
    root = bin_.parent
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in (root / "lib", root / "bin")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_nothing_of_ours_is_editable_there(released: pathlib.Path) -> None:
    code = "import aicr_core, aicr_eks, sys; print(aicr_core.__file__, aicr_eks.__file__)"
    found = subprocess.run([released / "python", "-P", "-c", code], capture_output=True, text=True)
    assert str(released.parent) in found.stdout
    assert str(ROOT) not in found.stdout


def test_the_transcript(released: pathlib.Path, pack: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """From the empty environment to the bundle and back: what is there afterwards is what was there before."""
    for link in LINK.findall(FENCED.sub("", README)):
        assert (PACK / link).exists(), f"dead link {link}"
    before = _installed(released)
    with cluster_of(README, tmp_path) as variables:
        play(README, pack, released, variables)
    assert _installed(released) == before


def test_it_is_what_a_maintainer_would_take() -> None:
    """Clean for ruff, and for mypy as its own pyproject asks."""
    for words in (["ruff", "check", "--no-cache"], ["ruff", "format", "--no-cache", "--diff"]):
        done = subprocess.run(
            [sys.executable, "-m", *words, "."], cwd=PACK, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


def test_strict_types_hold(tmp_path: pathlib.Path) -> None:
    argv = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path)]
    env = {**os.environ, "MYPYPATH": "src"}
    done = subprocess.run(argv, cwd=PACK, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stdout


def test_it_is_no_member_of_the_workspace() -> None:
    for path in (ROOT / "pyproject.toml", ROOT / "noxfile.py"):
        assert "vendor-pack" not in path.read_text("utf-8")
