"""Plans for tests of deployers: made of a few releases, or of every leaf recipe that is shipped."""

from __future__ import annotations

import functools
import json
import os
import pathlib
from typing import TYPE_CHECKING, Any

import attrs
from golden_run import run

from aicr_core.api import Artifact, BundlePlan, Context, Release, Settings, load_all
from aicr_core.app.bundle_plan import make_plan
from aicr_core.app.bundle_request import BundleRequest
from aicr_core.app.environment import Environment
from aicr_core.engine import render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

CONFIG = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"
DIMENSIONS = ("service", "accelerator", "intent", "os", "platform")
TRICKY = {
    "no": "no", "number": "1e3", "octal": "0o7", "template": "{{ x }} }}", "lines": "a\nb\n\n c\n", "quotes": "it's \"so\"",
    "dollar": "${HOME} $HOME", "empty": "", "ü": "ß", "y": {"on": "off", "n": ["~", "null", "=", "- a", "#"]},
    "deep": {"list": [{"a": 1, "b": [True, 1.5]}]}, "tab": "\tx", "percent": "%x", "colon": "a: b",
}  # fmt: skip
"""Values that a careless writer or reader of YAML, or a template engine, would change."""


def release(name: str, *needs: str, **fields: Any) -> Release:
    """A release with a chart, unless ``fields`` say otherwise, that depends on ``needs``."""
    start: dict[str, Any] = {
        "kind": "helm", "namespace": f"{name}-ns", "repository": "https://charts.example.com", "chart": name,
        "version": "v1.2.3", "values": {}, "depends_on": needs,
    }  # fmt: skip
    if fields.get("kind") == "manifests":
        start |= {"repository": "", "version": ""}
    return Release(name=name, **{**start, **fields})


def manifests(**named: bytes) -> tuple[Artifact, ...]:
    """Manifest files: ``a_yaml=b"..."`` is ``manifests/a.yaml``."""
    return tuple(
        Artifact(path=f"manifests/{name.replace('_', '.')}", data=data)
        for name, data in named.items()
    )


def plan(*releases: Release, repo: str = "", **fields: Any) -> BundlePlan:
    """A plan of releases; tiers follow from their edges."""
    tiers: dict[str, int] = {}
    for item in releases:
        tiers[item.name] = max((tiers[n] + 1 for n in item.depends_on if n in tiers), default=0)
    start: dict[str, Any] = {
        "recipe": {}, "recipe_version": "v9", "tool_version": "1.2.3", "criteria": {"service": "eks"},
        "constraints": (), "options": {"repo": repo},
    }  # fmt: skip
    tiered = tuple(attrs.evolve(item, tier=tiers[item.name]) for item in releases)
    return BundlePlan(releases=tiered, **{**start, **fields})


def made(deploy: Callable[..., Any], of: BundlePlan) -> dict[str, bytes]:
    """The files that a deployer makes of a plan, by path, in order of generation."""
    context = Context(settings=Settings.from_env(os.environ), timeout=60.0, render=render.template)
    found = list(deploy(context, of))
    assert len({item.path for item in found}) == len(found), "a path is written twice"
    return {item.path: item.data for item in found}


def objects(of: BundlePlan) -> list[str]:
    """Every object of a plan's manifests, as sorted texts to compare; without what would make Helm hooks of them."""
    found = [
        doc
        for item in of.releases
        for file in item.manifests
        for doc in load_all(file.data, file.path)
        if doc
    ]
    for doc in found:
        notes = doc["metadata"].get("annotations") or {}
        for key in [key for key in notes if key.startswith("helm.sh/hook")]:
            del notes[key]
        if not notes:
            doc["metadata"].pop("annotations", None)
    return sorted(map(repr, found))


def rendered(charts: Iterable[pathlib.Path]) -> list[str]:
    """Every object that charts render to, by the real engine, as sorted texts to compare."""
    import helm_python

    return sorted(
        repr(doc)
        for chart in charts
        for text in helm_python.Chart.load(str(chart)).render({}).values()
        for doc in load_all(text, str(chart))
        if doc
    )


def put(files: Mapping[str, bytes], folder: pathlib.Path) -> pathlib.Path:
    """Write a bundle's files."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


@functools.cache
def _environment() -> Environment:
    return Environment(Settings.from_env({"AICR_INDEX": "off"}))


@functools.cache
def leaves() -> dict[str, tuple[str, ...]]:
    """The command line that gives the recipe of each shipped leaf."""
    status, out, err = run(["recipe", "list", "--format", "json"], _environment())
    assert status == 0, err
    return {
        row["name"]: tuple(
            word
            for key in DIMENSIONS
            if row["criteria"].get(key)
            for word in (f"--{key}", row["criteria"][key])
        )
        for row in json.loads(out)
        if row["is_leaf"] and row["criteria"]
    }


def leaf_plan(name: str, deployer: str, folder: pathlib.Path, **fields: Any) -> BundlePlan:
    """The plan of a shipped leaf for a deployer; ``fields`` are those of the request."""
    path = folder / f"{name}.yaml"
    status, out, err = run(["recipe", *leaves()[name]], _environment())
    assert status == 0, err
    path.write_text(out, "utf-8")
    request = BundleRequest(recipe=str(path), deployer=deployer, **fields)
    return make_plan(_environment(), request).plan
