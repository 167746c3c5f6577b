"""Writers and chart engines that misbehave: one line that names the plugin, nothing written, never a traceback."""

from __future__ import annotations

import pathlib
import sys
from typing import Any

import pytest
from distributions import distribution

from aicr_core.cli.root import run
from aicr_core.kit.emit import to_yaml

RECIPE: dict[str, Any] = {
    "kind": "RecipeResult",
    "componentRefs": [
        {"name": "one", "namespace": "n", "type": "Helm", "source": "https://c.example", "version": "1"}
    ],
}  # fmt: skip
WRITER = """
from aicr_core import api
def write(inventory):
    {body}
@api.hookimpl
def aicr_inventory_writers():
    yield api.InventoryWriter(name="odd", purpose="mirror", write=write)
    yield api.InventoryWriter(name="odd", purpose="sbom", write=write, suffix={suffix!r})
    {more}
"""
ENGINE = """
from aicr_core import api
def find(ctx, wanted):
    {find}
def describe(ctx, chart):
    {describe}
def render(ctx, chart, request):
    {render}
@api.hookimpl
def aicr_chart_engines():
    yield api.ChartEngine(name="odd", find=find, describe=describe, render=render)
"""
GOOD = {
    "find": "return api.PackagedChart(name='one', version='1', data=b'x', source='s', sha256='0')",
    "describe": "return api.ChartFacts(values={})",
    "render": "return ''",
}


@pytest.fixture
def plugin(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AICR_INDEX_DIR", str(tmp_path / "index"))
    (tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    for module in ("aicr_odd", "aicr_odd.hooks"):
        monkeypatch.delitem(sys.modules, module, raising=False)

    def install(hook: str, source: str, *, bare: bool) -> None:
        distribution(tmp_path / "site", "odd", f'name = "odd"\nhooks = ["{hook}"]\n', source)
        document = RECIPE
        if bare:
            document = {
                **RECIPE,
                "componentRefs": [
                    {
                        "name": "one",
                        "namespace": "n",
                        "type": "Helm",
                        "source": "",
                        "manifestFiles": [
                            "components/gpu-operator/manifests/gke-resource-quota.yaml"
                        ],
                    }
                ],
            }
        else:
            monkeypatch.setenv("AICR_PLUGINS", "odd,airgap,helm,recipes")
        (tmp_path / "recipe.yaml").write_text(to_yaml(document))

    return install


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    status = run([*words, "-r", "recipe.yaml"])
    said = capsys.readouterr()
    assert status in (2, 3, 8), said.err
    assert "Traceback" not in said.err
    assert "report it" not in said.err, "this is the plugin's defect, not ours"
    assert said.out == ""
    assert not pathlib.Path("out").exists()
    return said.err


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("raise KeyError('x')", "KeyError"),
        ("return b'bytes'", "bytes"),
        ("return None", "NoneType"),
        ("raise api.AicrError(api.Code.INVALID_REQUEST, 'not like this')", "not like this"),
    ],
)
def test_a_writer_that_fails(
    body: str, told: str, plugin: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin("aicr_inventory_writers", WRITER.format(body=body, suffix=".x", more=""), bare=True)
    for words in (("mirror", "list", "-f", "odd"), ("bundle", "-o", "out", "--sbom", "odd")):
        text = refused(capsys, *words)
        assert told in text
        assert "plugin odd" in text


@pytest.mark.parametrize("suffix", ["/../../x", "/x", "\\x", "/"])
def test_a_writer_whose_file_would_lie_elsewhere(
    suffix: str, plugin: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin(
        "aicr_inventory_writers",
        WRITER.format(body="return 'x'", suffix=suffix, more=""),
        bare=True,
    )
    refused(capsys, "bundle", "-o", "out", "--sbom", "odd")


def test_two_writers_of_one_name_and_things_that_are_none(
    plugin: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    more = "yield api.InventoryWriter(name='yaml', purpose='mirror', write=write); yield 7"
    plugin(
        "aicr_inventory_writers", WRITER.format(body="return 'x'", suffix="", more=more), bare=True
    )
    text = refused(capsys, "mirror", "list")
    assert "airgap (aicr-airgap) and odd (aicr-odd)" in text


@pytest.mark.parametrize(
    ("part", "body", "told"),
    [
        ("find", "return None", "not a PackagedChart"),
        ("find", "raise OSError('broken disk')", "broken disk"),
        ("describe", "return {}", "not a ChartFacts"),
        ("render", "return 7", "not a str"),
        ("render", "return '{image: unclosed'", "not valid YAML"),
        ("render", "raise SystemExit(3)", "SystemExit"),
    ],
)
def test_an_engine_that_fails(
    part: str, body: str, told: str, plugin: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin("aicr_chart_engines", ENGINE.format(**{**GOOD, part: body}), bare=False)
    text = refused(capsys, "mirror", "list")
    assert told in text
    assert "plugin odd" in text
    assert "component one" in text


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "", ".hidden", "a\\nb"])
def test_a_chart_whose_name_leads_elsewhere(
    name: str, plugin: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    find = (
        f"return api.PackagedChart(name='{name}', version='1', data=b'x', source='s', sha256='0')"
    )
    plugin("aicr_chart_engines", ENGINE.format(**{**GOOD, "find": find}), bare=False)
    assert "no file name" in refused(capsys, "bundle", "-o", "out", "--vendor-charts")
