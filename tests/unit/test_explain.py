"""Provenance: every value of every recipe has one origin, and the file says the value on that line (spec/beyond.md 4.5).

Nothing here asks the code under test where a value is: a line is read from the file, and what stands at the column is
held to the value.
"""

from __future__ import annotations

import json
import pathlib
from functools import cache
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aicr_core.app.bundle_plan import decode_recipe
from aicr_core.app.bundle_request import BundleRequest
from aicr_core.app.explain_bundle import in_bundle
from aicr_core.app.recipe import RecipeRequest
from aicr_core.app.recipe_explain import ExplainRequest, complete, open_subject
from aicr_core.engine import explain as module
from aicr_core.engine.catalogue import Catalogue
from aicr_core.engine.catalogue_build import from_directories
from aicr_core.engine.explain import Explanation, explain, origins, selector
from aicr_core.engine.explain_origin import Origin, flag
from aicr_core.engine.explain_trail import Step, Trails, extended, leaves, same
from aicr_core.engine.query import hydrated, select
from aicr_core.engine.recipes import resolve
from aicr_core.kit import yamlio
from aicr_core.kit.emit import to_yaml
from aicr_core.kit.errors import AicrError
from aicr_core.session import Session

Document = dict[str, Any]
WRITTEN = ("version", "source", "namespace", "chart", "valuesFile", "path", "tag", "name")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Session()._environment.catalogue()


@pytest.fixture(scope="module")
def recipes(catalogue: Catalogue) -> list[Document]:
    """One recipe for each set of overlays that the criteria of an overlay lead to."""
    found = {}
    for name in catalogue.names():
        recipe = resolve(catalogue, catalogue.criteria_of(name) or {}, allow_partial=True).document
        found[tuple(recipe["metadata"]["appliedOverlays"])] = recipe
    assert len(found) > 30
    return list(found.values())


@cache
def lines_of(path: str) -> list[str]:
    return pathlib.Path(path).read_text("utf-8").splitlines()


def says(origin: Origin, value: Any) -> bool:
    """Tell whether what is written at the place of an origin is the value."""
    found = origin.document(absolute=True)
    lines = lines_of(found["path"])
    text = lines[found["line"] - 1][found["column"] - 1 :]
    if isinstance(value, str) and text[:1] in "|>":
        return lines[found["line"]].strip() == value.splitlines()[0].strip()
    if isinstance(value, str) and text.startswith(value):
        return True  # A version such as 1.10 is text; in a flow list more follows.
    read = yamlio.load(text, "line")
    # A chart of the registry stands behind its repository's name.
    return same(read, value) or (isinstance(read, str) and read.endswith(f"/{value}"))


def check(found: Explanation, catalogue: Catalogue, recipe: Document) -> int:
    """Hold an explanation to the hydrated recipe and to the files; give the number of leaves with a place."""
    whole = hydrated(catalogue, recipe)
    assert found.document == whole
    assert [path for path, _ in leaves(whole)] == list(found.trails)
    placed = 0
    for path, value in leaves(whole):
        trail = found.trails[path]
        assert same(trail[-1].value, value), path
        assert same(select(whole, selector(path)), value)
        assert trail[-1].action != "delete"
        has_place = path[0] == "constraints" or (path[:1] == ("validation",) and value != {})
        if path[0] == "components":
            has_place = path[2] in ("values", "dependencyRefs", "manifestFiles")
            has_place = has_place or (path[2] in WRITTEN and value != "")
        if has_place:
            placed += 1
            assert says(trail[-1].origin, value), (path, trail[-1].origin.document())
            for step in trail:
                if step.action != "delete":
                    assert says(step.origin, step.value), (path, step)
    return placed


def test_every_value_of_every_recipe_is_where_explain_says(
    catalogue: Catalogue, recipes: list[Document]
) -> None:
    placed = 0
    layers = set()
    for recipe in recipes:
        found = explain(catalogue, recipe)
        placed += check(found, catalogue, recipe)
        layers |= {trail[-1].origin.source.facts["layer"] for trail in found.trails.values()}
        assert found.notes == ()
    assert placed > 5000
    assert layers == {"built-in", "pack", "registry", "computed"}, "and never the document"


def test_origins_are_a_mapping_of_selectors(catalogue: Catalogue, recipes: list[Document]) -> None:
    recipe = recipes[-1]
    found = origins(catalogue, recipe)
    whole = hydrated(catalogue, recipe)
    assert len(found) == len(list(leaves(whole)))
    for path, origin in found.items():
        select(whole, path)
        assert origin["layer"] in ("built-in", "pack", "registry", "computed")
        assert not origin.get("file", "").startswith("/")


def test_names_and_namespaces_orders_and_checks_are_those_of_query(
    catalogue: Catalogue, recipes: list[Document]
) -> None:
    for recipe in recipes:
        found = explain(catalogue, recipe)
        for number, name in enumerate(recipe["deploymentOrder"]):
            assert found.trails["deploymentOrder", number][-1].value == name
        for ref in recipe["componentRefs"]:
            for field in ("namespace", "version", "chart", "source", "type"):
                if ref.get(field):
                    assert found.trails["components", ref["name"], field][-1].value == ref[field]
        for phase, settings_ in (recipe.get("validation") or {}).items():
            for number, name in enumerate(settings_.get("checks", ())):
                assert found.trails["validation", phase, "checks", number][-1].value == name


# Random catalogues ------------------------------------------------------------------------------------------------

KEYS = st.sampled_from(["a", "b", "c", "d.e"])
SCALARS = st.one_of(
    st.sampled_from(["x", "y", "", "true", "1", "two words", "a: b", "l1\nl2\n"]),
    st.integers(-1, 2), st.booleans(), st.none(), st.sampled_from([0.5, 1.0]),
)  # fmt: skip
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.dictionaries(KEYS, inner, max_size=3), st.lists(inner, max_size=2)),
    max_leaves=6,
)
VALUES = st.dictionaries(KEYS, TREES, max_size=3)
NAMES = ("alpha", "beta")
CONSTRAINTS = st.lists(
    st.builds(
        lambda name, value, severity: {"name": name, "value": value, "severity": severity},
        st.sampled_from(["K.a.b", "K.a.c"]), st.sampled_from([">= 1", "2"]), st.sampled_from(["", "high"]),
    ),
    max_size=2,
)  # fmt: skip
PHASES = st.dictionaries(
    st.sampled_from(["readiness", "deployment"]),
    st.fixed_dictionaries(
        {},
        optional={
            "checks": st.lists(st.sampled_from(["one", "two"]), max_size=2, unique=True),
            "timeout": st.sampled_from(["", "5m"]),
            "constraints": CONSTRAINTS,
        },
    ),
    max_size=2,
)
REFS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(NAMES)},
        optional={
            "overrides": VALUES,
            "version": st.sampled_from(["", "1.10", "2"]),
            "namespace": st.sampled_from(["", "n"]),
            "type": st.sampled_from(["helm", "Helm"]),
            "manifestFiles": st.lists(st.sampled_from(["m1", "m2"]), max_size=2, unique=True),
        },
    ),
    max_size=3,
)
OVERLAYS = st.lists(
    st.tuples(st.integers(0, 3), REFS, CONSTRAINTS, st.none() | PHASES), min_size=1, max_size=4
)


def overlay(version: str, name: str, spec: Document) -> str:
    head = {"kind": "RecipeMetadata", "apiVersion": version, "metadata": {"name": name}}
    return to_yaml({**head, "spec": {key: v for key, v in spec.items() if v is not None}})


def write(root: pathlib.Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    lines_of.cache_clear()


def catalogue_of(root: pathlib.Path, version: str, overlays: Any, values: Any) -> Catalogue:
    refs = [
        {"name": "alpha", "version": "1", "valuesFile": "components/alpha/values.yaml"},
        {
            "name": "beta",
            "valuesFile": "components/beta/values-x.yaml",
            "dependencyRefs": ["alpha"],
        },
    ]
    entries = [
        {"name": name, "displayName": name, "helm": {
            "defaultRepository": f"https://{name}", "defaultChart": f"repo/{name}-chart",
            "defaultVersion": "9", "defaultNamespace": f"{name}-ns",
        }} for name in NAMES
    ]  # fmt: skip
    files = {
        "registry.yaml": to_yaml({"kind": "ComponentRegistry", "components": entries}),
        "overlays/base.yaml": overlay(version, "base", {"componentRefs": refs}),
        "components/alpha/values.yaml": to_yaml(values[0]),
        "components/beta/values.yaml": to_yaml(values[1]),
        "components/beta/values-x.yaml": to_yaml(values[2]),
    }
    for number, (parent, refs, constraints, phases) in enumerate(overlays):
        # An overlay builds on one before it, or on the base.
        base = f"o{parent}" if parent < number else "base"
        spec = {
            "base": base, "criteria": {"service": "s"}, "componentRefs": refs, "constraints": constraints,
            "validation": phases,
        }  # fmt: skip
        files[f"overlays/o{number}.yaml"] = overlay(version, f"o{number}", spec)
    write(root, files)
    return from_directories([str(root)])


VERSIONS = st.sampled_from(["aicr.nvidia.com/v1alpha1", "aicr.run/v1alpha2"])


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(version=VERSIONS, overlays=OVERLAYS, values=st.tuples(VALUES, VALUES, VALUES))
def test_random_catalogues_are_explained(
    version: str, overlays: Any, values: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    catalogue = catalogue_of(tmp_path_factory.mktemp("c"), version, overlays, values)
    recipe = resolve(catalogue, {"service": "s"}).document
    check(explain(catalogue, recipe), catalogue, recipe)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(version=VERSIONS, overlays=OVERLAYS, values=st.tuples(VALUES, VALUES, VALUES))
def test_a_value_that_one_file_says_comes_from_that_file(
    version: str, overlays: Any, values: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each scalar of values and overrides is made unlike any other: then only one place can have said it."""
    numbers = count(1000)

    def unlike(tree: Any) -> Any:
        if isinstance(tree, dict):
            return {key: unlike(item) for key, item in tree.items()}
        if isinstance(tree, list):
            return [unlike(item) for item in tree]
        return tree if tree is None else f"v{next(numbers)}"

    overlays = [
        (parent, [{**r, "overrides": unlike(r.get("overrides", {}))} for r in refs], c, p)
        for parent, refs, c, p in overlays
    ]
    root = tmp_path_factory.mktemp("c")
    catalogue = catalogue_of(root, version, overlays, unlike(list(values)))
    texts = {str(p.relative_to(root)): p.read_text() for p in root.rglob("*.yaml")}
    recipe = resolve(catalogue, {"service": "s"}).document
    for path, trail in explain(catalogue, recipe).trails.items():
        value = trail[-1].value
        if path[2:3] == ("values",) and isinstance(value, str):
            (file,) = [name for name, text in texts.items() if f"{value}\n" in text]
            origin = trail[-1].origin.document()
            assert origin["file"] == file
            assert texts[file].splitlines()[origin["line"] - 1].endswith(value)


# Recipes that somebody changed ------------------------------------------------------------------------------------


def test_what_only_the_document_says_has_the_document_for_its_origin(
    catalogue: Catalogue, recipes: list[Document]
) -> None:
    recipe = recipes[-1]
    ref = recipe["componentRefs"][0]
    changed = {
        **ref,
        "version": "0.0.7",
        "overrides": {**ref.get("overrides", {}), "mine": {"x": 1}},
    }
    recipe = {**recipe, "componentRefs": [changed, *recipe["componentRefs"][1:]]}
    found = explain(catalogue, recipe)
    name = ref["name"]
    steps = found.trails["components", name, "version"]
    assert [step.action for step in steps][-1] == "replace"
    assert steps[-1].origin.document() == {"layer": "document"}
    assert found.trails["components", name, "values", "mine", "x"][-1].origin.document() == {
        "layer": "document"
    }
    others = [
        path for path, trail in found.trails.items()
        if trail[-1].origin.document()["layer"] == "document"
    ]  # fmt: skip
    assert len(others) == 2


def test_a_recipe_of_a_catalogue_that_is_gone(
    catalogue: Catalogue, recipes: list[Document]
) -> None:
    recipe = recipes[-1]
    metadata = {**recipe["metadata"], "appliedOverlays": ["base", "no-such-overlay"]}
    found = explain(catalogue, {**recipe, "metadata": metadata})
    assert "no-such-overlay" in found.notes[0]
    assert found.document["components"] == hydrated(catalogue, recipe)["components"]
    bare = explain(catalogue, {**recipe, "metadata": {}})
    assert "appliedOverlays" in bare.notes[0]
    own = {path[:3] for path in bare.trails if path[0] == "components" and path[2] != "values"}
    for path in own:
        layers = {
            trail[-1].origin.document()["layer"]
            for at, trail in bare.trails.items()
            if at[:3] == path and trail[-1].value
        }
        assert layers <= {"document"}


def test_a_merge_that_cannot_be_followed_is_no_origin(
    catalogue: Catalogue, recipes: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*arguments: Any) -> Document:
        whole = hydrated(*arguments)
        name = next(iter(whole["components"]))
        item = {**whole["components"][name], "namespace": "elsewhere"}
        return {**whole, "components": {**whole["components"], name: item}}

    monkeypatch.setattr(module, "hydrated", wrong)
    with pytest.raises(AicrError, match="nothing that was merged says") as caught:
        explain(catalogue, recipes[0])
    assert caught.value.code == "INTERNAL"


# Trails -----------------------------------------------------------------------------------------------------------

ONE, TWO, THREE = flag("one"), flag("two"), flag("three")


def source(tree: Any, origin: Origin) -> Any:
    return {path: [(Step(value, origin),)] for path, value in leaves(tree)}


def told(trails: Trails, *path: str | int) -> list[tuple[Any, str, str]]:
    trail = trails.live.get(path) or trails.gone[path]
    return [(step.value, step.origin.document()["flag"], step.action) for step in trail]


def followed(*steps: tuple[Any, Any, Origin]) -> Trails:
    trails = Trails()
    for after, said, origin in steps:
        trails.follow(dict(leaves(after)), source(said, origin))
    return trails


def test_actions_say_what_happened() -> None:
    trails = followed(
        ({"a": 1, "b": 1, "c": {"d": 1}, "e": 5}, {"a": 1, "b": 1, "c": {"d": 1}, "e": 5}, ONE),
        ({"a": 1, "b": 2, "c": None, "e": 5}, {"a": 1, "b": 2, "c": None}, TWO),
        ({"a": 1, "b": 2, "c": None}, {"e": None}, THREE),
    )
    assert told(trails, "a") == [(1, "one", "set"), (1, "two", "merge")]
    assert told(trails, "b") == [(1, "one", "set"), (2, "two", "replace")]
    assert told(trails, "c") == [(None, "two", "replace")]
    assert told(trails, "c", "d") == [(1, "one", "set"), (None, "two", "delete")]
    assert told(trails, "e") == [(5, "one", "set"), (None, "three", "delete")]


def test_what_is_set_again_after_it_was_deleted() -> None:
    trails = followed(
        ({"a": 1}, {"a": 1}, ONE), ({}, {"a": None}, TWO), ({"a": 1}, {"a": 1}, THREE)
    )
    assert told(trails, "a") == [(1, "one", "set"), (None, "two", "delete"), (1, "three", "set")]
    assert not trails.gone


def test_items_of_joined_lists_keep_their_sources() -> None:
    trails = followed(
        ({"l": ["a", "b"]}, {"l": ["a", "b"]}, ONE),
        ({"l": ["a", "b", "c"]}, {"l": ["b", "c"]}, TWO),
    )
    assert told(trails, "l", 0) == [("a", "one", "set")]
    assert told(trails, "l", 1) == [("b", "one", "set")]
    assert told(trails, "l", 2) == [("c", "two", "merge")]


def test_one_is_not_true_and_nan_is_itself() -> None:
    assert not same(1, True)
    assert not same(1, 1.0)
    assert not same("1", 1)
    assert same(float("nan"), float("nan"))
    assert extended((), (Step(1, ONE, "merge"),))[0].action == "set"


def test_what_a_mixin_brings_is_the_mixins(tmp_path: pathlib.Path) -> None:
    ref = {"name": "beta", "version": "3", "overrides": {"k": "v"}}
    files = {
        "overlays/o.yaml": overlay("aicr.run/v1alpha2", "o", {
            "criteria": {"service": "s"}, "mixins": ["extra"], "componentRefs": [],
        }),
        "mixins/extra.yaml": to_yaml({
            "kind": "RecipeMixin", "apiVersion": "aicr.run/v1alpha2", "metadata": {"name": "extra"},
            "spec": {"constraints": [{"name": "K.a.b", "value": "1"}], "componentRefs": [ref]},
        }),
        "overlays/base.yaml": overlay("aicr.run/v1alpha2", "base", {"componentRefs": []}),
        "registry.yaml": to_yaml({"components": [{"name": "beta", "displayName": "b", "helm": {
            "defaultRepository": "https://b", "defaultChart": "b", "defaultNamespace": "ns",
        }}]}),
    }  # fmt: skip
    write(tmp_path, files)
    catalogue = from_directories([str(tmp_path)])
    recipe = resolve(catalogue, {"service": "s"}).document
    found = explain(catalogue, recipe)
    assert check(found, catalogue, recipe) > 5
    assert found.mentions == {"beta": ["extra"]}
    origin = found.trails["components", "beta", "values", "k"][-1].origin.document()
    assert (origin["overlay"], origin["file"]) == ("extra", "mixins/extra.yaml")
    assert origin["layer"] == "data"


def test_recipes_of_the_reference_are_explained(catalogue: Catalogue, shared: pathlib.Path) -> None:
    """Whatever catalogue they were made from: what ours does not say is the document's."""
    explained = 0
    for line in (shared / "data/golden/recipe-bodies.jsonl").read_text().splitlines():
        body = json.loads(line)["body"]
        if not isinstance(body, dict) or body.get("kind") != "RecipeResult" or "components" in body:
            continue
        try:
            recipe = complete(decode_recipe(json.dumps(body).encode(), "body", "json"), catalogue)
            whole = hydrated(catalogue, recipe)
        except AicrError:
            continue  # It names values files of a --data directory that is not here.
        found = explain(catalogue, recipe)
        assert found.document == whole
        assert [path for path, _ in leaves(whole)] == list(found.trails)
        explained += 1
    assert explained > 50


PATHS = st.sampled_from(
    ["driver", "driver.version", "driver.new.key", "daemonsets.nodeSelector", "daemonsets.tolerations",
     "toolkit.env", "a.b", "a", "operator.resources.limits.cpu"]
)  # fmt: skip
SETS = st.one_of(
    st.tuples(st.just("--set"), PATHS, st.sampled_from(["1", "true", "x", "0.5"])),
    st.tuples(st.just("--set-string"), PATHS, st.sampled_from(["1", "true"])),
    st.tuples(
        st.just("--set-json"), PATHS,
        st.sampled_from(['{"b": 1, "version": null}', "null", "[1, {}]", '"x"', '{"k": {"l": []}}']),
    ),
)  # fmt: skip


@settings(max_examples=60)
@given(sets=st.lists(SETS, max_size=4), pool=st.booleans(), nodes=st.sampled_from([0, 8]))
def test_random_flags_are_followed_into_a_bundle(sets: Any, pool: bool, nodes: int) -> None:
    """``in_bundle`` holds what it followed to the values of the plan: it may refuse flags, it may not lose them."""
    subject = _subject()
    texts: dict[str, list[str]] = {"--set": [], "--set-string": [], "--set-json": []}
    for name, path, value in sets:
        texts[name].append(f"gpu-operator:{path}={value}")
    request = BundleRequest(
        "", set_values=tuple(texts["--set"]), set_strings=tuple(texts["--set-string"]),
        set_jsons=tuple(texts["--set-json"]), nodes=nodes,
        accelerated_node_selector=("pool=gpu",) if pool else (),
    )  # fmt: skip
    try:
        found, _ = in_bundle(_environment(), subject, request)
    except AicrError as error:
        assert error.code == "INVALID_REQUEST"
        return
    assert [path for path, _ in leaves(found.document)] == list(found.trails)
    for path, value in leaves(found.document):
        assert same(found.trails[path][-1].value, value)


@cache
def _environment() -> Any:
    return Session()._environment


@cache
def _subject() -> Any:
    asked = RecipeRequest(flags={"service": "eks", "intent": "training"}, allow_partial=True)
    return open_subject(_environment(), ExplainRequest(asked))
