"""Templates of a user: Jinja2 in a sandbox; a fault is one line that names file and line."""

from __future__ import annotations

from typing import Any

import pytest

from aicr_core.engine.report_template import compile_template, render
from aicr_core.kit.errors import AicrError, Code

DOCUMENT: dict[str, Any] = {
    "kind": "Snapshot",
    "metadata": {"source-node": "n1"},
    "measurements": [
        {
            "type": "GPU",
            "subtypes": [{"subtype": "smi", "data": {"gpu-count": 8, "gpu.model": "X"}}],
        },
        {
            "type": "NodeTopology",
            "subtypes": [
                {"subtype": "taint", "data": {"k": "NoSchedule|v|a,b (+3 more)", "p": "v|a"}}
            ],
        },
        {"type": "OS"},
    ],
}


def rendered(text: str) -> str:
    return render(compile_template(text, "t.j2"), DOCUMENT, "t.j2")


def test_readings_and_filters() -> None:
    assert rendered("{{ measurements.GPU.smi['gpu-count'] }}") == "8"
    assert rendered("{{ snapshot.metadata['source-node'] }}\n") == "n1\n"
    cell = "{% set c = measurements.NodeTopology.taint['KEY'] | topology %}"
    show = "{{ c.effect }}/{{ c.value }}/{{ c.nodes | join('+') }}/{{ c.more }}"
    assert rendered(cell.replace("KEY", "k") + show) == "NoSchedule/v/a+b/3"
    assert rendered(cell.replace("KEY", "p") + show) == "/v/a/0"
    assert (
        rendered("{{ 'x' | b64 }} {{ 'driver 570.1' | regex_search('[0-9.]+') }}") == "eA== 570.1"
    )
    assert rendered("{{ measurements.GPU.smi | to_json }}").startswith('{\n  "gpu-count": 8')


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a\n{{ .Kind }}", "t.j2:2"),
        ("{{- range .Measurements }}", "t.j2:1"),
        ("a\n\n{% if %}", "t.j2:3"),
    ],
)
def test_what_is_no_jinja_is_refused_before_anything_runs(text: str, place: str) -> None:
    with pytest.raises(AicrError) as caught:
        compile_template(text, "t.j2")
    assert caught.value.code is Code.INVALID_REQUEST
    assert caught.value.where == place


@pytest.mark.parametrize(
    "text",
    [
        "{{ measurements.GPU.nothing.here }}",
        "{{ nobody }}",
        "{{ 1 / 0 }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ measurements.update({}) }}",
        "{{ 'a' | regex_search('(') }}",
    ],
)
def test_a_template_that_fails_or_escapes_is_one_line(text: str) -> None:
    with pytest.raises(AicrError) as caught:
        rendered(text)
    assert caught.value.code is Code.INTERNAL
    assert str(caught.value).startswith("[INTERNAL] t.j2: the template failed: ")
