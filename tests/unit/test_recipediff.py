"""Comparing recipes: what is added, removed and changed, as values; and the use case over the shipped catalogue."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.api import AicrError, Session, Text
from aicr_core.engine.query import select
from aicr_core.engine.recipediff import compare, leaves

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
    moved = compare(
        _recipe(deploymentOrder=["a", "b"]), _recipe(deploymentOrder=["b", "a"]), {}, {}
    )
    assert moved["deploymentOrder"]["changed"]
    assert not moved["equal"]


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
