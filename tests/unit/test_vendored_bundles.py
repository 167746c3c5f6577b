"""Bundles that bring their charts along: in place, told of, the same bytes everywhere; by every deployer or by none."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import subprocess
import sys
from typing import Any

import pytest
import stand_in_charts

from aicr_core.app.environment import Environment
from aicr_core.cli.root import run
from aicr_core.kit import yamlio
from aicr_core.kit.emit import to_yaml
from aicr_core.model.settings import Settings

Document = dict[str, Any]
OFFLINE = ("--charts", "charts", "--offline")
KUSTOMIZE = {
    "name": "kust", "namespace": "k", "type": "Kustomize", "source": "https://g.example/x", "path": "p",
}  # fmt: skip


def ref(name: str, version: str, source: str, **more: Any) -> Document:
    return {
        "name": name,
        "namespace": "n",
        "type": "Helm",
        "source": source,
        "version": version,
        **more,
    }


REFS = [
    ref("one", "v1.0.0", "https://c.example"),
    ref("two", "2.0.0", "oci://r.example/charts", chart="other", dependencyRefs=["one"]),
    {"name": "bare", "type": "Helm", "source": ""},
]


def write(folder: pathlib.Path, *refs: Document) -> None:
    document = {
        "kind": "RecipeResult",
        "metadata": {"version": "v9"},
        "componentRefs": list(refs),
        "deploymentOrder": [item["name"] for item in refs],
    }
    (folder / "recipe.yaml").write_text(to_yaml(document))


@pytest.fixture
def place(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, *REFS)
    stand_in_charts.package(tmp_path / "charts", "one", "v1.0.0")
    stand_in_charts.package(tmp_path / "charts", "other", "2.0.0")
    return tmp_path


def bundle(*arguments: str) -> int:
    return run(["bundle", "-r", "recipe.yaml", "-o", "out", *arguments])


def test_charts_lie_beside_their_values(place: pathlib.Path) -> None:
    assert bundle("--vendor-charts", *OFFLINE) == 0
    out = place / "out"
    archives = sorted(str(path.relative_to(out)) for path in out.rglob("*.tgz"))
    assert archives == ["one/charts/one-v1.0.0.tgz", "two/charts/other-2.0.0.tgz"]
    for archive in archives:
        given = place / "charts" / archive.rpartition("/")[2]
        assert (out / archive).read_bytes() == given.read_bytes()
    document = yamlio.load((out / "provenance.yaml").read_text(), "p")
    assert (document["kind"], document["apiVersion"]) == ("BundleProvenance", "aicr.run/v1")
    version = Environment(Settings.from_env(os.environ)).index.row("charts")["version"]  # type: ignore[index]
    assert document["vendoredCharts"] == [
        {
            "name": name, "chart": chart, "version": number, "repository": repository,
            "sha256": hashlib.sha256((place / "charts" / f"{chart}-{number}.tgz").read_bytes()).hexdigest(),
            "tarballName": f"{chart}-{number}.tgz", "pullerVersion": f"aicr-charts {version}",
        }
        for name, chart, number, repository in (
            ("one", "one", "v1.0.0", "https://c.example"), ("two", "other", "2.0.0", "oci://r.example/charts"),
        )
    ]  # fmt: skip
    sums = (out / "checksums.txt").read_text()
    inventory = {item["path"] for item in json.loads((out / "inventory.json").read_text())["files"]}
    for path in (*archives, "provenance.yaml"):
        assert f"  {path}\n" in sums
        assert path in inventory
    info = yamlio.load((out / "bundle-info.yaml").read_text(), "i")
    assert info["layout"]["provenance"] == "provenance.yaml"
    assert [item.get("vendored") for item in info["layout"]["releases"]] == [*archives, None]


def test_a_bundle_without_charts_names_no_provenance(place: pathlib.Path) -> None:
    assert bundle() == 0
    assert not (place / "out/provenance.yaml").exists()
    assert "provenance" not in (place / "out/bundle-info.yaml").read_text()
    assert not list((place / "out").rglob("*.tgz"))


def test_the_scripts_install_what_is_there(place: pathlib.Path) -> None:
    assert bundle("--vendor-charts", *OFFLINE) == 0
    done = subprocess.run(
        ["bash", "out/deploy.sh", "--dry-run"], capture_output=True, text=True, check=True
    )
    shown = [line for line in done.stdout.splitlines() if "helm upgrade" in line]
    assert len(shown) == 2
    assert "/out/two/charts/other-2.0.0.tgz -n n " in shown[1]
    readme = (place / "out/README.md").read_text()
    assert "helm upgrade --install one one/charts/one-v1.0.0.tgz -n n" in readme
    for text in (*shown, readme):
        assert "--repo" not in text
        assert "--version" not in text


def test_what_cannot_be_found_is_all_named_and_nothing_is_written(
    place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        place, *REFS, ref("gone", "1", "https://c.example"), ref("lost", "1", "https://c.example")
    )
    assert bundle("--vendor-charts", *OFFLINE) == 3
    told = capsys.readouterr().err
    assert "the bundle cannot bring all charts along" in told
    assert told.index("component gone") < told.index("component lost")
    assert not (place / "out").exists()


def test_a_kustomization_is_told_of(
    place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(place, *REFS, KUSTOMIZE)
    assert bundle("--vendor-charts", *OFFLINE) == 0
    assert (
        "kust is a kustomization: it is fetched from https://g.example/x" in capsys.readouterr().out
    )


def test_a_chart_whose_name_is_a_path_is_refused(
    place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the engine makes of it: nothing is written outside of the bundle."""
    stand_in_charts.package(place / "odd", "one", "v1.0.0")
    source = (place / "odd/one-v1.0.0.tgz").read_bytes()
    import gzip

    (place / "charts/one-v1.0.0.tgz").write_bytes(
        gzip.compress(gzip.decompress(source).replace(b"name: one\n", b"name: ../\n"), mtime=0)
    )
    assert bundle("--vendor-charts", *OFFLINE) in (2, 3)
    assert "Traceback" not in capsys.readouterr().err
    assert not (place / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [(["--charts", "charts"], "--charts"), (["--offline"], "--offline"), (["--allow-partial"], "--allow-partial")],
)  # fmt: skip
def test_options_that_would_do_nothing_are_refused(
    arguments: list[str], flag: str, place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bundle(*arguments) == 2
    told = capsys.readouterr().err
    assert flag in told
    assert "add --" in told


def test_without_an_engine(
    place: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AICR_PLUGINS", "helm,airgap,recipes")
    assert bundle("--vendor-charts") == 3
    assert "aicr-charts[engine]" in capsys.readouterr().err


def _deployers() -> list[str]:
    environment = Environment(Settings.from_env({"AICR_INDEX": "off"}))
    return sorted(environment.manager.named("aicr_deployers", "name"))


@pytest.mark.parametrize("name", _deployers())
def test_every_deployer_brings_them_along_or_refuses(
    name: str, place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = bundle("--vendor-charts", *OFFLINE, "-d", name, "--repo", "https://git.example/x.git")
    told = capsys.readouterr().err
    if status:
        assert status == 2, told
        assert name in told
        return
    written = {path.read_bytes() for path in (place / "out").rglob("*") if path.is_file()}
    for chart in (place / "charts").iterdir():
        assert chart.read_bytes() in written
    # Repositories stay named where people read, or in data about the bundle; nothing installs from them.
    told_of = {"README.md", "recipe.yaml", "bundle-info.yaml", "provenance.yaml", "releases.tsv"}
    for path in (place / "out").rglob("*"):
        if path.is_file() and path.name not in told_of and path.suffix != ".tgz":
            text = path.read_text()
            assert "c.example" not in text, path
            assert "r.example" not in text, path


def test_a_deployer_that_leaves_a_chart_out_is_found_out(
    place: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from distributions import distribution

    source = """
from aicr_core import api
def deploy(ctx, plan):
    yield api.Artifact(path="plan.txt", data=b"x")
@api.hookimpl
def aicr_deployers():
    yield api.Deployer(name="paper", title="Paper", call=deploy, steps=lambda plan, directory: [])
"""
    site = place / "site"
    site.mkdir()
    distribution(site, "paper", 'name = "paper"\nhooks = ["aicr_deployers"]\n', source)
    monkeypatch.syspath_prepend(str(site))
    for module in ("aicr_paper", "aicr_paper.hooks"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    assert bundle("--vendor-charts", *OFFLINE, "-d", "paper") == 2
    assert "deployer paper cannot bring charts along" in capsys.readouterr().err
    assert not (place / "out").exists()


def test_the_same_bytes_for_every_order(place: pathlib.Path) -> None:
    found = set()
    for jobs, seed, zone, umask in (("1", "0", "UTC", 0o022), ("5", "42", "Asia/Kathmandu", 0o077)):
        target = place / f"out{jobs}"
        subprocess.run(
            [sys.executable, "-m", "aicr_core", "bundle", "-r", "recipe.yaml", "-o", target, "--vendor-charts", *OFFLINE,
             "--sbom", "cyclonedx", "--sbom", "spdx", "--jobs", jobs],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone}, capture_output=True, check=True, umask=umask,
        )  # fmt: skip
        found.add((target / "checksums.txt").read_text())
    assert len(found) == 1
