"""State files: one for each tier, needs within it, every field as it should be; what helmfile cannot do is refused."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import attrs
import jsonschema
import pytest
from aicr_helmfile.deployer import deploy
from aicr_helmfile.remarks import notes, steps
from hypothesis import given
from hypothesis import settings as tuning
from hypothesis import strategies as st
from plans import (
    CONFIG,
    leaf_plan,
    leaves,
    made,
    manifests,
    objects,
    plan,
    put,
    release,
    rendered,
)

from aicr_core.api import AicrError, Artifact, BundlePlan, Release, load_all, parts

SCHEMA = pathlib.Path(__file__).parent / "data/helmfile.schema.json"
VALIDATOR = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
NAMESPACE = b"apiVersion: v1\nkind: Namespace\nmetadata: {name: ns}\n"


def states(of: BundlePlan) -> list[dict[str, Any]]:
    """The state files in the order of ``helmfile.yaml``, each held to the schema."""
    files = made(deploy, of)
    root = load_all(files["helmfile.yaml"], "x")[0]
    VALIDATOR.validate(root)
    names = [item["path"] for item in root["helmfiles"]]
    assert sorted(name for name in files if name.startswith("level-")) == sorted(names)
    found = [load_all(files[name], name)[0] for name in names]
    for document in found:
        VALIDATOR.validate(document)
        known = {item["name"] for item in document.get("repositories", ())}
        for entry in document["releases"]:
            chart = entry["chart"]
            local = chart.startswith("./")
            assert local or chart.partition("/")[0] in known
            assert all(path in files for path in entry.get("values", ()))
            if local:
                assert {
                    chart[2:],
                    f"{chart[2:]}/Chart.yaml",
                    f"{chart[2:]}/kustomization.yaml",
                } & set(files)
    return found


def names(of: BundlePlan) -> list[list[str]]:
    return [[entry["name"] for entry in state["releases"]] for state in states(of)]


def only(of: BundlePlan) -> dict[str, Any]:
    """The one release of a plan."""
    ((entry,),) = [state["releases"] for state in states(of)]
    return dict(entry)


def test_a_file_for_each_tier() -> None:
    of = plan(release("a"), release("b", "a"), release("c"), release("d", "b"))
    assert names(of) == [["a", "c"], ["b"], ["d"]]
    assert not any("needs" in entry for state in states(of) for entry in state["releases"])


def test_releases_of_one_component_need_each_other() -> None:
    texts = manifests(early_yaml=CONFIG, late_yaml=CONFIG)
    a = release("a", namespace="ns", manifests=texts, pre_manifests=("manifests/early.yaml",))
    (state,) = states(plan(a))
    assert [entry.get("needs") for entry in state["releases"]] == [None, ["ns/a-pre"], ["ns/a"]]


def test_serial_keeps_the_order_of_deployment() -> None:
    of = plan(release("a"), release("b"), release("c", "a"), release("d"), serial=True)
    assert names(of) == [["a", "b"], ["c"], ["d"]]
    (first, *_) = states(of)
    assert first["releases"][1]["needs"] == ["a-ns/a"]


def test_a_chart_of_a_repository() -> None:
    (state,) = states(plan(release("a", version="v1.2.3")))
    (source,) = state["repositories"]
    assert source["url"] == "https://charts.example.com"
    assert state["helmDefaults"] == {"wait": True, "timeout": 600, "createNamespace": True}
    assert state["releases"] == [
        {
            "name": "a",
            "namespace": "a-ns",
            "chart": f"{source['name']}/a",
            "version": "v1.2.3",
            "values": ["a/values.yaml"],
        }
    ]


def test_a_chart_of_a_registry() -> None:
    (state,) = states(plan(release("a", repository="oci://ghcr.io/e/charts/")))
    (source,) = state["repositories"]
    assert (source["url"], source["oci"]) == ("ghcr.io/e/charts", True)


def test_repositories_of_two_bundles_have_two_names() -> None:
    """Helm keeps repositories by name for the whole machine."""
    urls = ("https://a.example/charts-x", "https://a.example/charts/x", "oci://a.example/charts-x")
    found = {
        states(plan(release("a", repository=url)))[0]["repositories"][0]["name"] for url in urls
    }
    assert len(found) == 3


def test_a_release_that_is_not_waited_for() -> None:
    entry = only(plan(release("a", wait=False)))
    assert (entry["wait"], entry["timeout"]) == (False, 1200)


def test_values_that_each_cluster_gives() -> None:
    of = plan(release("a", values={"a": 1}, dynamic={"b": {"c": ""}}))
    assert only(of)["values"] == ["a/values.yaml", "a/cluster-values.yaml"]
    assert load_all(made(deploy, of)["a/cluster-values.yaml"], "x") == [{"b": {"c": ""}}]
    assert any("a/cluster-values.yaml" in note for note in notes(of))


def test_kinds_that_come_with_another_release_are_not_validated_too_early() -> None:
    custom = b"apiVersion: e.example/v1\nkind: Thing\nmetadata: {name: t}\n"
    flagged = only(plan(release("a", kind="manifests", manifests=manifests(c_yaml=custom))))
    plain = only(plan(release("a", kind="manifests", manifests=manifests(c_yaml=CONFIG))))
    assert flagged["disableValidation"] is True
    assert "disableValidation" not in plain


K = release(
    "k", kind="kustomize", repository="https://github.com/e/k", path="base", tag="v1", version=""
)


def test_a_kustomize_component() -> None:
    for item, wanted in (
        (K, "https://github.com/e/k//base?ref=v1"),
        (attrs.evolve(K, tag=""), "https://github.com/e/k//base"),
    ):
        files = made(deploy, plan(item))
        assert load_all(files["k/kustomization.yaml"], "x")[0]["resources"] == [wanted]


@pytest.mark.parametrize(
    ("item", "told"),
    [
        (release("a", chart="{{env}}"), "template"),
        (release("a", repository="https://{{ e }}"), "template"),
        (release("a", version="{{1"), "template"),
        (attrs.evolve(K, repository="https://{{x"), "template"),
        (release("a", repository="./charts"), "cannot fetch"),
        (attrs.evolve(K, dynamic={"a": ""}), "no chart"),
        (
            release(
                "a",
                namespace="ns",
                kind="manifests",
                manifests=manifests(n_yaml=NAMESPACE + b"---\n" + CONFIG),
            ),
            "names no namespace",
        ),
    ],
)
def test_what_helmfile_cannot_do(item: Release, told: str) -> None:
    with pytest.raises(AicrError, match=told) as caught:
        made(deploy, plan(item))
    assert f"component {item.name}" in caught.value.where


def test_a_value_that_helmfile_would_look_up_is_told() -> None:
    secret = release("a", values={"a": [{"b": "ref+vault://x/y#/z"}]})
    assert any("ref+" in note for note in notes(plan(secret, release("b", values={"a": "ref+x"}))))
    assert notes(plan(release("b", values={"a": "ref+x"}))) == []


def test_the_steps_begin_in_the_folder() -> None:
    assert steps(plan(release("a")), "/x y") == [
        "cd '/x y'",
        "helmfile list --skip-charts",
        "helmfile apply",
    ]


@pytest.mark.parametrize("name", sorted(leaves()))
def test_a_shipped_recipe_is_whole(name: str, tmp_path: pathlib.Path) -> None:
    pytest.importorskip("helm_python")

    of = leaf_plan(name, "helmfile", tmp_path)
    found = [entry["name"] for state in states(of) for entry in state["releases"]]
    assert sorted(found) == sorted(part.name for part in parts(of))
    bundle = put(made(deploy, of), tmp_path / "b")
    charts = [path.parent for path in bundle.glob("*/Chart.yaml")]
    assert rendered(charts) == objects(of)


def test_the_readme_names_every_release_in_order(tmp_path: pathlib.Path) -> None:
    of = leaf_plan("h100-eks-ubuntu-training-kubeflow", "helmfile", tmp_path)
    text = made(deploy, of)["README.md"].decode()
    rows = [line.split("`")[3] for line in text.splitlines() if line.startswith("| `level-")]
    assert rows == [name for level in names(of) for name in level]
    assert "{{" not in text
    assert "\n\n\n" not in text


@st.composite
def graphs(draw: st.DrawFn) -> list[Release]:
    found: list[Release] = []
    for number in range(draw(st.integers(1, 7))):
        pool = [item.name for item in found] or ["none"]
        needs = draw(st.lists(st.sampled_from(pool), max_size=3, unique=True))
        texts = manifests(a_yaml=CONFIG) if draw(st.booleans()) else ()
        kind = draw(st.sampled_from(["helm", "manifests"]))
        archive = (
            Artifact(path="charts/x.tgz", data=b"x")
            if kind == "helm" and draw(st.booleans())
            else None
        )
        found.append(release(f"c{number}", *needs, kind=kind, manifests=texts, archive=archive))
    return found


@tuning(max_examples=60, deadline=None)
@given(graphs(), st.booleans())
def test_every_edge_is_a_need_or_an_earlier_file(releases: list[Release], serial: bool) -> None:
    of = plan(*releases, serial=serial)
    place: dict[str, tuple[int, set[str]]] = {}
    for number, state in enumerate(states(of)):
        for entry in state["releases"]:
            reached = {need.partition("/")[2] for need in entry.get("needs", ())}
            place[entry["name"]] = (number, reached)
    found = parts(of)
    assert set(place) == {part.name for part in found}
    for part in found:
        for need in part.needs:
            assert place[need][0] < place[part.name][0] or need in place[part.name][1]
