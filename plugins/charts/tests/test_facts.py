"""What a chart says of itself, read from its package alone."""

from __future__ import annotations

import pathlib

import pytest
from aicr_charts.archive import packaged, write_archive
from aicr_charts.facts import describe
from chart_lab import chart_context, chart_files, small_chart

from aicr_core.api import AicrError, ChartFacts, Code


def facts(tmp_path: pathlib.Path, data: bytes) -> ChartFacts:
    return describe(chart_context(tmp_path), packaged(data, "engine.tgz"))


def test_everything_a_chart_says(tmp_path: pathlib.Path) -> None:
    found = facts(tmp_path, write_archive("engine", chart_files()))
    # The parent's word counts more than the sub-chart's; the alias has the defaults of its own.
    assert found.values["sensor"] == {"port": 9000, "depth": {"unit": "cm"}, "enabled": True}
    assert found.values["second"] == {"port": 80, "depth": {"unit": "cm"}}
    assert found.values["replicas"] == 1
    assert found.schema is not None
    assert found.schema["properties"]["replicas"]["type"] == "integer"
    assert found.kube_version == ">=1.30.0-0"
    assert found.licence == "Apache-2.0"
    assert [text.count("kind: CustomResourceDefinition") for text in found.crds] == [1]
    assert found.dependencies == ("second", "sensor")


def test_packaged_sub_charts_and_their_crds(tmp_path: pathlib.Path) -> None:
    inner = small_chart(
        "inner", "1.0.0", **{"values.yaml": "deep: 1\n", "crds/x.yaml": "kind: X\n"}
    )
    files = {"Chart.yaml": b"name: outer\nversion: 1.0.0\n", "charts/inner-1.0.0.tgz": inner}
    found = facts(tmp_path, write_archive("outer", files))
    assert found.values == {"inner": {"deep": 1}}
    assert found.crds == ("kind: X\n",)
    assert found.dependencies == ("inner",)


def test_old_charts_name_their_parts_apart(tmp_path: pathlib.Path) -> None:
    files = {
        "Chart.yaml": b"apiVersion: v1\nname: old\nversion: 1.0.0\n",
        "requirements.yaml": b"dependencies:\n- {name: part, alias: other}\n",
        "charts/part/Chart.yaml": b"name: part\nversion: 1.0.0\n",
        "charts/part/values.yaml": b"x: 1\n",
    }
    assert facts(tmp_path, write_archive("old", files)).values == {"other": {"x": 1}}


def test_a_chart_that_says_nothing(tmp_path: pathlib.Path) -> None:
    found = facts(tmp_path, small_chart("bare", "1.0.0"))
    assert found == ChartFacts(values={})


@pytest.mark.parametrize(
    ("path", "text"),
    [("values.yaml", "- x\n"), ("values.yaml", "{{{"), ("values.schema.json", "{"),
     ("values.schema.json", "[]"), ("charts/x.tgz", "no gzip"), ("charts/y/Chart.yaml", "{}")],
)  # fmt: skip
def test_files_that_do_not_parse(tmp_path: pathlib.Path, path: str, text: str) -> None:
    with pytest.raises(AicrError) as caught:
        facts(tmp_path, small_chart("bare", "1.0.0", **{path: text}))
    assert caught.value.code is Code.INVALID_REQUEST
    assert "engine.tgz" in (caught.value.where or "")
