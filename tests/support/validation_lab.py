"""``aicr validate`` in a directory of its own, against an emulated cluster, with a plugin whose checks go wrong."""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any

import pytest
from distributions import distribution
from emulated_cluster import FakeCluster

from aicr_core.cli.root import run
from aicr_core.kit.emit import to_yaml

HOOKS = """
import threading, time
from aicr_core import api

LOG = []

def good(ctx, target):
    target.evidence("Namespaces", str(len(target.list("v1", "namespaces"))))
    return api.passed("fine")

def bad(ctx, target):
    return api.failed(api.Code.NOT_FOUND, "NothingThere", "no widget is there", remediation="make one")

def absent(ctx, target):
    return api.skipped("NoWidgets", "there are no widgets", remediation="install widgets")

def crash(ctx, target):
    raise RuntimeError("line one\\nline two")

def leave(ctx, target):
    raise SystemExit(3)

def maker(ctx, target):
    target.ensure_namespace("made-here")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "made", "namespace": "made-here"}}
    target.create("configmaps", body)
    raise api.AicrError(api.Code.INTERNAL, "went wrong after making things")

def hang(ctx, target):
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "hung", "namespace": target.namespace}}
    target.create("configmaps", body)
    while not ctx.cancelled:
        time.sleep(0.01)
    time.sleep(0.1)
    return api.passed("too late")

def alone(ctx, target):
    LOG.append(1)
    busy = len(LOG)
    time.sleep(0.1)
    LOG.pop()
    return api.passed() if busy == 1 else api.failed(api.Code.INTERNAL, "Together", "two ran at once")

RIGHTS = (api.Right(verbs=("create", "delete"), resources=("configmaps",), namespace="made-here"),
          api.Right(verbs=("create",), resources=("namespaces",)))
HOME = (api.Right(verbs=("create", "delete"), resources=("configmaps",), namespace=api.RUN_NAMESPACE),)

@api.hookimpl
def aicr_checks():
    for name, call in (("good", good), ("bad", bad), ("absent", absent), ("crash", crash), ("leave", leave)):
        yield api.Check(name=name, phase="deployment", description=name, call=call)
    yield api.Check(name="maker", phase="deployment", description="makes", call=maker, mutates=True, rights=RIGHTS)
    yield api.Check(name="hang", phase="deployment", description="hangs", call=hang, mutates=True, timeout=0.3, rights=HOME)
    for name in ("alone-1", "alone-2"):
        yield api.Check(name=name, phase="deployment", description="alone", call=alone, exclusive=("x",))
    yield api.Check(name="later", phase="conformance", description="later", call=good)
"""
SNAPSHOT = "kind: Snapshot\nmeasurements:\n- type: K8s\n  subtypes:\n  - subtype: server\n    data: {version: v1.33.1}\n"

RUNNER = """
class Session:
    def run(self, ctx, check, entry):
        {run}
    def publish(self, phase, report):
        pass
    def close(self):
        {close}

def opened(ctx, run):
    {open}

@api.hookimpl
def aicr_check_runners():
    yield api.CheckRunner(name="odd", open=opened)
"""


class Place:
    """A working directory with recipe, snapshot and kubeconfig."""

    def __init__(self, folder: pathlib.Path, cluster: FakeCluster, capsys: Any) -> None:
        self.folder = folder
        self.cluster = cluster
        self._capsys = capsys
        self.kubeconfig = cluster.kubeconfig(folder / "kubeconfig")
        (folder / "snapshot.yaml").write_text(SNAPSHOT)

    def recipe(self, *checks: str, phase: str = "deployment", **more: Any) -> None:
        """Write a recipe that asks for checks."""
        validation = {phase: {"checks": list(checks), **more.pop("settings", {})}}
        document = {"kind": "RecipeResult", "apiVersion": "aicr.nvidia.com/v1alpha1", "componentRefs": [],
                    "validation": {**validation, **more.pop("validation", {})}, **more}  # fmt: skip
        (self.folder / "recipe.yaml").write_text(to_yaml(document))

    def run(self, *arguments: str) -> tuple[int, dict[str, Any], str]:
        """Validate; give status, tests by name, standard error."""
        status = self.validate("-r", "recipe.yaml", "-s", "snapshot.yaml", *arguments)
        out, err = self._capsys.readouterr()
        tests = json.loads(out)["results"]["tests"] if out.startswith("{") else []
        return status, {test["name"]: test for test in tests}, err

    def validate(self, *arguments: str) -> int:
        """Validate with these arguments alone, against the cluster; give the status."""
        return run(["validate", *arguments, "-k", self.kubeconfig])

    def change(self, before: str, after: str) -> None:
        """Change the plugin's hooks, before it is imported."""
        hooks = self.folder / "site/aicr_widgets/hooks.py"
        text = hooks.read_text()
        assert before in text
        hooks.write_text(text.replace(before, after))

    def hooks(self, code: str, name: str) -> None:
        """Give the plugin a further hook, before it is imported."""
        hooks = self.folder / "site/aicr_widgets/hooks.py"
        hooks.write_text(hooks.read_text() + code)
        manifest = self.folder / "site/aicr_widgets/aicr-plugin.toml"
        manifest.write_text(
            manifest.read_text().replace('"aicr_checks"', f'"aicr_checks", "{name}"')
        )

    def runner(self, **parts: str) -> None:
        """Give the plugin a runner ``odd`` that passes every check; ``parts`` are statements in place of its own."""
        usual = {"run": "return api.ReportItem(name=check.name, phase=check.phase, result=api.passed())",
                 "close": "return ()", "open": "return Session()"}  # fmt: skip
        self.hooks(RUNNER.format(**{**usual, **parts}), "aicr_check_runners")
        self.change("description=name, call=call)", 'description=name, call=call, image="x:1")')


@pytest.fixture
def place(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    site = tmp_path / "site"
    site.mkdir()
    manifest = 'name = "widgets"\nhookspec = ">=1.0,<2"\nhooks = ["aicr_checks"]\n'
    distribution(site, "widgets", manifest, HOOKS)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("AICR_INDEX_DIR", str(tmp_path / "index"))
    monkeypatch.setenv("AICR_PLUGINS", "widgets,validators,recipes,kube")
    monkeypatch.chdir(tmp_path)
    for module in ("aicr_widgets", "aicr_widgets.hooks"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    with FakeCluster() as cluster:
        yield Place(tmp_path, cluster, capsys)
