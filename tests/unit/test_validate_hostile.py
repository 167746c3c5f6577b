"""Input of ``aicr validate`` that is no input: one line that says what and where, status 2, and nothing half green."""

from __future__ import annotations

import json
import pathlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aicr_core.cli.root import run
from aicr_core.kit.emit import to_yaml

SNAPSHOT = b"kind: Snapshot\nmeasurements:\n- type: K8s\n  subtypes:\n  - subtype: server\n    data: {version: v1.33.1}\n"
RECIPE = b'kind: RecipeResult\nconstraints: [{name: K8s.server.version, value: ">= 1.30"}]\n'


@pytest.fixture
def place(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def validate(place: pathlib.Path, recipe: bytes, snapshot: bytes, *words: str) -> int:
    (place / "r.yaml").write_bytes(recipe)
    (place / "s.yaml").write_bytes(snapshot)
    return run(["validate", "-r", "r.yaml", "-s", "s.yaml", "--no-cluster", *words])


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        (b"", "empty"), (b"\x00\x01", "not valid YAML"), (b"\xff\xfe", "not UTF-8"), (b"[]", "must be a mapping"),
        (b"{}", "no kind"), (b"kind: Snapshot\n", 'kind is "Snapshot"'),
        (b"kind: RecipeResult\nconstraints: [{name: K8s.server.version}]\n", "expression is empty"),
        (b"kind: RecipeResult\nconstraints: [{value: x}]\n", 'has no "name"'),
        (b'kind: RecipeResult\nconstraints: [{name: "K8s.server.\\e[31mx", value: "1"}]\n', "\\x1b[31mx"),
        (b"kind: RecipeResult\ncomponentRefs: [{name: gpu-operator, healthCheckAsserts: [1]}]\n", "must be text"),
        (b"kind: RecipeResult\nvalidation: {readyness: {checks: [a]}}\n", 'did you mean "readiness"?'),
        (b"kind: RecipeResult\nvalidation: {readiness: {checks: [operator-health]}}\n", "phase deployment"),
        (b'{"kind":"RecipeResult","validation":{"deployment":{"checks":["x\\u001b[0m"]}}}', "\\x1b[0m"),
        (b"kind: RecipeResult\nvalidation: {deployment: {checks: [operator-health], timeout: 0s}}\n", "no duration"),
        (b"kind: RecipeMetadata\nspec: null\n", "overlay without criteria"),
    ],
)  # fmt: skip
def test_recipes(
    place: pathlib.Path, recipe: bytes, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert validate(place, recipe, SNAPSHOT) == 2
    err = capsys.readouterr().err
    assert told in err
    assert "r.yaml" in err
    assert "\x1b" not in err


@pytest.mark.parametrize(
    ("snapshot", "told"),
    [
        (b"", "empty"), (b"null", "empty"), (b"[]", "must be a mapping"), (RECIPE, 'kind is "RecipeResult"'),
        (b"kind: Snapshot\nmeasurements: null\n", "no measurement K8s"),
        (b"kind: Snapshot\nmeasurements: [null]\n", "measurements[0] is null"),
        (b"kind: Snapshot\nmeasurements: [{type: K8s, subtypes: null}]\n", "no subtype server"),
        (b"kind: Snapshot\nmeasurements: [{type: K8s, subtypes: [{subtype: server, data: {version: null}}]}]\n", "<nil>"),
        (b"kind: Snapshot\nmeasurements: [{type: K8s, subtypes: [{subtype: server, data: {version: [1]}}]}]\n", "[1]"),
        (b"apiVersion: foo/v9\nkind: Snapshot\n", "foo/v9"), (b"\x00" * 10, "not valid YAML"),
        (b"kind: FleetSnapshot\nfleet: {groups: []}\n", "no node with a snapshot"),
        (b"kind: FleetSnapshot\nfleet: {groups: [{id: a, nodes: [n1, n2]}]}\n"
         b"measurements: [{type: K8s, subtypes: [{subtype: server, data: {version: v1.20}}]}]\n", "v1.20 on n1, n2"),
    ],
)  # fmt: skip
def test_snapshots(
    place: pathlib.Path, snapshot: bytes, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert validate(place, RECIPE, snapshot) == 2
    assert told in capsys.readouterr().err


def test_nodes_without_a_snapshot_meet_nothing(
    place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet = (
        b"kind: FleetSnapshot\nfleet: {groups: [{id: a, nodes: [n1]}], failed: [{node: n2}]}\nmeasurements:\n"
        b"- {type: K8s, subtypes: [{subtype: server, data: {version: v1.33}}]}\n"
        b"- {type: OS, subtypes: [{subtype: release, data: {ID: ubuntu}}]}\n"
    )
    assert validate(place, RECIPE, fleet) == 0  # the version is the cluster's
    recipe = b"kind: RecipeResult\nconstraints: [{name: OS.release.ID, value: ubuntu}]\n"
    capsys.readouterr()
    assert validate(place, recipe, fleet) == 2
    assert "1 nodes have no snapshot: n2" in capsys.readouterr().err
    assert validate(place, recipe, fleet, "--readiness-unknown", "warn") == 0


_TEXT = st.text(max_size=12)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
_CONSTRAINTS = st.lists(st.fixed_dictionaries({"name": _TEXT, "value": _TEXT}), max_size=3)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    recipe=st.fixed_dictionaries(
        {"kind": st.just("RecipeResult")},
        optional={
            "constraints": _CONSTRAINTS | _VALUES,
            "validation": _VALUES,
            "componentRefs": _VALUES,
        },
    ),
    measurements=_VALUES,
)
def test_any_documents_give_a_status_and_no_defect(
    place: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    recipe: dict[str, object],
    measurements: object,
) -> None:
    snapshot = {"kind": "Snapshot", "measurements": measurements}
    status = validate(place, to_yaml(recipe).encode(), to_yaml(snapshot).encode(), "-t", "json")
    out, err = capsys.readouterr()
    assert status in (0, 2)
    assert "defect of aicr" not in err
    if status == 0:
        json.loads(out)


def test_a_recipe_is_read_once_for_all_the_places_that_it_has(
    place: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand constraints that do not hold are a thousand places in one tree."""
    from aicr_core.kit import yamlio

    read: list[str] = []
    compose = yamlio.compose

    def counted(data: bytes | str, source: str) -> yamlio.Node | None:
        read.append(source)
        return compose(data, source)

    monkeypatch.setattr(yamlio, "compose", counted)
    bad = [{"name": f"K8s.server.key-{number}", "value": "1"} for number in range(50)]
    assert (
        validate(place, to_yaml({"kind": "RecipeResult", "constraints": bad}).encode(), SNAPSHOT)
        == 2
    )
    assert read.count("r.yaml") == 1
