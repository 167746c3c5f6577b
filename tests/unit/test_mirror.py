"""``aicr mirror list`` with the real chart engine: complete, or failing with the names of what is missing."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from typing import Any

import pytest
import stand_in_charts
from distributions import distribution

from aicr_core.cli.root import run
from aicr_core.kit import yamlio
from aicr_core.kit.emit import to_yaml
from aicr_core.plugins.index import Index

Document = dict[str, Any]
OFFLINE = ("--charts", "charts", "--offline")


def ref(name: str, version: str = "1.0.0", **more: Any) -> Document:
    return {
        "name": name,
        "namespace": name,
        "type": "Helm",
        "source": "https://c.example",
        "version": version,
        **more,
    }


def write(folder: pathlib.Path, *refs: Document, **more: Any) -> None:
    document = {
        "kind": "RecipeResult",
        "metadata": {"version": "v9"},
        "criteria": {"service": "eks"},
        "componentRefs": list(refs),
        "deploymentOrder": [item["name"] for item in refs],
        **more,
    }
    (folder / "recipe.yaml").write_text(to_yaml(document))


@pytest.fixture
def place(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A folder with a recipe of two charts, one needing the other, and the charts."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, ref("one"), ref("two", "2.0.0", dependencyRefs=["one"]))
    stand_in_charts.package(tmp_path / "charts", "one", "1.0.0", licence="MIT")
    stand_in_charts.package(tmp_path / "charts", "two", "2.0.0")
    return tmp_path


def listed(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    """Run the command; give standard output."""
    capsys.readouterr()
    assert run(["mirror", "list", "-r", "recipe.yaml", *OFFLINE, *arguments]) == status
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return said.out if status == 0 else said.err


def test_everything_that_a_chart_names(
    place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    want = stand_in_charts.images_of("one", "1.0.0") | stand_in_charts.images_of("two", "2.0.0")
    document = json.loads(listed(capsys, "-f", "json"))
    assert document["images"] == sorted(want)
    assert document["metadata"] == {"recipeVersion": "v9", "criteria": {"service": "eks"}}
    assert [item["component"] for item in document["components"]] == ["one", "two"]
    assert listed(capsys, "-f", "images").splitlines() == sorted(want)
    assert yamlio.load(listed(capsys), "x") == document


def test_values_of_the_user_count(place: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "busybox" not in listed(capsys, "-f", "images").splitlines()
    assert "busybox" in listed(capsys, "-f", "images", "--set", "one:extra=true").splitlines()
    assert "/two/" not in listed(capsys, "-f", "images", "--disable", "two")


def test_manifests_count(place: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = place / "data"
    (data / "components/one").mkdir(parents=True)
    (data / "registry.yaml").write_text("components: []\n")
    (data / "components/one/job.yaml").write_text(
        "kind: Job\nspec: {template: {spec: {containers: [{name: j, image: 'job.example/j:1'}]}}}\n"
    )
    write(
        place,
        ref("one", manifestFiles=["components/one/job.yaml"]),
        {
            "name": "bare",
            "type": "Helm",
            "source": "",
            "manifestFiles": ["components/one/job.yaml"],
        },
    )
    document = json.loads(listed(capsys, "-f", "json", "--data", "data"))
    bare = document["components"][1]
    assert bare == {
        "component": "bare",
        "type": "Manifests",
        "images": ["job.example/j:1"],
        "warnings": [],
    }
    assert [chart["name"] for chart in document["charts"]] == ["one"]


def test_a_plan_without_charts_needs_no_engine(
    place: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AICR_PLUGINS", "airgap,helm,recipes")
    write(place, {"name": "bare", "type": "Helm", "source": ""})
    assert json.loads(listed(capsys, "-f", "json"))["images"] == []


def test_every_gap_is_named_and_nothing_is_written(
    place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kustomize = {
        "name": "kust",
        "namespace": "k",
        "type": "Kustomize",
        "source": "https://g.example/x",
        "path": "p",
    }
    write(place, ref("one"), ref("gone"), kustomize, ref("two", "9.9.9"))
    told = listed(capsys, "-o", "list.yaml", status=3)
    assert "the list would not be complete" in told
    for part in ("component gone", "component kust", "component two", "--allow-partial", "9.9.9"):
        assert part in told
    assert "component one" not in told
    assert not (place / "list.yaml").exists()


@pytest.mark.parametrize("fmt", ["yaml", "json", "images", "hauler", "zarf", "skopeo", "oc-mirror"])
def test_a_partial_list_says_so_in_every_format_and_on_stderr(
    fmt: str, place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        place,
        ref("one"),
        ref("gone", overrides={"image": {"repository": "guess.example/g", "tag": "1"}}),
    )
    capsys.readouterr()
    words = ["mirror", "list", "-r", "recipe.yaml", *OFFLINE, "-f", fmt, "--allow-partial"]
    assert run(words) == 0
    said = capsys.readouterr()
    assert "not complete: [NOT_FOUND] component gone" in said.err
    assert "its chart was not found, so its images are guessed from its values" in said.out
    assert "guess.example" in said.out
    assert str(place) not in said.out, "no path of this machine"


def test_the_version_of_kubernetes_counts(
    place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = place / "charts/one/templates"
    folder.mkdir(parents=True)
    (place / "charts/one/Chart.yaml").write_text("apiVersion: v2\nname: one\nversion: 3.0.0\n")
    (folder / "pod.yaml").write_text(
        "kind: Pod\napiVersion: v1\nmetadata: {name: x}\nspec: {containers: [{name: x,"
        " image: 'k.example/x:{{ .Capabilities.KubeVersion.Minor }}'}]}\n"
    )
    constraint = {"name": "K8s.server.version", "value": ">= 1.28"}
    write(place, ref("one", "3.0.0"), constraints=[constraint])
    assert listed(capsys, "-f", "images") == "k.example/x:28\n"
    assert listed(capsys, "-f", "images", "--kubernetes-version", "v1.31.2") == "k.example/x:31\n"
    assert "--kubernetes-version" in listed(capsys, "--kubernetes-version", "new", status=2)


def test_charts_that_are_none_or_refuse(
    place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "charts/bad-1.0.0.tgz").write_bytes(b"no chart")
    (place / "charts/strict/templates").mkdir(parents=True)
    (place / "charts/strict/Chart.yaml").write_text(
        "apiVersion: v2\nname: strict\nversion: 1.0.0\n"
    )
    (place / "charts/strict/templates/x.yaml").write_text('{{ fail "give me a value" }}\n')
    write(place, ref("one"), ref("bad"), ref("strict"))
    told = listed(capsys, status=2)
    assert "component bad" in told
    assert "give me a value" in told
    document = json.loads(listed(capsys, "-f", "json", "--allow-partial"))
    assert [item["warnings"] for item in document["components"]] == [
        [],
        ["its chart could not be read, so its images are guessed from its values"],
        ["its chart could not be rendered, so its images are guessed from its values"],
    ]


def test_without_an_engine_and_without_formats(
    place: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AICR_PLUGINS", "airgap,helm,recipes")
    told = listed(capsys, status=3)
    assert "it comes with aicr-charts[engine], whose plugin charts is " in told, (
        "installed, left out"
    )
    monkeypatch.setenv("AICR_PLUGINS", "charts,helm,recipes")
    assert "aicr-airgap" in listed(capsys, status=3)
    monkeypatch.delenv("AICR_PLUGINS")
    told = listed(capsys, "-f", "haulre", status=2)
    assert 'did you mean "hauler"?' in told
    assert "--format" in told


def test_the_way_to_an_engine_can_be_pasted_into_a_shell() -> None:
    index = Index({"rows": [], "hot": None, "problem": None, "warnings": []}, lambda *_: None)
    assert index.remedy("aicr-charts[engine]").endswith(': pip install "aicr-charts[engine]"')
    assert index.remedy("aicr-airgap").endswith(": pip install aicr-airgap")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "give --recipe, criteria or --snapshot"),
        (["-r", "recipe.yaml", "--service", "eks"], "not both"),
    ],
)
def test_one_way_to_say_which_recipe(
    arguments: list[str], told: str, place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["mirror", "list", *arguments]) == 1
    assert told in capsys.readouterr().err


def test_a_folder_of_charts_that_is_not_there(
    place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = listed(capsys, "--charts", "nowhere", status=3)
    assert "--charts nowhere" in told


def test_criteria_and_a_recipe_give_the_same_list(
    place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    criteria = ["--service", "eks", "--intent", "training"]
    assert run(["recipe", *criteria, "-o", "recipe.yaml"]) == 0
    recipe = yamlio.load((place / "recipe.yaml").read_text(), "r")
    want = stand_in_charts.for_recipe(place / "charts", recipe)
    by_recipe = listed(capsys, "-f", "json")
    assert run(["mirror", "list", *criteria, *OFFLINE, "-f", "json"]) == 0
    assert capsys.readouterr().out == by_recipe
    found = {item["component"]: set(item["images"]) for item in json.loads(by_recipe)["components"]}
    assert all(found[name] >= images for name, images in want.items())


HOOKS = """
from aicr_core import api
@api.hookimpl
def aicr_extra_images(component, values):
    BODY
"""


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (
            "return ['extra.example/' + component['name'] + ':1', 'busybox']",
            0,
            "extra.example/two:1",
        ),
        ("return ['NO SUCH']", 2, 'a plugin declares the image "NO SUCH", which is no reference'),
        ("raise ValueError('no idea')", 8, "no idea"),
    ],
)
def test_images_that_plugins_declare(
    body: str,
    status: int,
    told: str,
    place: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    site = place / "site"
    site.mkdir()
    manifest = 'name = "extra"\nhooks = ["aicr_extra_images"]\n'
    distribution(site, "extra", manifest, HOOKS.replace("BODY", body))
    monkeypatch.syspath_prepend(str(site))
    for module in ("aicr_extra", "aicr_extra.hooks"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    text = listed(capsys, "-f", "images", status=status)
    assert told in text
    if status == 0:
        assert text.splitlines().count("busybox") == 1


def test_the_same_bytes_for_every_order(place: pathlib.Path) -> None:
    refs = [ref(f"c{number}") for number in range(6)]
    write(place, *refs, ref("gone"))
    for item in refs:
        stand_in_charts.package(place / "charts", item["name"], "1.0.0")
    found = set()
    for jobs, seed, zone in (("1", "0", "UTC"), ("6", "42", "Asia/Kathmandu")):
        done = subprocess.run(
            [sys.executable, "-m", "aicr_core", "mirror", "list", "-r", "recipe.yaml", *OFFLINE, "--jobs", jobs,
             "--allow-partial"],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone}, capture_output=True, check=True,
        )  # fmt: skip
        found.add((done.stdout, done.stderr))
    assert len(found) == 1
