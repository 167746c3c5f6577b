"""The same recipe, options and plugins give the same bytes, however many jobs run, and wherever, with every deployer."""

from __future__ import annotations

import json
import os
import pathlib
import stat
import subprocess
import sys
from typing import Any

import pytest

from aicr_core.api import Settings
from aicr_core.app.environment import Environment

NAMES = [f"c{number:02d}" for number in range(12)]
KINDS: list[dict[str, Any]] = [
    {"type": "Helm", "source": "https://charts.example", "version": "v1.0.0"},
    {"type": "Helm", "source": "oci://charts.example/x", "version": "1.0.0"},
    {"type": "Kustomize", "source": "https://git.example/k", "path": "base", "tag": "v1"},
]
RECIPE = {
    "kind": "RecipeResult",
    "apiVersion": "aicr.nvidia.com/v1alpha1",
    "criteria": {"service": "eks"},
    "componentRefs": [
        {"name": name, "namespace": f"n{place % 4}", **KINDS[place % 3], "dependencyRefs": NAMES[place + 5 : place + 7],
         "overrides": {"ü": "ß", "b": 1, "n": {"x": None}, "a": [{"z": 1, "y": "no"}]}}
        for place, name in enumerate(NAMES)
    ],
    "deploymentOrder": NAMES[::-1],
}  # fmt: skip
# A vendor's bundler that waits, so that it gets a thread; the last component asked for ends first.
HOOKS = """
import os, time
from aicr_core.api import Artifact, Bundler, ComponentBundle, hookimpl

def bundle(ctx, component, values, plan):
    number = int(component["name"][1:])
    wait = {"up": number, "down": 12 - number, "mixed": number * 7 % 12}[os.environ["ORDER"]]
    time.sleep(wait * 0.01)
    if component["name"] in os.environ.get("FAILING", "").split(","):
        raise ValueError("cannot do " + component["name"])
    text = ("# " + component["name"] + "\\nkind: A\\nmetadata: {annotations: {helm.sh/hook: x, b: c}}\\n").encode()
    return ComponentBundle(
        name=component["name"],
        values={**values, "made": component["name"]},
        manifests=(Artifact(path="b.yaml", data=text), Artifact(path="a.yaml", data=text)),
    )

@hookimpl
def aicr_bundlers():
    yield Bundler(component="*", call=bundle)
"""
MANIFEST = 'name = "slow"\nhooks = ["aicr_bundlers"]\n[[provides]]\nkind = "bundler"\nname = "*"\n'


def run(
    folder: pathlib.Path,
    target: str,
    jobs: str,
    umask: int = 0o022,
    deployer: str = "helm",
    **env: str,
) -> subprocess.CompletedProcess[str]:
    site = folder / "site"
    if not site.exists():
        package, info = site / "aicr_slow", site / "aicr_slow-1.0.dist-info"
        for place in (package, info):
            place.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "hooks.py").write_text(HOOKS)
        (package / "aicr-plugin.toml").write_text(MANIFEST)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: aicr-slow\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[aicr.plugins]\nslow = aicr_slow.hooks\n")
        (folder / "recipe.json").write_text(json.dumps(RECIPE), "utf-8")
    surroundings = {**os.environ, "PYTHONPATH": str(site), "ORDER": "up", **env}
    return subprocess.run(
        [sys.executable, "-m", "aicr_core", "bundle", "-r", folder / "recipe.json", "-o", folder / target,
         "--jobs", jobs, "--accelerated-node-selector", "b=1,a=2", "-d", deployer, "--repo", "https://git.example/r"],
        env=surroundings, capture_output=True, text=True, check=False, umask=umask,
    )  # fmt: skip


def tree(root: pathlib.Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(root)): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


DEPLOYERS = sorted(
    Environment(Settings.from_env({**os.environ, "AICR_INDEX": "off"})).manager.named("aicr_deployers", "name")
)  # fmt: skip
PLACES = [
    ("up", "2", "1", "C.UTF-8", "Asia/Kathmandu", 0o077),
    ("deep/er/down", "12", "42", "tr_TR.UTF-8", "America/St_Johns", 0o000),
    ("mixed", "5", "7", "POSIX", "Pacific/Chatham", 0o027),
]


@pytest.mark.parametrize("deployer", DEPLOYERS)
def test_in_every_order_and_everywhere(deployer: str, tmp_path: pathlib.Path) -> None:
    done = run(tmp_path, "one", "1", deployer=deployer, PYTHONHASHSEED="0", LC_ALL="C", TZ="UTC")
    assert done.returncode == 0, done.stderr
    reference = tree(tmp_path / "one")
    assert any(b"made: c03" in data for data, _ in reference.values())
    assert len(reference) > 12 * 2
    assert not any(str(tmp_path).encode() in data for data, _ in reference.values())
    for target, jobs, seed, locale, zone, umask in PLACES:
        (tmp_path / target).parent.mkdir(parents=True, exist_ok=True)
        done = run(
            tmp_path, target, jobs, umask, deployer, ORDER=target.rpartition("/")[2], PYTHONHASHSEED=seed,
            LC_ALL=locale, TZ=zone, SOURCE_DATE_EPOCH=seed,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert tree(tmp_path / target) == reference


def test_every_failure_is_named_in_one_order_and_nothing_is_written(tmp_path: pathlib.Path) -> None:
    told = set()
    for order, jobs in (("up", "1"), ("down", "12")):
        done = run(tmp_path, "failed", jobs, ORDER=order, FAILING="c02,c09")
        assert done.returncode != 0
        assert "Traceback" not in done.stderr
        assert done.stderr.index("c02") < done.stderr.index("c09")
        told.add(done.stderr)
        assert not (tmp_path / "failed").exists()
    assert len(told) == 1
