"""Settings that cannot work are refused by name, before a file is made."""

from __future__ import annotations

import os
import pathlib
import re

import pytest
from aicr_argocd.hooks import aicr_deployers
from argocd_lab import files, plan, release

from aicr_core.api import AicrError, Code, Deployer
from aicr_core.plugins.manager import resolve

BAD = [
    ("appName", "Nvidia"),
    ("appName", ""),
    ("appName", "a" * 64),
    ("namePrefix", "-x"),
    ("namePrefix", "a_b"),
    ("namePrefix", "x\n"),
    ("destinationServer", "kubernetes.default.svc"),
    ("destinationServer", "ftp://x"),
    ("destinationServer", "https://"),
    ("destinationServer", "https://u:p@host"),
    ("destinationServer", "https://[::1"),
    ("destinationServer", "https://a b"),
    ("project", "a/b"),
    ("project", ""),
    ("cascadeDelete", "yes"),
    ("cascadeDelete", "True"),
    ("cascadeDelete", ""),
    ("namespace", "Argo"),
    ("targetRevision", "main branch"),
    ("targetRevision", ""),
    ("targetRevision", "--x"),
]


@pytest.mark.parametrize("deployer", ["argocd", "argocd-helm"])
@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_setting_is_named(deployer: str, name: str, value: str) -> None:
    with pytest.raises(AicrError) as caught:
        files(deployer, plan(release("a"), settings={name: value}))
    assert caught.value.code is Code.INVALID_REQUEST
    assert caught.value.where == f"--set deployer:{name}"


def test_charts_of_registries_are_named_one_way_or_the_other() -> None:
    with pytest.raises(AicrError, match="none of legacy, plain"):
        files("argocd", plan(release("a"), settings={"ociCharts": "oci"}))


def test_every_setting_has_the_default_that_is_used() -> None:
    """The declared defaults and none at all give the same bundle."""
    for deployer in aicr_deployers():
        declared = {option.name: option.default for option in deployer.options}
        without = files(deployer.name, plan(release("a")))
        assert files(deployer.name, plan(release("a"), settings=declared)) == without


def test_what_is_said_of_the_deployers() -> None:
    argocd, helm = aicr_deployers()
    assert (argocd.name, argocd.dynamic, argocd.entrypoint) == ("argocd", False, "app-of-apps.yaml")
    assert (helm.name, helm.dynamic, helm.entrypoint) == ("argocd-helm", True, "Chart.yaml")
    for deployer in (argocd, helm):
        made = files(deployer.name, plan(release("a")))
        assert deployer.entrypoint in made
        for pattern in (deployer.object_at, deployer.values_at):
            assert pattern.replace("{component}", "a") in made
        assert all(re.fullmatch(r"[a-zA-Z]+", option.name) for option in deployer.options)


@pytest.mark.parametrize(
    ("deployer", "argv", "status", "text"),
    [
        ("argocd", ["--app-name", "gpu"], 0, ""),
        ("argocd-helm", ["--app-name", "gpu"], 0, ""),
        ("argocd", ["--app-name", "Gpu"], 2, "DNS-1123"),
        ("argocd", ["--set", "deployer:appname=x"], 2, 'did you mean "appName"'),
        ("argocd", ["--set", "deployer:includeRootApp=x"], 2, "no setting"),
        ("argocd", ["--dynamic", "a:x.y"], 2, "cannot leave values open"),
        ("argocd-helm", ["--dynamic", "a:x.y"], 0, "a.x.y is asked for"),
        ("argocd", ["--repo", "https://u:p@e/r"], 2, "--repo"),
    ],
)
def test_on_the_command_line(
    deployer: str, argv: list[str], status: int, text: str, tmp_path: pathlib.Path
) -> None:
    from golden_run import run

    from aicr_core.app.environment import Environment
    from aicr_core.model.settings import Settings

    recipe = tmp_path / "r.yaml"
    ref = '{name: a, type: Helm, namespace: n, chart: c, source: "https://e/c", version: v1.0.0}'
    head = "kind: RecipeResult\napiVersion: aicr.nvidia.com/v1alpha1\nmetadata: {version: v9}\n"
    recipe.write_text(f"{head}componentRefs: [{ref}]\n", "utf-8")
    target = tmp_path / "b"
    command = ["bundle", "-r", str(recipe), "-o", str(target), "-d", deployer, *argv]
    got, out, err = run(command, Environment(Settings.from_env(os.environ)))
    assert (got, text in out + err) == (status, True), out + err
    assert target.exists() is (status == 0)
    if argv[0] == "--app-name" and not status:
        parent = {"argocd": "app-of-apps.yaml", "argocd-helm": "applications/stack.app.yaml"}
        assert "\n  name: gpu\n" in (target / parent[deployer]).read_text("utf-8")


@pytest.mark.parametrize("deployer", list(aicr_deployers()), ids=lambda deployer: deployer.name)
def test_what_argocd_does_not_restart_is_said(deployer: Deployer) -> None:
    of = plan(release("a", restart_daemonsets="plugin"))
    (note,) = [text for text in resolve(deployer.notes or "")(of) if "daemon sets" in text]
    assert "a-ns" in note
    assert "plugin: Argo CD restarts none" in note
