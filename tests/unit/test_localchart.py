"""Charts made of files: what they hold survives the real Helm engine byte for byte."""

from __future__ import annotations

import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.kit.localchart import (
    as_written,
    chart_version,
    literal,
    manifests_chart,
    wrapper_chart,
)

MANIFEST = b"""apiVersion: v1
kind: ConfigMap
metadata:
  name: alerts
data:
  rule: 'up on {{ $labels.node }} is }} {{ printf "%s" .Values.x }}'
"""


def _write(folder: pathlib.Path, files: list[tuple[str, bytes]]) -> pathlib.Path:
    for path, data in files:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


@pytest.mark.parametrize(
    ("version", "wanted"),
    [("0.1.0", "0.1.0"), ("1.2", "1.2.0"), ("1.2.3.dev4", "0.0.0-dev"), ("dev", "0.0.0-dev"), ("", "0.0.0-dev")],
)  # fmt: skip
def test_chart_version(version: str, wanted: str) -> None:
    assert chart_version(version) == wanted


def test_manifests_come_out_of_helm_as_they_went_in(tmp_path: pathlib.Path) -> None:
    helm = pytest.importorskip("helm_python")
    folder = _write(tmp_path / "c", manifests_chart("c", "0.1.0", [("manifests/a.yaml", MANIFEST)]))
    rendered = helm.Chart.load(str(folder)).render({})
    assert rendered == {"c/templates/a.yaml": MANIFEST.decode()}


@given(st.text(alphabet="{} $.\"'abc-\n", max_size=40))
def test_braces_are_balanced_after_escaping(text: str) -> None:
    import re

    undone = re.sub(r'\{\{ "([{}]+)" \}\}', r"\1", literal(text))
    assert undone == text


@pytest.mark.parametrize(
    "text", ['{"a":{"b":{}}}', "{{{", "}}}{", "a: {}", "{ {} }", '{{ "{{" }}}']
)
def test_braces_of_every_form_come_out_of_helm_as_they_went_in(
    text: str, tmp_path: pathlib.Path
) -> None:
    helm = pytest.importorskip("helm_python")
    files = manifests_chart("c", "0.1.0", [("a.yaml", text.encode())])
    assert helm.Chart.load(str(_write(tmp_path / "c", files))).render({}) == {
        "c/templates/a.yaml": text
    }


def test_a_wrapper_names_its_one_dependency() -> None:
    files = dict(wrapper_chart("w", "0.1.0", ("real", "1.2.3"), ("real-1.2.3.tgz", b"x")))
    assert files["charts/real-1.2.3.tgz"] == b"x"
    assert b'version: "1.2.3"' in files["Chart.yaml"]
    assert b'appVersion: "1.2.3"' in files["Chart.yaml"]


@given(st.text(alphabet='{}" a.\n-#x', max_size=30))
def test_what_is_literal_can_be_read_back(text: str) -> None:
    assert as_written(literal(text)) == text


@pytest.mark.parametrize(
    "template", ["{{ .Values.x }}", 'a: {{ "{{" }}{{ x }}', "{{- /* note */ -}}", '{{ "x" }}']
)
def test_a_template_is_no_literal(template: str) -> None:
    assert as_written(template) is None
