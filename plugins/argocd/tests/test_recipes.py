"""Every recipe that is shipped, through both deployers: all Applications satisfy the published schema."""

from __future__ import annotations

import json
import os
import pathlib
import stat
import subprocess
import sys
from typing import Any

import pytest
from argocd_lab import Chart, applications, checked, document, inner, wave
from golden_run import run

from aicr_core.app.environment import Environment
from aicr_core.model.settings import Settings

AICR = pathlib.Path(sys.executable).parent / "aicr"
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


RECIPE = """\
kind: RecipeResult
apiVersion: aicr.nvidia.com/v1alpha1
metadata: {version: v9}
criteria: {service: eks}
componentRefs:
  - {name: one, type: Helm, namespace: n, chart: c, source: "https://e/c", version: v1.0.0,
     overrides: {b: "no", a: {z: "1e3", "\u00e4": "{{ x }}"}, n: null}}
  - {name: two, type: Helm, namespace: n, chart: c, source: "oci://e/c", version: v1.0.0, dependencyRefs: [one]}
  - {name: gpu-operator, type: Helm, namespace: g, chart: g, source: "https://e/c", version: v1.0.0,
     manifestFiles: [components/gpu-operator/manifests/gke-resource-quota.yaml]}
"""


@pytest.mark.parametrize("deployer", ["argocd", "argocd-helm"])
def test_the_same_bytes_everywhere(deployer: str, tmp_path: pathlib.Path) -> None:
    """Neither locale, time zone, umask, hash seed nor the folder reaches a file."""
    (tmp_path / "r.yaml").write_text(RECIPE, "utf-8")
    worlds = (
        {"LC_ALL": "C", "TZ": "UTC", "PYTHONHASHSEED": "1", "PYTHONUTF8": "0"},
        {
            "LC_ALL": "C.UTF-8",
            "TZ": "Asia/Kathmandu",
            "PYTHONHASHSEED": "77",
            "SOURCE_DATE_EPOCH": "5",
        },
    )
    made = []
    for number, world in enumerate(worlds):
        target = tmp_path / ("b" * (number + 1))
        subprocess.run(
            [AICR, "bundle", "-r", tmp_path / "r.yaml", "-o", target, "-d", deployer, "--jobs", str(number + 1)],
            env={**os.environ, **world}, umask=(0o077, 0o000)[number], check=True, capture_output=True,
        )  # fmt: skip
        modes = {p: stat.S_IMODE((target / p).stat().st_mode) for p in _read(target)}
        made.append((_read(target), modes))
    assert made[0] == made[1]
    for path, data in made[0][0].items():
        assert str(tmp_path).encode() not in data, path
