"""Every recipe that is shipped, through both deployers: all Applications satisfy the published schema."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

import pytest
from argocd_lab import Chart, applications, checked, document, inner, wave
from golden_run import run

from aicr_core.app.environment import Environment
from aicr_core.model.settings import Settings

DIMENSIONS = ("service", "accelerator", "intent", "os", "platform")


def _environment() -> Environment:
    return Environment(Settings.from_env(os.environ))


def _aicr(environment: Environment, *arguments: str) -> str:
    status, out, err = run(list(arguments), environment)
    assert status == 0, (arguments, err)
    return out


def _leaves(environment: Environment) -> list[list[str]]:
    listed = json.loads(_aicr(environment, "recipe", "list", "--no-health", "--format", "json"))
    rows = listed["overlays"] if isinstance(listed, dict) else listed
    return [
        [part for name in DIMENSIONS if row["criteria"].get(name, "any") != "any"
         for part in (f"--{name}", row["criteria"][name])]
        for row in rows
        if row["is_leaf"]
    ]  # fmt: skip


def _read(folder: pathlib.Path) -> dict[str, bytes]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def _manifests(made: dict[str, bytes]) -> int:
    return sum("/manifests/" in path for path in made)


def test_every_leaf(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("helm_python")
    environment = _environment()
    # A leaf without criteria is a part that others mix in; no recipe is made of it alone.
    leaves = [flags for flags in _leaves(environment) if flags]
    assert len(leaves) >= 10
    for number, flags in enumerate(leaves):
        recipe = str(tmp_path / f"{number}.yaml")
        _aicr(environment, "recipe", *flags, "-o", recipe)
        argv = ["bundle", "-r", recipe, "--repo", "https://git.example.com/r.git"]
        folder = tmp_path / str(number)
        _aicr(environment, *argv, "-d", "argocd", "-o", f"{folder}/a")
        _aicr(environment, *argv, "-d", "argocd-helm", "-o", f"{folder}/c")
        made, chart = _read(folder / "a"), _read(folder / "c")
        plain = applications(made)
        checked([document(made, "app-of-apps.yaml")])
        one = Chart(chart, folder / "again")
        found = one.roll_out()
        assert {n: wave(item) for n, item in found.items()} == {
            n: wave(i) for n, i in plain.items()
        }
        assert _manifests(made) == _manifests(chart)
        for item in found.values():
            if (values := _own(item)) is not None:
                assert one.show(values), item["metadata"]["name"]


def _own(application: Any) -> Any:
    """The values with which an Application shows manifests of the chart; None for any other."""
    source = application["spec"]["source"]
    return inner(application) if source.get("path") == "." else None
