"""Stage B: the chart rendered with the bundle's values, all rules on what comes out, and the rules about values."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
import sarif
from bundle_lab import check, release, write_bundle
from chart_lab import chart_files, small_chart

from aicr_core.api import pack
from aicr_core.app.environment import Environment
from aicr_core.engine.bundle_findings import CheckReport
from aicr_core.engine.bundle_formats import write

pytest.importorskip("helm_python")
ENGINE = release("a", chart="engine", version="1.2.3")


@pytest.fixture
def charts(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "charts"
    folder.mkdir()
    add(folder, "engine", "1.2.3", {f"engine/{path}": data for path, data in chart_files().items()})
    return folder


def add(folder: pathlib.Path, name: str, version: str, files: dict[str, bytes] | bytes) -> None:
    data = files if isinstance(files, bytes) else pack(files)
    (folder / f"{name}-{version}.tgz").write_bytes(data)


def rules(report: CheckReport) -> list[tuple[str, str, int]]:
    return [(f.rule, f.path, f.line) for f in report.findings]


def test_rendered_objects_are_looked_at(
    environment: Environment, folder: pathlib.Path, charts: pathlib.Path
) -> None:
    values = {"a/values.yaml": "image:\n  tag: latest\n"}
    write_bundle(folder, [ENGINE], values)
    report = check(environment, folder, charts=(str(charts),), kubernetes="1.33")
    assert [(f.rule, f.component, f.path) for f in report.findings] == [
        ("AB411", "a", "engine/templates/all.yaml")
    ]
    assert [stage.status for stage in report.stages] == ["ran", "ran"]
    assert report.objects == 5  # with the definition of crds/
    (result,) = sarif.valid(write(report, "sarif", "1"))["runs"][0]["results"]
    place = {"fullyQualifiedName": "a/engine/templates/all.yaml"}
    assert result["locations"] == [{"logicalLocations": [place]}], "no file that is not there"


def test_what_a_chart_refuses(
    environment: Environment, folder: pathlib.Path, charts: pathlib.Path
) -> None:
    write_bundle(folder, [ENGINE], {"a/values.yaml": "replicas: many\n"})
    report = check(environment, folder, charts=(str(charts),))
    assert rules(report) == [("AB003", "a/values.yaml", 0)]
    assert "replicas" in report.findings[0].message
    write_bundle(folder, [ENGINE], {})
    report = check(environment, folder, charts=(str(charts),), kubernetes="1.29")
    assert [f.rule for f in report.findings] == ["AB003"]
    assert "1.29" in report.findings[0].message


UNKNOWN = """\
replica: 2
image:
  tga: 1
nodeSelector:
  any: thing
sensor:
  prot: 80
  enabled: true
global: {a: 1}
"""


def test_values_that_the_chart_does_not_know(
    environment: Environment, folder: pathlib.Path, charts: pathlib.Path
) -> None:
    write_bundle(folder, [ENGINE], {"a/values.yaml": UNKNOWN})
    report = check(environment, folder, charts=(str(charts),))
    assert [(f.rule, f.line, f.hint) for f in report.findings] == [
        ("AB501", 1, 'did you mean "replicas"?'),
        ("AB501", 3, 'did you mean "tag"?'),
        ("AB501", 7, 'did you mean "port"?'),
    ]


@pytest.mark.parametrize(
    ("template", "values"),
    [("a: {{ .Values.hidden }}", "hidden: 1"), ('a: {{ index .Values "hid-den" }}', "hid-den: 1"),
     ("a: {{ toYaml .Values.shown | nindent 2 }}", "shown: {b: 1}"),
     ("{{ range $k, $v := .Values.shown }}x{{ $k }}: 1\n{{ end }}", "shown: {b: 1}"),
     ("{{ with .Values.shown }}a: {{ .b.c }}{{ end }}", "shown: {b: {c: 1}}")],
)  # fmt: skip
def test_values_that_only_templates_know(
    environment: Environment, folder: pathlib.Path, charts: pathlib.Path, template: str, values: str
) -> None:
    files = {"values.yaml": "shown: {a: 1}\n", "templates/t.yaml": template}
    add(charts, "other", "1.0.0", small_chart("other", "1.0.0", **files))
    write_bundle(folder, [release("a", chart="other")], {"a/values.yaml": values})
    assert rules(check(environment, folder, charts=(str(charts),))) == []


SCHEMAS = [
    ({"properties": {"more": {"type": "object", "properties": {"a": {}}}}}, "more: {a: 1}", True),
    ({"properties": {"more": {"type": "object", "properties": {"a": {}}}}}, "more: {b: 1}", False),
    ({"$ref": "#/$defs/all", "$defs": {"all": {"type": "object"}}}, "any: 1", True),
    ({"additionalProperties": {"type": "integer"}}, "any: 1", True),
    ({"additionalProperties": True}, "any: 1", False),
]


@pytest.mark.parametrize(("schema", "values", "known"), SCHEMAS)
def test_keys_that_a_schema_knows(
    environment: Environment,
    folder: pathlib.Path,
    charts: pathlib.Path,
    schema: Any,
    values: str,
    known: bool,
) -> None:
    files = {"values.schema.json": json.dumps(schema)}
    add(charts, "other", "1.0.0", small_chart("other", "1.0.0", **files))
    write_bundle(folder, [release("a", chart="other")], {"a/values.yaml": values})
    report = check(environment, folder, charts=(str(charts),))
    assert [f.rule for f in report.findings] == ([] if known else ["AB501"])


def test_dead_values(environment: Environment, folder: pathlib.Path, charts: pathlib.Path) -> None:
    files = {
        "values.yaml": "enabled: false\nname: x\n",
        "templates/t.yaml": "{{ if .Values.enabled }}kind: X\nmetadata: {name: {{ .Values.name }}}{{ end }}",
    }
    add(charts, "other", "1.0.0", small_chart("other", "1.0.0", **files))
    entry = release("a", chart="other")
    write_bundle(folder, [entry], {"a/values.yaml": "enabled: false\nname: why\nnmae: z\n"})
    report = check(environment, folder, charts=(str(charts),), dead_values=True)
    assert rules(report) == [("AB502", "a/values.yaml", 2), ("AB501", "a/values.yaml", 3)]
    write_bundle(folder, [entry], {"a/values.yaml": "enabled: true\nname: why\n"})
    assert rules(check(environment, folder, charts=(str(charts),), dead_values=True)) == []


CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: motors.e.example}
spec: {group: e.example, names: {kind: Motor}, versions: [{name: v1, served: true}]}
"""
MOTOR = "apiVersion: e.example/v1\nkind: Motor\nmetadata: {name: m%s}\n"


@pytest.mark.parametrize(
    ("files", "bad"),
    [({"templates/d.yaml": CRD, "templates/m.yaml": MOTOR % ""}, True),
     ({"crds/d.yaml": CRD, "templates/m.yaml": MOTOR % ""}, False),
     ({"templates/d.yaml": CRD, "templates/m.yaml": MOTOR % ", annotations: {helm.sh/hook: post-install}"}, False)],
)  # fmt: skip
def test_a_definition_among_templates(
    environment: Environment, folder: pathlib.Path, charts: pathlib.Path, files: Any, bad: bool
) -> None:
    add(charts, "other", "1.0.0", small_chart("other", "1.0.0", **files))
    write_bundle(folder, [release("a", chart="other")], {})
    report = check(environment, folder, charts=(str(charts),))
    assert [f.rule for f in report.findings] == (["AB122"] if bad else [])


def test_what_two_charts_bring_and_helm_bears(
    environment: Environment, folder: pathlib.Path, charts: pathlib.Path
) -> None:
    """A definition of crds/ that is there is left, a hook is replaced: warnings; of anything else the second fails."""
    hook = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: h, annotations: {helm.sh/hook: pre-install}}\n"
    parts = {"crds/d.yaml": CRD, "templates/h.yaml": hook, "templates/m.yaml": MOTOR % ""}
    for name in ("one", "two"):
        add(charts, name, "1.0.0", small_chart(name, "1.0.0", **parts))
    releases = [release(name, chart=name, namespace="n") for name in ("one", "two")]
    write_bundle(folder, releases, {})
    report = check(environment, folder, charts=(str(charts),))
    assert [(f.rule, f.severity, f.message.partition(" ")[0]) for f in report.findings] == [
        ("AB101", "error", "Motor"),
        ("AB101", "warning", "CustomResourceDefinition"),
        ("AB101", "warning", "ConfigMap"),
    ]


def test_kinds_of_earlier_releases_are_known_to_a_chart(
    environment: Environment, folder: pathlib.Path, charts: pathlib.Path
) -> None:
    """`b` renders its monitor only where the kind is known: after `a`, which defines it in its crds/."""
    asks = '{{ if .Capabilities.APIVersions.Has "e.example/v1/Motor" }}' + MOTOR % "" + "{{ end }}"
    add(charts, "kinds", "1.0.0", small_chart("kinds", "1.0.0", **{"crds/d.yaml": CRD}))
    add(charts, "asks", "1.0.0", small_chart("asks", "1.0.0", **{"templates/m.yaml": asks}))
    one, two = release("a", chart="kinds"), release("b", chart="asks", depends=["a"])
    for releases, objects in (([one, two], 2), ([two, one], 1)):
        write_bundle(folder, releases, {})
        assert check(environment, folder, charts=(str(charts),)).objects == objects


def test_a_chart_that_is_not_there_is_said(
    environment: Environment, folder: pathlib.Path, charts: pathlib.Path
) -> None:
    other = release("b", chart="nosuch", version="4.5.6")
    write_bundle(folder, [ENGINE, other], {})
    report = check(environment, folder, charts=(str(charts),))
    stage = report.stages[1]
    assert stage.status == "partly"
    assert stage.reasons[0].startswith("b: the chart nosuch 4.5.6 is not in")
    assert "--charts" in stage.reasons[1]
    assert report.failing == 0
    report = check(environment, folder, charts=(str(charts),), require=("B",))
    assert [(f.rule, f.severity) for f in report.findings] == [("AB005", "error")]


def test_a_chart_that_the_bundle_brings(
    environment: Environment, folder: pathlib.Path, charts: pathlib.Path
) -> None:
    package = (charts / "engine-1.2.3.tgz").read_bytes()
    entry = {**ENGINE, "vendored": "a/charts/engine-1.2.3.tgz"}
    write_bundle(folder, [entry], {})
    (folder / "a/charts").mkdir()
    (folder / entry["vendored"]).write_bytes(package)
    report = check(environment, folder, stage="B", ignore=("AB001",))
    assert [stage.status for stage in report.stages] == ["ran", "ran"]
    assert report.objects == 5


def test_rendered_text_that_is_no_yaml(
    environment: Environment, folder: pathlib.Path, charts: pathlib.Path
) -> None:
    bad = small_chart("other", "1.0.0", **{"templates/t.yaml": "kind: X\nbad: [\n"})
    add(charts, "other", "1.0.0", bad)
    write_bundle(folder, [release("a", chart="other")], {})
    report = check(environment, folder, charts=(str(charts),))
    assert rules(report) == [("AB002", "other/templates/t.yaml", 0)]
