"""The same recipe, options and plugins give the same bytes, however many jobs run, and wherever."""

from __future__ import annotations

import json
import os
import pathlib
import stat
import subprocess
import sys

import pytest

NAMES = [f"c{number:02d}" for number in range(12)]
RECIPE = {
    "kind": "RecipeResult",
    "apiVersion": "aicr.nvidia.com/v1alpha1",
    "criteria": {"service": "eks"},
    "componentRefs": [
        {"name": name, "namespace": f"n{place % 3}", "type": "Helm", "source": "https://charts.example",
         "version": "1.0.0", "overrides": {"ü": "ß", "b": 1, "a": [{"z": 1, "y": "no"}]}}
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
    text = ("# " + component["name"] + "\\na: 1\\n").encode()
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
    folder: pathlib.Path, target: str, jobs: str, umask: int = 0o022, **env: str
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
         "--jobs", jobs, "--accelerated-node-selector", "b=1,a=2"],
        env=surroundings, capture_output=True, text=True, check=False, umask=umask,
    )  # fmt: skip


def tree(root: pathlib.Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(root)): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def reference(tmp_path: pathlib.Path) -> dict[str, tuple[bytes, int]]:
    done = run(tmp_path, "one", "1", PYTHONHASHSEED="0", LC_ALL="C", TZ="UTC")
    assert done.returncode == 0, done.stderr
    found = tree(tmp_path / "one")
    assert b"made: c03" in found["c03/values.yaml"][0]
    assert len(found) > 12 * 5
    return found


def test_in_every_order_and_everywhere(
    tmp_path: pathlib.Path, reference: dict[str, tuple[bytes, int]]
) -> None:
    places = [
        ("up", "2", "1", "C.UTF-8", "Asia/Kathmandu", 0o077),
        ("down", "12", "42", "tr_TR.UTF-8", "America/St_Johns", 0o000),
        ("mixed", "5", "7", "POSIX", "Pacific/Chatham", 0o027),
    ]
    for order, jobs, seed, locale, zone, umask in places:
        done = run(
            tmp_path, order, jobs, umask, ORDER=order, PYTHONHASHSEED=seed, LC_ALL=locale, TZ=zone
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert tree(tmp_path / order) == reference


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
