"""``aicr bundle --sbom``: the images of ``aicr mirror list``, neither more nor fewer, for every shipped recipe."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
from typing import Any

import pytest
import stand_in_charts

from aicr_core.app.bundle_plan import make_plan
from aicr_core.app.bundle_request import BundleRequest
from aicr_core.app.charts import ChartPlace, Charts
from aicr_core.app.contents import take_stock, writer_of, written_by
from aicr_core.app.environment import Environment
from aicr_core.app.recipe import RecipeRequest, build_recipe
from aicr_core.cli.root import run
from aicr_core.kit.emit import to_yaml
from aicr_core.model.settings import Settings

Document = dict[str, Any]
OFFLINE = ("--charts", "charts", "--offline")
MANIFEST = (
    "kind: Job\nspec: {template: {spec: {containers: [{name: j, image: 'job.example/j:1'}]}}}\n"
)


def cyclonedx_images(text: str) -> set[str]:
    return {
        entry["value"]
        for item in json.loads(text)["components"]
        if item["type"] == "container"
        for entry in item["properties"]
        if entry["name"] == "aicr:reference"
    }


def spdx_images(text: str) -> set[str]:
    return {
        item["name"]
        for item in json.loads(text)["packages"]
        if item["primaryPackagePurpose"] == "CONTAINER"
    }


@pytest.fixture
def place(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data/components/one"
    data.mkdir(parents=True)
    (tmp_path / "data/registry.yaml").write_text("components: []\n")
    (data / "job.yaml").write_text(MANIFEST)
    recipe(tmp_path)
    stand_in_charts.package(tmp_path / "charts", "one", "1.0.0", licence="MIT")
    return tmp_path


def recipe(folder: pathlib.Path, *more: Document) -> None:
    one = {
        "name": "one", "namespace": "n", "type": "Helm", "source": "https://c.example", "version": "1.0.0",
        "manifestFiles": ["components/one/job.yaml"],
    }  # fmt: skip
    document = {
        "kind": "RecipeResult",
        "criteria": {"service": "eks"},
        "componentRefs": [one, *more],
    }
    (folder / "recipe.yaml").write_text(to_yaml(document))


def bundle(*arguments: str) -> int:
    return run(["bundle", "-r", "recipe.yaml", "-o", "out", "--data", "data", *arguments])


def test_both_files_hold_what_the_list_holds(
    place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["mirror", "list", "-r", "recipe.yaml", "--data", "data", *OFFLINE, "-f", "images"]
    assert run(words) == 0
    listed = set(capsys.readouterr().out.split())
    assert "job.example/j:1" in listed
    assert bundle("--sbom", "cyclonedx", "--sbom", "spdx", "--sbom", "spdx", *OFFLINE) == 0
    out = place / "out"
    assert cyclonedx_images((out / "sbom.cdx.json").read_text()) == listed
    assert spdx_images((out / "sbom.spdx.json").read_text()) == listed
    sums = (out / "checksums.txt").read_text()
    files = {
        item["path"]: item for item in json.loads((out / "inventory.json").read_text())["files"]
    }
    for path in ("sbom.cdx.json", "sbom.spdx.json"):
        assert f"{hashlib.sha256((out / path).read_bytes()).hexdigest()}  {path}\n" in sums
        assert files[path]["producer"] == "airgap"


def test_charts_manifests_and_plugins_are_in_it(place: pathlib.Path) -> None:
    assert bundle("--sbom", "cyclonedx", *OFFLINE) == 0
    out = place / "out"
    found = {
        item["bom-ref"]: item
        for item in json.loads((out / "sbom.cdx.json").read_text())["components"]
    }
    chart = hashlib.sha256((place / "charts/one-1.0.0.tgz").read_bytes()).hexdigest()
    assert found["component:one"]["hashes"] == [{"alg": "SHA-256", "content": chart}]
    assert found["component:one"]["licenses"] == [{"license": {"id": "MIT"}}]
    manifest = found["manifest:one/manifests/job.yaml"]
    data = (out / "one/manifests/job.yaml").read_bytes()
    assert manifest["hashes"][0]["content"] == hashlib.sha256(data).hexdigest()
    plugins = {
        name.partition(":")[2]: item for name, item in found.items() if item["type"] == "library"
    }
    assert {"aicr-core", "aicr-helm", "aicr-charts", "aicr-airgap"} <= set(plugins)
    assert "aicr-kube" not in plugins, "it had no part in this bundle"
    assert all(item["licenses"] == [{"license": {"id": "Apache-2.0"}}] for item in plugins.values())


def test_a_gap_stops_it_unless_it_may_be_partial(
    place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe(
        place,
        {
            "name": "gone",
            "namespace": "n",
            "type": "Helm",
            "source": "https://c.example",
            "version": "1",
        },
    )
    assert bundle("--sbom", "cyclonedx", *OFFLINE) == 3
    told = capsys.readouterr().err
    assert "the bill of materials would not be complete" in told
    assert "component gone" in told
    assert not (place / "out").exists()
    assert bundle("--sbom", "cyclonedx", "--allow-partial", *OFFLINE) == 0
    assert (
        "the bill of materials is incomplete: [NOT_FOUND] component gone" in capsys.readouterr().out
    )
    document = json.loads((place / "out/sbom.cdx.json").read_text())
    assert document["compositions"][0]["aggregate"] == "incomplete"
    assert str(place) not in json.dumps(document)


def test_a_format_that_nobody_has(place: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bundle("--sbom", "spxd", *OFFLINE) == 2
    assert 'did you mean "spdx"?' in capsys.readouterr().err


def _leaves() -> list[str]:
    catalogue = Environment(Settings.from_env({"AICR_INDEX": "off"})).catalogue()
    parents = {catalogue.parent_of(name) for name in catalogue.names()}
    return [n for n in catalogue.names() if n not in parents and catalogue.criteria_of(n)]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("shelf")


@pytest.mark.parametrize("leaf", _leaves())
def test_every_shipped_recipe(leaf: str, shelf: pathlib.Path) -> None:
    environment = Environment(Settings.from_env(os.environ))
    criteria = environment.catalogue().criteria_of(leaf) or {}
    flags = {name: value for name, value in criteria.items() if isinstance(value, str)}
    document = build_recipe(environment, RecipeRequest(flags=flags)).document
    want = stand_in_charts.for_recipe(shelf / "charts", document)
    planned = make_plan(environment, BundleRequest(recipe=""), recipe=document)
    charts = Charts(environment, ChartPlace((str(shelf / "charts"),), offline=True))
    stock = take_stock(environment, planned, charts)
    assert stock.errors == ()

    def text(purpose: str, name: str) -> str:
        return written_by(*writer_of(environment, purpose, name, "x"), stock.inventory)

    images = set(text("mirror", "images").split())
    assert images >= {image for group in want.values() for image in group}
    assert cyclonedx_images(text("sbom", "cyclonedx")) == images
    assert spdx_images(text("sbom", "spdx")) == images
    for name in ("hauler", "zarf", "oc-mirror"):
        held = text("mirror", name)
        assert all(f"{image}\n" in held for image in images)
