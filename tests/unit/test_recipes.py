"""Properties of the resolver: pure, deterministic, asymmetric; and the rules of each generation."""

from __future__ import annotations

import copy
import os
import pathlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aicr_core.app.environment import Environment
from aicr_core.engine import merge
from aicr_core.engine.catalogue_build import from_directories
from aicr_core.engine.recipes import resolve
from aicr_core.engine.rules import FIRST, SECOND
from aicr_core.kit.constraints import compare, evaluate, parse_version
from aicr_core.kit.errors import AicrError
from aicr_core.model.settings import Settings

VALUES = {
    "service": ["eks", "gke", "aks", "kind", "oke"],
    "accelerator": ["h100", "gb200", "a100"],
    "intent": ["training", "inference"],
    "os": ["ubuntu", "cos"],
    "platform": ["kubeflow", "dynamo"],
}
CRITERIA = st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in VALUES.items()})


@pytest.fixture(scope="module")
def catalogue() -> Any:
    return Environment(Settings.from_env(os.environ)).catalogue()


@given(st.lists(CRITERIA, min_size=2, max_size=6), st.randoms())
@settings(deadline=None, max_examples=40)
def test_answers_do_not_depend_on_what_was_asked_before(queries: list[Any], random: Any) -> None:
    """B4: the reference's server changes what it caches; the order of questions must not matter."""
    catalogue = Environment(Settings.from_env(os.environ)).catalogue()
    first = [copy.deepcopy(resolve(catalogue, q, allow_partial=True).document) for q in queries]
    order = list(range(len(queries)))
    random.shuffle(order)
    fresh = Environment(Settings.from_env(os.environ)).catalogue()
    for number in order:
        assert resolve(fresh, queries[number], allow_partial=True).document == first[number]
    assert [resolve(catalogue, q, allow_partial=True).document for q in queries] == first


@given(CRITERIA)
@settings(deadline=None, max_examples=100)
def test_any_in_a_query_never_selects_a_specific_overlay(criteria: Any) -> None:
    catalogue = Environment(Settings.from_env(os.environ)).catalogue()
    for name in catalogue.matching(criteria):
        carried = catalogue.criteria_of(name)
        assert carried is not None
        assert all(criteria.get(key) == value for key, value in carried.items())


def test_what_was_stated_is_covered_or_refused(catalogue: Any) -> None:
    """F1 and F2."""
    with pytest.raises(AicrError, match=r"platform=kubeflow needs os \(ubuntu\)"):
        resolve(catalogue, {"service": "eks", "accelerator": "h100", "intent": "training",
                            "platform": "kubeflow"})  # fmt: skip
    with pytest.raises(AicrError, match=r"service=gke needs os \(cos\)"):
        resolve(catalogue, {"service": "gke", "accelerator": "h100"})


def test_detected_criteria_that_nothing_covers_are_dropped_with_a_warning(catalogue: Any) -> None:
    """F3: the snapshot says ubuntu, the user says gke: ubuntu is dropped, not the recipe."""
    found = resolve(catalogue, {"service": "kind", "os": "ubuntu"}, stated={"service"})
    assert found.document["criteria"]["os"] == "any"
    assert any("os=ubuntu" in text for text in found.warnings)


def _catalogue(folder: pathlib.Path, overlays: dict[str, str]) -> Any:
    (folder / "overlays").mkdir(parents=True)
    (folder / "registry.yaml").write_text("components: []\n")
    base = "kind: RecipeMetadata\nmetadata: {name: base}\nspec:\n  componentRefs: [{name: a}]\n"
    (folder / "overlays/base.yaml").write_text(base)
    for name, spec in overlays.items():
        text = f"kind: RecipeMetadata\nmetadata: {{name: {name}}}\nspec:\n{spec}"
        (folder / f"overlays/{name}.yaml").write_text(text)
    return from_directories([str(folder)])


def _snapshot(version: str) -> Any:
    data = {"subtype": "server", "data": {"version": version}}
    return {"measurements": [{"type": "K8s", "subtypes": [data]}]}


def test_an_excluded_overlay_never_comes_back_through_a_child(tmp_path: pathlib.Path) -> None:
    """B5, with the nearest ancestor whose whole chain passes."""
    gate = "  constraints: [{name: K8s.server.version, value: '>= %s'}]\n"
    found = _catalogue(
        tmp_path,
        {
            "low": "  criteria: {service: s}\n" + gate % "1.30",
            "high": "  base: low\n  criteria: {service: s}\n" + gate % "1.34",
            "leaf": "  base: high\n  criteria: {service: s, intent: i}\n" + gate % "1.30",
        },
    )
    criteria = {"service": "s", "intent": "i"}
    document = resolve(found, criteria, snapshot=_snapshot("v1.32.0"), allow_partial=True).document
    assert document["metadata"]["appliedOverlays"] == ["base", "low"]
    assert document["metadata"]["excludedOverlays"] == ["high", "leaf"]
    (warning,) = document["metadata"]["constraintWarnings"]
    assert warning["overlay"] == "high"
    assert warning["reason"] == "expected >= 1.34, got v1.32.0"


def test_a_tie_that_the_name_decides_is_told(tmp_path: pathlib.Path) -> None:
    """B2: deterministic, yet most likely not what either author meant."""
    both = (
        "  constraints: [{name: A.b.c, value: '%s'}]\n  componentRefs: [{name: a, version: v1}]\n"
    )
    found = _catalogue(
        tmp_path,
        {
            "one": "  criteria: {service: s}\n" + both % "1",
            "two": "  criteria: {intent: i}\n" + both % "2",
            "three": "  base: two\n  criteria: {intent: i, service: s}\n" + both % "3",
        },
    )
    (text,) = resolve(found, {"service": "s", "intent": "i"}).warnings
    assert text.startswith(
        "overlays one and two are equally specific and both set constraint A.b.c"
    )
    assert not resolve(found, {"service": "s"}).warnings


def test_a_switch_that_is_no_boolean_is_told(tmp_path: pathlib.Path) -> None:
    """Spec 6: only a real false disables; "false" in quotes would deploy the component."""
    ref = "  criteria: {service: %s}\n  componentRefs: [{name: a, overrides: {enabled: %s}}]\n"
    overlays = {"text": ref % ("s", "'false'"), "switch": ref % ("t", "false")}
    found = _catalogue(tmp_path, overlays)
    (text,) = resolve(found, {"service": "s"}).warnings
    assert "component a stays enabled: overrides.enabled is 'false'" in text
    assert not resolve(found, {"service": "t"}).warnings


def test_our_own_catalogue_has_no_such_tie(catalogue: Any) -> None:
    for name in catalogue.names():
        criteria = catalogue.criteria_of(name) or {}
        assert not resolve(catalogue, criteria, allow_partial=True).warnings, name


GATED = {
    "low": "  criteria: {service: s}\n  constraints: [{name: K8s.server.version, value: '>= 1.34'}]\n",
    "leaf": "  base: low\n  criteria: {service: s, intent: i}\n",
}


def test_what_the_snapshot_excludes_is_told_though_only_detected(tmp_path: pathlib.Path) -> None:
    """The smaller recipe for a cluster that is too old must say why, in the document too."""
    found = resolve(
        _catalogue(tmp_path, GATED), {"service": "s"}, snapshot=_snapshot("v1.32.0"), stated=()
    )
    assert found.document["criteria"]["service"] == "any"
    assert found.document["metadata"]["excludedOverlays"] == ["low"]
    assert any("expected >= 1.34, got v1.32.0" in text for text in found.warnings)
    assert any("service=s" in text and "left out" in text for text in found.warnings)


def test_a_stated_criterion_that_the_snapshot_excludes(tmp_path: pathlib.Path) -> None:
    """It needs a newer cluster, not more criteria."""
    catalogue = _catalogue(tmp_path, GATED)
    criteria = {"service": "s", "intent": "i"}
    with pytest.raises(AicrError) as caught:
        resolve(catalogue, criteria, snapshot=_snapshot("v1.32.0"))
    text = str(caught.value)
    assert "intent=i is carried by leaf, which the snapshot excludes" in text
    assert "low: K8s.server.version: expected >= 1.34, got v1.32.0" in text
    assert "needs (" not in text


def test_what_is_detected_does_not_hide_what_is_needed(catalogue: Any) -> None:
    """F3: the cluster's own ubuntu is not why gke is not covered."""
    with pytest.raises(AicrError, match=r"service=gke needs os \(cos\)"):
        resolve(catalogue, {"service": "gke", "os": "ubuntu"}, stated={"service"})


def test_cycles_and_unknown_names_are_errors(tmp_path: pathlib.Path) -> None:
    loop = _catalogue(
        tmp_path / "a",
        {
            "x": "  base: y\n  criteria: {service: s}\n",
            "y": "  base: x\n  criteria: {service: s}\n",
        },
    )
    with pytest.raises(AicrError, match="inherit from each other"):
        resolve(loop, {"service": "s"})
    lost = _catalogue(tmp_path / "b", {"x": "  base: nope\n  criteria: {service: s}\n"})
    with pytest.raises(AicrError, match='base "nope"'):
        resolve(lost, {"service": "s"})
    refs = "  criteria: {service: s}\n  componentRefs: [{name: a, dependencyRefs: [%s]}]\n"
    for number, (needed, text) in enumerate(
        (("b", "not in the recipe"), ("a", "depend on each other"))
    ):
        broken = _catalogue(tmp_path / f"c{number}", {"x": refs % needed})
        with pytest.raises(AicrError, match=text):
            resolve(broken, {"service": "s"})


def test_generations_merge_by_their_own_rules() -> None:
    base = {"name": "c", "overrides": {"d": {"x": 1}}, "dependencyRefs": ["a"]}
    over = {"name": "c", "overrides": {"d": {"y": 2}}, "dependencyRefs": ["b"]}
    first, second = merge.component(base, over, FIRST), merge.component(base, over, SECOND)
    assert first["overrides"] == {"d": {"y": 2}}
    assert first["dependencyRefs"] == ["b"]
    assert second["overrides"] == {"d": {"x": 1, "y": 2}}
    assert second["dependencyRefs"] == ["a", "b"]


@given(
    st.recursive(st.integers(), lambda v: st.dictionaries(st.sampled_from("abc"), v), max_leaves=8),
    st.recursive(st.integers(), lambda v: st.dictionaries(st.sampled_from("abc"), v), max_leaves=8),
)
def test_merging_changes_neither_side(left: Any, right: Any) -> None:
    left, right = {"k": left}, {"k": right}
    before = copy.deepcopy((left, right))
    merged = merge.deep(left, right)
    assert (left, right) == before
    assert merge.deep(merged, right) == merged


VERSIONS = st.lists(st.integers(0, 50), min_size=3, max_size=3).map(lambda p: ".".join(map(str, p)))


@given(VERSIONS, VERSIONS, VERSIONS)
def test_full_versions_are_totally_ordered(a: str, b: str, c: str) -> None:
    left, middle, right = (parse_version(text) for text in (a, b, c))
    assert left is not None
    assert middle is not None
    assert right is not None
    assert compare(left, middle) == -compare(middle, left)
    if compare(left, middle) <= 0 and compare(middle, right) <= 0:
        assert compare(left, right) <= 0


@pytest.mark.parametrize(
    ("expression", "actual", "expected"),
    [
        (">= 1.32", "v1.32.0", True),
        (">= 1.32.4", "1.32", True),
        ("> 1.32", "1.33", True),
        ("< 1.32", "1.32.9", False),
        ("== 1.32", "v1.32.0", True),
        ("!= ubuntu", "rhel", True),
        (" ubuntu ", "ubuntu", True),
        (">= 6.8", "6.14.0-1018-aws", True),
    ],
)
def test_expressions(expression: str, actual: str, expected: bool) -> None:
    assert evaluate(expression, actual) is expected


def test_every_scalar_of_the_catalogue_has_an_origin() -> None:
    environment = Environment(Settings.from_env(os.environ))
    found = environment.origin("overlays/eks.yaml", ["spec", "criteria", "service"])
    assert found is not None
    assert found["layer"] == "eks"
    line = pathlib.Path(found["file"]).read_text("utf-8").splitlines()[found["line"] - 1]
    assert line[found["column"] - 1 :] == "eks"
    assert environment.origin("overlays/eks.yaml", ["spec", "nope"]) is None
    values = "components/gpu-operator/values-eks-training.yaml"
    assert environment.origin(values, ["cdi", "enabled"]) is not None
