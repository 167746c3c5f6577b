"""What tests of the argocd plugin share: plans made of a few releases, the files of a bundle, Applications and their schema."""

from __future__ import annotations

import functools
import json
import os
import pathlib
from typing import TYPE_CHECKING, Any

from aicr_core.api import Artifact, BundlePlan, Context, Release, Settings
from aicr_core.engine import render
from aicr_core.kit import yamlio
from aicr_core.plugins.manager import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "plugins/argocd/tests/data/application.schema.json"
WAVE = "argocd.argoproj.io/sync-wave"
CONFIG = b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\n  namespace: n\n"


def release(name: str, **fields: Any) -> Release:
    """A release with a chart, unless ``fields`` say otherwise; its namespace is ``NAME-ns``."""
    chart = {"chart": name, "repository": "https://charts.example.com", "version": "v1.2.3"}
    start = {"kind": "helm", "namespace": f"{name}-ns", "values": {}}
    if fields.get("kind", "helm") == "helm":
        start |= chart
    return Release(name=name, **{**start, **fields})


def manifest(name: str = "c.yaml", data: bytes = CONFIG) -> Artifact:
    """A manifest file of a release."""
    return Artifact(path=f"manifests/{name}", data=data)


def plan(
    *releases: Release, repo: str = "https://git.example.com/r.git", **fields: Any
) -> BundlePlan:
    """A plan; what the user asked for besides is in ``fields``."""
    start: dict[str, Any] = {
        "recipe": {},
        "recipe_version": "v9",
        "tool_version": "0.1.0",
        "criteria": {"service": "eks"},
        "constraints": (),
        "options": {"repo": repo},
    }
    return BundlePlan(releases=releases, **{**start, **fields})


def files(deployer: str, of: BundlePlan) -> dict[str, bytes]:
    """The files of a bundle by path, in order of generation."""
    module = {"argocd": "repository", "argocd-helm": "chart"}[deployer]
    context = Context(settings=Settings.from_env(os.environ), timeout=60.0, render=render.template)
    made = list(resolve(f"aicr_argocd.{module}:deploy")(context, of))
    assert len({item.path for item in made}) == len(made), "a path is written twice"
    return {item.path: item.data for item in made}


def document(made: Mapping[str, bytes], path: str) -> Any:
    """One file of a bundle, read."""
    return yamlio.load(made[path], path)


def applications(made: Mapping[str, bytes]) -> dict[str, Any]:
    """The Applications of an argocd bundle by name, without the one that brings them; each is checked."""
    found = [
        document(made, path)
        for path in made
        if path.endswith("/application.yaml") and path.count("/") == 1
    ]
    return {item["metadata"]["name"]: item for item in checked(found)}


def checked(found: Iterable[Any]) -> list[Any]:
    """Hold Applications to the published schema; give them back."""
    made = list(found)
    for item in made:
        errors = sorted(validator().iter_errors(item), key=str)
        assert not errors, f"{item['metadata']['name']}: {[e.message for e in errors]}"
        assert item["spec"]["destination"]["namespace"], item
        sources = item["spec"].get("sources") or [item["spec"]["source"]]
        assert ("source" in item["spec"]) != ("sources" in item["spec"])
        assert all(source["repoURL"] for source in sources), item
    return made


@functools.cache
def validator() -> Any:
    """A validator of Applications."""
    import jsonschema

    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def wave(application: Any) -> int:
    """The sync wave of an Application."""
    return int(application["metadata"]["annotations"][WAVE])


def put(made: Mapping[str, bytes], folder: pathlib.Path) -> pathlib.Path:
    """Write a bundle's files."""
    for path, data in made.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


class Chart:
    """An argocd-helm bundle as the real engine renders it, with values as a user gives them."""

    def __init__(self, made: Mapping[str, bytes], folder: pathlib.Path) -> None:
        import helm_python

        self._chart = helm_python.Chart.load(str(put(made, folder)))

    def show(self, values: Mapping[str, Any] | None = None) -> list[Any]:
        """The documents that the chart makes with these values."""
        rendered = self._chart.render(dict(values or {}), name="stack", namespace="argocd")
        texts = [rendered[name] for name in sorted(rendered)]
        return [doc for text in texts for doc in yamlio.load_all(text.encode(), "rendered") if doc]

    def roll_out(self, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The Applications of the components by name, made as Argo CD makes them: by the parent's values."""
        (parent,) = checked(self.show(values))
        return {item["metadata"]["name"]: item for item in checked(self.show(inner(parent)))}


def inner(application: Any) -> Any:
    """The values that an Application gives to its chart."""
    return yamlio.load(application["spec"]["source"]["helm"]["values"].encode(), "values")
