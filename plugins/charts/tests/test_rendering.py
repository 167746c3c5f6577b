"""Both engines render our chart alike, refuse alike, and take nothing down with them."""

from __future__ import annotations

import pathlib
import time
from typing import Any

import pytest
from aicr_charts import engines
from aicr_charts.archive import packaged, write_archive
from aicr_charts.engines import KUBERNETES, render, unused
from chart_lab import chart_context, chart_files, small_chart

from aicr_core.api import AicrError, Code, Context, PackagedChart, RenderRequest, rendered_objects

ENGINES = ["library", "executable"]


@pytest.fixture(params=ENGINES)
def ctx(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Context:
    """A context with one of the engines and not the other."""
    if request.param == "library":
        pytest.importorskip("helm_python")
        return chart_context(tmp_path, env={"PATH": "/nowhere"})
    return without_library(request, tmp_path)


def without_library(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Context:
    monkeypatch = request.getfixturevalue("monkeypatch")
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: None)
    return chart_context(tmp_path, env={"PATH": str(request.getfixturevalue("helm_folder"))})


def chart(**more: str) -> PackagedChart:
    return packaged(write_archive("engine", chart_files(**more)), "engine.tgz")


def request_of(values: dict[str, Any] | None = None, **more: Any) -> RenderRequest:
    return RenderRequest(release="rel", namespace="space", values=values or {}, **more)


def names(text: str) -> list[tuple[str, str, str]]:
    return [(path, item["kind"], item["metadata"]["name"]) for path, item in rendered_objects(text)]


def refused(ctx: Context, one: PackagedChart, request: RenderRequest) -> AicrError:
    with pytest.raises(AicrError) as caught:
        render(ctx, one, request)
    assert "\n" not in str(caught.value)
    return caught.value


def test_what_is_rendered(ctx: Context) -> None:
    text = render(
        ctx, chart(), request_of({"nodeSelector": {"pool": "gpu"}, "sensor": {"port": 1}})
    )
    assert sorted(names(text)) == [
        ("engine/charts/sensor/templates/service.yaml", "Service", "rel-sensor"),
        ("engine/templates/all.yaml", "ConfigMap", "rel-facts"),
        ("engine/templates/all.yaml", "Deployment", "rel"),
        ("engine/templates/hook.yaml", "Job", "rel-before"),
    ]
    found = {item["kind"]: item for _, item in rendered_objects(text)}
    assert found["Deployment"]["spec"]["template"]["spec"]["nodeSelector"] == {"pool": "gpu"}
    assert found["Deployment"]["metadata"]["namespace"] == "space"
    assert found["Service"]["spec"]["ports"] == [{"port": 1}]
    data = found["ConfigMap"]["data"]
    assert data["script"] == f'# a comment\necho "v{KUBERNETES}"\n'
    assert data["number"] == "012"


def test_conditions_tags_and_versions(ctx: Context) -> None:
    values = {"sensor": {"enabled": False}, "tags": {"extra": True}}
    text = render(
        ctx, chart(),
        request_of(values, kubernetes="1.33", api_versions=("monitoring.example.com/v1",)),
    )  # fmt: skip
    found = {item["metadata"]["name"]: item for _, item in rendered_objects(text)}
    assert set(found) == {"rel", "rel-facts", "rel-before", "rel-second"}
    assert 'echo "v1.33' in found["rel-facts"]["data"]["script"]
    assert found["rel-facts"]["data"]["monitored"] == "true"


def test_the_engines_agree(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path, helm_folder: pathlib.Path
) -> None:
    pytest.importorskip("helm_python")
    for values in ({}, {"replicas": 0, "tags": {"extra": True}}, {"nodeSelector": {"a": "b"}}):
        library = render(chart_context(tmp_path), chart(), request_of(values))
        monkeypatch = pytest.MonkeyPatch()
        with monkeypatch.context() as patch:
            patch.setattr(engines.importlib.util, "find_spec", lambda name: None)
            path = {"PATH": str(helm_folder)}
            program = render(chart_context(tmp_path, env=path), chart(), request_of(values))

        def order(pair: tuple[str, Any]) -> tuple[str, str]:
            return pair[0], pair[1]["metadata"]["name"]

        objects = sorted(rendered_objects(library), key=order)
        other = sorted(rendered_objects(program), key=order)
        # YAML 1.1 of Helm reads the key `yes` as a truth; the text of the executable is read as YAML 1.2.
        for _, item in objects:
            if "true" in item.get("data", {}):
                item["data"]["yes"] = item["data"].pop("true")
        assert objects == other


@pytest.mark.parametrize(
    ("values", "more", "word"),
    [({"replicas": "many"}, {}, "replicas"), ({"replicas": -1}, {}, "replicas"),
     ({}, {"kubernetes": "1.29"}, "1.29")],
)  # fmt: skip
def test_refusals(ctx: Context, values: dict[str, Any], more: dict[str, Any], word: str) -> None:
    found = refused(ctx, chart(), request_of(values, **more))
    assert found.code is Code.INVALID_REQUEST
    assert word in found.message
    assert found.where == "engine 1.2.3"


@pytest.mark.parametrize(
    "template", ["{{ .Values.", "{{ fail `not today` }}", "{{ .Values.a.b.c }}", "{{ nosuch }}",
                 "{{ required `needed` .Values.x }}"],
)  # fmt: skip
def test_templates_that_fail(ctx: Context, template: str) -> None:
    found = refused(ctx, chart(**{"templates/bad.yaml": template}), request_of())
    assert found.code is Code.INVALID_REQUEST
    assert "templates/bad.yaml" in found.message


def test_text_that_is_no_yaml_is_given_as_it_is(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("helm_python")
    one = chart(**{"templates/odd.yaml": "kind: X\nmetadata: {name: x}\n  bad: [\n"})
    text = render(chart_context(tmp_path), one, request_of())
    with pytest.raises(AicrError) as caught:
        rendered_objects(text)
    assert "engine/templates/odd.yaml" in (caught.value.where or "")


def test_a_template_that_eats_memory(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("helm_python")
    bomb = "{{ repeat 9000000000 `x` }}"
    found = refused(chart_context(tmp_path), chart(**{"templates/b.yaml": bomb}), request_of())
    assert found.code is Code.INTERNAL
    assert "out of memory" in found.message


def test_a_template_without_an_end(ctx: Context) -> None:
    loop = "{{ range until 100000 }}{{ range until 100000 }}{{ $x := repeat 1000 `x` }}{{ end }}{{ end }}"
    start = time.monotonic()
    one = chart(**{"templates/b.yaml": loop})
    found = refused(ctx.within(3), one, request_of())
    assert found.code is Code.TIMEOUT
    assert time.monotonic() - start < 15


def test_endless_recursion(ctx: Context) -> None:
    loop = '{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}'
    found = refused(ctx, chart(**{"templates/b.yaml": loop}), request_of())
    assert found.code in (Code.INVALID_REQUEST, Code.INTERNAL)


def test_no_engine_says_how_to_get_one(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: None)
    found = refused(chart_context(tmp_path, env={"PATH": "/nowhere"}), chart(), request_of())
    assert found.code is Code.SERVICE_UNAVAILABLE
    assert "aicr-charts[engine]" in (found.hint or "")
    with pytest.raises(AicrError) as caught:
        unused(chart_context(tmp_path), chart(), request_of())
    assert caught.value.code is Code.SERVICE_UNAVAILABLE


def test_a_library_that_does_not_load(tmp_path: pathlib.Path, helm_folder: pathlib.Path) -> None:
    pytest.importorskip("helm_python")
    broken = tmp_path / "libhelm_c.so"
    broken.write_text("no library")
    env = {"HELM_C_LIB": str(broken)}
    found = refused(chart_context(tmp_path, env={**env, "PATH": "/x"}), chart(), request_of())
    if found.code is not Code.SERVICE_UNAVAILABLE:
        raise found
    text = render(
        chart_context(tmp_path, env={**env, "PATH": str(helm_folder)}), chart(), request_of()
    )
    assert "rel-before" in text


# --- values that change nothing -------------------------------------------------------------------------


def test_unused_values(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("helm_python")
    values = {
        "replicas": 1,  # equal to the default, and known all the same
        "driver": {"useOpenKernelModules": True, "deep": {"er": [1]}},
        "image": {"repository": "r.example.com/x", "pullPolicy": "Always"},
        "sensor": {"enabled": True, "port": 80, "colour": "red"},
        "nodeSelector": {},
        "dotted.key": 1,
    }
    found = unused(chart_context(tmp_path), chart(), request_of(values))
    assert found == ("dotted\\.key", "driver", "image.pullPolicy", "sensor.colour")


def test_templates_that_differ_each_time_are_left_out(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("helm_python")
    one = chart(**{"templates/rand.yaml": "a: {{ randAlphaNum 20 }}{{ .Values.only }}"})
    found = unused(chart_context(tmp_path), one, request_of({"only": "here", "no": 1}))
    assert found == ("no", "only")


def test_a_chart_that_refuses_has_no_unused_values(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("helm_python")
    one = packaged(small_chart("x", "1.0.0", **{"templates/a.yaml": "{{ fail `no` }}"}), "x")
    assert unused(chart_context(tmp_path), one, request_of({"a": 1})) == ()
