"""Comparing recipes: what is added, removed and changed, as values; and the use case over the shipped catalogue."""

from __future__ import annotations

import json
import os
import pathlib
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.api import AicrError, Session, Text
from aicr_core.cli.recipe_diff_text import as_table
from aicr_core.cli.root import run as run_command
from aicr_core.engine.criteria_text import parse_text
from aicr_core.engine.query import select
from aicr_core.engine.recipediff import compare, leaves, moved

Document = dict[str, Any]


def _recipe(*refs: Document, **fields: Any) -> Document:
    return {"componentRefs": list(refs), **fields}


def _ref(name: str, **fields: Any) -> Document:
    return {"name": name, "type": "Helm", "source": "https://charts.example", **fields}


def test_equal_recipes_have_no_differences() -> None:
    recipe = _recipe(_ref("a", version="1"), deploymentOrder=["a"])
    found = compare(recipe, recipe, {"a": {"x": 1}}, {"a": {"x": 1}})
    assert found["equal"]
    assert found["summary"] == {
        "components": {"added": 0, "removed": 0, "changed": 0, "unchanged": 1}
    }


def test_components_are_added_removed_and_changed() -> None:
    before = _recipe(_ref("gone"), _ref("kept", version="1", dependencyRefs=["gone"]), _ref("same"))
    after = _recipe(_ref("kept", version="2"), _ref("new", version="3"), _ref("same"))
    found = compare(before, after, {}, {})["components"]
    assert [row["name"] for row in found["removed"]] == ["gone"]
    assert found["added"] == [
        {"name": "new", "version": "3", "type": "Helm", "source": "https://charts.example"}
    ]
    assert found["changed"] == [
        {
            "name": "kept",
            "fields": [{"field": "version", "change": "changed", "from": "1", "to": "2"}],
            "lists": {"dependencyRefs": {"added": [], "removed": ["gone"]}},
            "values": [],
        }
    ]
    assert found["unchanged"] == ["same"]


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ({}, {"a": None}, {"path": "a", "change": "added", "to": None}),
        ({"a": None}, {}, {"path": "a", "change": "removed", "from": None}),
        ({"a": 1}, {"a": True}, {"path": "a", "change": "changed", "from": 1, "to": True}),
        ({"a": [1]}, {"a": [1.0]}, {"path": "a", "change": "changed", "from": [1], "to": [1.0]}),
        ({"a": {"b": 1}}, {"a": 1}, {"path": "a", "change": "changed", "from": {"b": 1}, "to": 1}),
        (
            {"a.b": {"c[0]": 1}},
            {"a.b": {"c[0]": 2}},
            {"path": '["a.b"]["c[0]"]', "change": "changed", "from": 1, "to": 2},
        ),
    ],
)
def test_values_differ_as_documents_do(old: Document, new: Document, change: Document) -> None:
    assert list(leaves(old, new)) == [change]


def test_an_order_is_changed_by_what_moves_alone() -> None:
    order = compare(
        _recipe(deploymentOrder=["a", "b"]), _recipe(deploymentOrder=["a", "x", "b"]), {}, {}
    )
    assert not order["deploymentOrder"]["changed"]
    other = compare(
        _recipe(deploymentOrder=["a", "b"]), _recipe(deploymentOrder=["b", "a"]), {}, {}
    )
    assert other["deploymentOrder"]["changed"]
    assert not other["equal"]


def test_constraints_and_checks() -> None:
    before = _recipe(
        constraints=[
            {"name": "K8s.server.version", "value": ">= 1.30"},
            {"name": "x", "value": "1"},
        ],
        validation={"deployment": {"checks": ["a"]}},
    )
    after = _recipe(constraints=[{"name": "K8s.server.version", "value": ">= 1.32"}])
    found = compare(before, after, {}, {})
    assert found["constraints"] == {
        "added": [],
        "removed": [{"name": "x", "value": "1"}],
        "changed": [{"name": "K8s.server.version", "from": ">= 1.30", "to": ">= 1.32"}],
    }
    assert [row["path"] for row in found["validation"]] == ["deployment"]


_TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(".[]'a", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.text(".[]a", max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
_MAPS = st.dictionaries(st.text(".[]a", max_size=3), _TREES, max_size=4)


@given(_MAPS, _MAPS)
def test_what_is_said_to_differ_is_all_that_does(old: Document, new: Document) -> None:
    rows = list(leaves(old, new))
    assert (not rows) == (json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True))
    for row in rows:
        # A path is a selector: it leads to what is said to stand there.
        if "to" in row and row["path"]:
            assert select(new, row["path"]) == row["to"]
        if "from" in row and row["path"]:
            assert select(old, row["path"]) == row["from"]
    back = {row["path"]: row for row in leaves(new, old)}
    for row in rows:
        assert back[row["path"]].get("from") == row.get("to")


# --- over the catalogue ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def session() -> Session:
    made = Session({**os.environ, "AICR_INDEX": "off"})
    made.warm()
    return made


EKS = {"service": "eks", "accelerator": "h100", "intent": "training", "os": "ubuntu"}


def test_criteria_and_a_recipe_of_them_are_equal(session: Session) -> None:
    recipe = Text(json.dumps(session.recipe(EKS).document).encode())
    assert session.diff(EKS, recipe)[0]["equal"]
    found, _ = session.diff(recipe, {**EKS, "platform": "kubeflow"})
    assert [row["name"] for row in found["components"]["added"]] == ["kubeflow-trainer"]
    assert found["criteria"] == [{"dimension": "platform", "from": "any", "to": "kubeflow"}]
    assert found["overlays"]["added"] == ["h100-eks-ubuntu-training-kubeflow"]


def test_no_criteria_mean_the_base(session: Session) -> None:
    found, _ = session.diff({}, {"service": "any", "nodes": 0})
    assert found["equal"]


def test_values_that_differ_are_those_of_the_hydrated_recipes(session: Session) -> None:
    old, new = {"service": "eks"}, EKS
    found, _ = session.diff(old, new)
    documents = [
        session.hydrated(session.recipe(c, allow_partial=True).document) for c in (old, new)
    ]
    rows = [
        (row["name"], value) for row in found["components"]["changed"] for value in row["values"]
    ]
    assert rows
    for name, row in rows:
        for word, document in zip(("from", "to"), documents, strict=True):
            if word in row:
                assert select(document["components"][name]["values"], row["path"]) == row[word]


def test_a_side_that_is_no_recipe_is_refused(session: Session) -> None:
    with pytest.raises(AicrError, match="Snapshot"):
        session.diff(EKS, Text(b'{"kind":"Snapshot","apiVersion":"aicr.nvidia.com/v1alpha1"}'))
    with pytest.raises(AicrError, match="missing\\.yaml"):
        session.diff(
            EKS,
            Text(
                json.dumps(
                    {"kind": "RecipeResult", "apiVersion": "aicr.nvidia.com/v1alpha1",
                     "componentRefs": [{"name": "a", "valuesFile": "missing.yaml"}]}
                ).encode()
            ),
        )  # fmt: skip


def test_every_value_of_a_recipe_has_an_origin(session: Session) -> None:
    recipe = session.recipe({**EKS, "platform": "kubeflow"}).document
    found = session.origins(recipe)
    operator = found["gpu-operator"]
    enabled = operator["values"]["cdi.enabled"]
    assert list(enabled) == ["overlay", "file", "line"]
    assert enabled["overlay"] == "h100-eks-training"
    assert "h100-eks-training" in operator["overlays"]
    files = {origin.get("file") for entry in found.values() for origin in entry["values"].values()}
    assert "components/gpu-operator/values-eks-training.yaml" in files
    hydrated = session.hydrated(recipe)["components"]
    for name, entry in found.items():
        for path, origin in entry["values"].items():
            select(hydrated[name]["values"], path)
            assert "recipe" not in origin


# --- the command ----------------------------------------------------------------------------------


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = run_command(["recipe", "diff", *arguments])
    out, err = capsys.readouterr()
    return status, out, err


H100, GB200 = "eks/h100/training/ubuntu", "ubuntu/training/GB200/eks"


def test_criteria_are_values_in_any_order(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, H100, GB200, "-t", "json")
    found = json.loads(out)
    assert status == 0
    assert found["criteria"] == [{"dimension": "accelerator", "from": "h100", "to": "gb200"}]
    assert run(capsys, H100, "training/service=eks/h100/ubuntu", "--exit-code")[0] == 0


def test_a_side_may_be_a_recipe_or_a_bundle(
    capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = Session().recipe(
        {"service": "eks", "accelerator": "h100", "intent": "training", "os": "ubuntu"}
    )
    (tmp_path / "bundle").mkdir()
    for name in ("r.json", "bundle/recipe.yaml"):
        (tmp_path / name).write_text(json.dumps(recipe.document), "utf-8")
    assert run(capsys, "bundle", "r.json")[1] == "NO CHANGES\n"
    assert run(capsys, "r.json", H100, "--exit-code")[0] == 0
    status, out, err = run(capsys, "bundle", GB200, "--exit-code", "-t", "markdown")
    assert (status, err.splitlines()[-1]) == (2, "[CONFLICT] the recipes differ")
    assert out.startswith("## Recipe: `bundle` to `ubuntu/training/GB200/eks`\n\nComponents: ")
    assert run(capsys, "bundle", GB200, "--exit-code", "--gate-exit-code", "7")[0] == 7


def test_of_a_bundle_it_is_the_recipe_that_is_compared_and_that_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command(["recipe", "--service", "kind", "-o", "r.yaml"]) == 0
    line = ["bundle", "-r", "r.yaml", "-o", "b", "--set", "cert-manager:crds.enabled=false"]
    assert run_command(line) == 0
    capsys.readouterr()
    status, out, err = run(capsys, "r.yaml", "b")
    assert (status, out) == (0, "NO CHANGES\n")
    assert (
        "b: the recipe of the bundle is compared, without what flags of `aicr bundle` changed"
        in err
    )


@pytest.mark.parametrize(
    ("side", "status", "words"),
    [
        ("ekz/h100", 2, 'did you mean "eks"'),
        ("gone.yaml", 3, "gone.yaml"),
        ("eks//h100", 2, "a part is empty"),
        ("eks/gke", 2, "service is given twice"),
        ("servise=eks", 2, 'did you mean "service"'),
        ("eks/nodes=0", 2, 'nodes is "0"'),
        ("eks/nodes=\u0663", 2, "nodes is"),
        (".", 3, "no recipe.yaml"),
        ("./gone", 3, "no such file or directory"),
        ("/gone/at/all", 3, "no such file or directory"),
        ("service=", 2, '"service=" has no value'),
    ],
)
def test_a_side_that_is_none_says_what_may_be_meant(
    capsys: pytest.CaptureFixture[str],
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    side: str,
    status: int,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    found, out, err = run(capsys, H100, side)
    assert (found, out) == (status, "")
    assert words in err


def test_a_value_of_two_dimensions_has_to_say_which() -> None:
    values = {"service": {"x": {}}, "platform": {"x": {}}, "os": {}}
    with pytest.raises(AicrError) as caught:
        parse_text("x", values, lambda *_: None)
    assert caught.value.hint == "write service=x or platform=x"
    assert parse_text("platform=x/service=x", values, lambda *_: None) == {
        "platform": "x", "service": "x",
    }  # fmt: skip


def test_a_value_is_told_with_its_origin(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(run(capsys, H100, GB200, "--origins", "-t", "json")[1])
    rows = {
        (one["name"], row["path"]): row
        for one in found["components"]["changed"]
        for row in one["values"]
    }
    row = rows["skyhook-customizations", "accelerator"]
    assert (row["from"], row["to"]) == ("h100", "gb200")
    assert row["origins"]["to"]["overlay"] == "gb200-eks-training"
    root = pathlib.Path(__file__).resolve().parents[2] / "plugins/eks/src/aicr_eks/data"
    line = (
        (root / row["origins"]["to"]["file"])
        .read_text("utf-8")
        .splitlines()[row["origins"]["to"]["line"] - 1]
    )
    assert line.strip() == "accelerator: gb200"
    assert "SAID BY" in run(capsys, H100, GB200, "--origins")[1]


def test_charts_checks_and_images_have_sections_of_their_own() -> None:
    before = _recipe(
        _ref("a", chart="c", version="1"), _ref("m", source=""),
        validation={"deployment": {"checks": ["x", "y"]}, "readiness": {"timeout": "1m"}},
    )  # fmt: skip
    after = _recipe(
        _ref("a", chart="c", version="2"), _ref("m", source=""),
        validation={"deployment": {"checks": ["y", "z"]}, "readiness": {"timeout": "2m"}},
    )  # fmt: skip
    found = compare(before, after, {}, {})
    place = "https://charts.example/c"
    assert found["charts"] == [
        {"component": "a", "change": "changed", "from": f"{place}@1", "to": f"{place}@2"}
    ]
    assert found["checks"] == {"deployment": {"added": ["z"], "removed": ["x"]}}
    assert moved({"a": ["i:1", "j"]}, {"a": ["i:2", "j"], "b": []}) == [
        {"component": "a", "added": ["i:2"], "removed": ["i:1"]}
    ]
    text = as_table(found)
    assert re.search(r"^readiness +timeout +1m +2m$", text, re.MULTILINE)
    assert re.search(r"^deployment +added +z$", text, re.MULTILINE)


@given(st.text(max_size=30))
def test_no_text_brings_the_sides_down(text: str) -> None:
    values = {"service": {"eks": {"aliases": ["k"]}}}
    try:
        found = parse_text(text, values, lambda *_: None)
    except AicrError as error:
        assert error.hint
    else:
        assert found
