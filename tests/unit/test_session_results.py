"""Results of a session: shown in notebooks, kept as plain values and made again; the example notebook runs."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import types
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicr_core import api
from aicr_core.cli.root import run
from aicr_core.session.tables import Table

ROOT = pathlib.Path(__file__).resolve().parents[2]
SESSION = api.Session({**os.environ, "AICR_INDEX": "off"})
CRITERIA = {"service": "eks", "accelerator": "h100", "os": "ubuntu", "intent": "training"}


def again(kind: type, value: Any) -> Any:
    return api.from_dict(kind, json.loads(json.dumps(api.to_dict(value))))


def test_the_example_notebook_runs(tmp_path: pathlib.Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "docs/examples/notebook.py"],
        cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Helm per-component bundle" in done.stdout


def test_results_are_made_again_from_plain_values() -> None:
    recipe = SESSION.recipe(CRITERIA)
    assert again(api.Resolved, recipe) == recipe
    source = api.Text(json.dumps(recipe.document).encode()).source
    bundle = SESSION.bundle(api.BundleRequest(recipe=source))
    assert again(api.Bundle, bundle) == bundle


SCALARS = st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False), st.text())


@given(st.text(), st.dictionaries(st.text(), SCALARS), st.dictionaries(st.text(), st.text()))
def test_measurements_are_made_again(
    name: str, data: dict[str, Any], context: dict[str, str]
) -> None:
    item = api.Item(context=context, data=data)
    value = api.Measurement(type=name, subtypes=(api.Subtype(name=name, data=data, items=(item,)),))
    assert again(api.Measurement, value) == value


@pytest.mark.parametrize(
    ("kind", "document", "words"),
    [
        (api.Measurement, {"type": "x", "subtype": []}, "extra fields found (subtype)"),
        (api.Measurement, {}, "required field missing"),
        (api.Measurement, [], "no Measurement"),
        (api.Resolved, {"document": {}}, "no Resolved"),
        (api.Resolved, {"document": {}, "warnings": [], "more": 1}, "unknown fields: more"),
        (api.CheckResult, {"status": "passed", "code": "NOPE"}, "code"),
    ],
)
def test_a_wrong_document_is_one_line_that_says_what(kind: type, document: Any, words: str) -> None:
    with pytest.raises(
        api.AicrError, match=words.replace("(", r"\(").replace(")", r"\)")
    ) as failure:
        api.from_dict(kind, document)
    assert failure.value.exit_status == 2
    assert "\n" not in str(failure.value)


def test_what_holds_functions_is_refused() -> None:
    provider = api.Collector(name="x", produces="X", call=print)
    with pytest.raises(api.AicrError, match="a Collector cannot be given as plain values"):
        api.to_dict(provider)


def test_a_table_in_a_notebook_is_of_components_and_escaped() -> None:
    html = SESSION.recipe(CRITERIA)._repr_html_()
    assert "<td>gpu-operator</td><td>v25.10.1</td>" in html
    order = [row[0] for row in SESSION.recipe(CRITERIA).table().rows]
    assert order.index("cert-manager") < order.index("gpu-operator")
    hostile = api.Resolved(
        {"criteria": {"<b>": "&"}, "componentRefs": [{"name": "<script>alert(1)</script>"}]}, ()
    )
    assert "<script>" not in hostile._repr_html_()
    assert "<b>" not in hostile._repr_html_()
    assert "50 more" in Table("t", ("n",), [(n,) for n in range(250)]).html()


def test_a_validation_as_a_table(tmp_path: pathlib.Path) -> None:
    (tmp_path / "recipe.yaml").write_text(api.to_yaml(SESSION.recipe(CRITERIA).document))
    inputs = SESSION.validation_inputs(str(tmp_path / "recipe.yaml"))
    snapshot = {"kind": "Snapshot", "measurements": []}
    found = SESSION.run_validation(inputs, snapshot, no_cluster=True)
    rows = {row[0]: row for row in found.table().rows}
    assert rows["K8s.server.version"][1:3] == ("readiness", "other")
    assert again(api.Validation, found).report == found.report
    assert "readiness" in found._repr_html_()


def test_data_frames_need_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(api.AicrError) as failure:
        SESSION.recipe(CRITERIA).to_pandas()
    assert failure.value.hint == "pip install pandas"
    made = types.SimpleNamespace(DataFrame=lambda rows, columns: (rows, columns))
    monkeypatch.setitem(sys.modules, "pandas", made)
    rows, columns = SESSION.recipe(CRITERIA).to_pandas()
    assert columns[0] == "component"
    assert len(rows) > 5


def test_a_request_is_given_whole_or_by_its_fields() -> None:
    by_fields = SESSION.resolve(flags=CRITERIA)
    assert by_fields == SESSION.resolve(api.RecipeRequest(flags=CRITERIA))
    assert by_fields.document == SESSION.recipe(CRITERIA).document
    with pytest.raises(TypeError, match="not both"):
        SESSION.resolve(api.RecipeRequest(), flags=CRITERIA)


def test_the_session_gives_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, answer in (
        (["recipe", "--service", "eks", "--intent", "training", "--format", "json"],
         lambda: SESSION.recipe({"service": "eks", "intent": "training"}).document),
        (["recipe", "list", "--format", "json"],
         lambda: SESSION.list_overlays(api.RecipeRequest())),
        (["plugins", "list", "--format", "json"], lambda: SESSION.plugins(all_states=False)),
        (["query", "--service", "eks", "--intent", "training", "--selector", "components", "--format", "json"],
         lambda: SESSION.query("components", flags={"service": "eks", "intent": "training"})[0]),
    ):  # fmt: skip
        assert run(arguments) == 0
        assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(answer()))
