"""Which override wins: the rules of spec/beyond.md 2.5, flag by flag, and values that are left open."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.cli.root import run
from aicr_core.engine.overrides import Override, apply, dynamic_paths, remove, split_open
from aicr_core.engine.values import get, inject
from aicr_core.kit import yamlio
from aicr_core.kit.emit import to_yaml
from aicr_core.kit.errors import AicrError

GPU = {
    "name": "gpu-operator", "namespace": "gpu-operator", "type": "Helm", "chart": "gpu-operator",
    "source": "https://helm.ngc.nvidia.com/nvidia", "version": "v25.10.1",
    "overrides": {"driver": {"version": "570", "rdma": {"enabled": True}}, "args": ["a"]},
}  # fmt: skip
OFF = {**GPU, "name": "aws-efa", "overrides": {"enabled": False}}


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.chdir(tmp_path)
    recipe = {
        "kind": "RecipeResult",
        "componentRefs": [GPU, OFF],
        "deploymentOrder": ["gpu-operator"],
    }
    (tmp_path / "recipe.yaml").write_text(to_yaml(recipe))
    return tmp_path


def _values(folder: pathlib.Path, *words: str) -> Any:
    assert run(["bundle", "-r", "recipe.yaml", "-o", "out", *words]) == 0
    return yamlio.load((folder / "out/gpu-operator/values.yaml").read_bytes(), "values")


def test_objects_merge_lists_replace_null_takes_away(folder: pathlib.Path) -> None:
    body = json.dumps({"version": None, "rdma": {"useHostMofed": True}, "env": [1]})
    values = _values(
        folder,
        "--set-json",
        f"gpu-operator:driver={body}",
        "--set-json",
        'gpuoperator:args=["b","c"]',
    )
    assert "version" not in values["driver"]
    assert values["driver"]["rdma"] == {"enabled": True, "useHostMofed": True}
    assert values["args"] == ["b", "c"]


def test_files_are_typed_and_only_their_first_document_counts(folder: pathlib.Path) -> None:
    (folder / "driver.yaml").write_text("version: '580'\nrdma: null\n---\nversion: other\n")
    values = _values(folder, "--set-file", "gpu-operator:driver=driver.yaml")
    assert values["driver"]["version"] == "580"
    assert "rdma" not in values["driver"]


def test_the_order_of_flags_does_not_matter_but_their_kind_does(folder: pathlib.Path) -> None:
    (folder / "v.yaml").write_text("'from-file'\n")
    words = [
        ["--set-json", 'gpu-operator:driver.version="from-json"'],
        ["--set-file", "gpu-operator:driver.version=v.yaml"],
        ["--set", "gpu-operator:driver.version=from-set"],
    ]
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        values = _values(folder, *(word for n in order for word in words[n]))
        assert values["driver"]["version"] == "from-json"
    assert _values(folder, *words[2], *words[1])["driver"]["version"] == "from-file"


def test_a_deeper_path_wins_over_an_object_for_its_parent(folder: pathlib.Path) -> None:
    parent = ["--set-json", 'gpu-operator:driver={"version":"parent","licensing":{"x":1}}']
    child = ["--set", "gpu-operator:driver.version=child"]
    for words in (parent + child, child + parent):
        driver = _values(folder, *words)["driver"]
        assert driver["version"] == "child"
        assert driver["licensing"] == {"x": 1}


def test_the_own_name_wins_over_aliases_and_what_both_set_is_joined(folder: pathlib.Path) -> None:
    exact = ["--set-json", 'gpu-operator:driver={"a":"exact"}']
    alias = ["--set-json", 'gpuoperator:driver={"a":"alias","b":"alias"}']
    for words in (exact + alias, alias + exact):
        driver = _values(folder, *words)["driver"]
        assert (driver["a"], driver["b"]) == ("exact", "alias")


def test_objects_of_one_flag_and_path_merge_in_their_order(folder: pathlib.Path) -> None:
    words = ["--set-json", 'gpu-operator:x={"a":1,"b":1}', "--set-json", 'gpu-operator:x={"b":2}']
    assert _values(folder, *words)["x"] == {"a": 1, "b": 2}
    assert _values(folder, *words, "--set-json", "gpu-operator:x=[3]")["x"] == [3]


def test_commas_in_json_are_literal(folder: pathlib.Path) -> None:
    assert _values(folder, "--set-json", 'gpu-operator:x={"a":1,"b:c=d":2}')["x"] == {
        "a": 1,
        "b:c=d": 2,
    }


def test_an_object_at_a_selector_joins_the_selector_of_the_flag(folder: pathlib.Path) -> None:
    words = ["--accelerated-node-selector", "pool=gpu"]
    typed = ["--set-json", 'gpu-operator:daemonsets.nodeSelector={"zone":"a"}']
    assert _values(folder, *words, *typed)["daemonsets"]["nodeSelector"] == {
        "pool": "gpu",
        "zone": "a",
    }
    text = ["--set", "gpu-operator:daemonsets.nodeSelector=x"]
    assert _values(folder, *words, *text)["daemonsets"]["nodeSelector"] == {"pool": "gpu"}


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["--set-json", "gpu-operator:x={"], 2, "not valid JSON"),
        (["--set-json", 'gpu-operator:x={"a":1} trailing'], 2, "not valid JSON"),
        (["--set-json", 'gpu-operator:x={"a":1,"a":2}'], 2, '"a" stands twice'),
        (["--set-json", "gpu-operator:x=NaN"], 2, "NaN"),
        (["--set-json", "gpu-operator:x=" + "[" * 100_000], 2, "not valid JSON"),
        (["--set-json", "gpu-operator:enabled=true"], 2, "--enable"),
        (["--set-json", "gpu-opreator:x=1"], 2, 'did you mean "gpu-operator"?'),
        (["--set-json", 'gpu-operator:driver.version.x="1"'], 2, "--set-json gpu-operator:driver.version.x"),
        (["--set-file", "gpu-operator:x=none.yaml"], 3, "none.yaml is not there"),
        (["--set-file", "gpu-operator:x=/dev/null"], 2, "no regular file"),
        (["--set-file", "gpu-operator:x=."], 2, "no regular file"),
        (["--set-file", "gpu-operator:x=http://127.0.0.1:1/x"], 3, "is not there"),
        (["--dynamic", "gpu-operator:enabled"], 2, "--enable"),
        (["--dynamic", "gpu-operator"], 2, "component:path"),
        (["--dynamic", "gpu-operator:a=b"], 2, "component:path"),
        (["--dynamic", "other:a"], 2, "no component of the recipe"),
        (["--dynamic", "aws-efa:a"], 2, "disables the component"),
        (["--dynamic", "gpu-operator:a", "--disable", "gpu-operator", "--enable", "aws-efa"], 2, "is disabled"),
        (["--set", "gpu-operator:driver=1", "--set-json", "gpu-operator:driver.x=2"], 2, "single value"),
    ],
)  # fmt: skip
def test_refusals(
    folder: pathlib.Path,
    words: list[str],
    status: int,
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["bundle", "-r", "recipe.yaml", "-o", "out", *words]) == status
    err = capsys.readouterr().err
    assert told in err
    assert "Traceback" not in err
    assert not (folder / "out").exists()


def test_what_is_left_open_is_asked_for_at_installation(folder: pathlib.Path) -> None:
    words = ["--dynamic", "gpuoperator:driver.version", "--dynamic", "gpu-operator:clusterName"]
    values = _values(folder, *words)
    assert "version" not in values["driver"]
    assert "clusterName" not in values
    stub = yamlio.load((folder / "out/gpu-operator/cluster-values.yaml").read_bytes(), "stub")
    assert stub == {"driver": {"version": "570"}, "clusterName": ""}


KEYS = st.sampled_from(["a", "b", "c"])
DOCUMENTS = st.recursive(
    st.integers() | st.text(max_size=3), lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
).filter(lambda value: isinstance(value, dict))  # fmt: skip
PATHS = st.lists(KEYS, min_size=1, max_size=3).map(".".join)


@given(DOCUMENTS, PATHS)
def test_removing_leaves_everything_else(values: dict[str, Any], path: str) -> None:
    before = json.dumps(values)
    left = remove(values, path)
    assert json.dumps(values) == before
    assert get(left, path) is None
    assert {key: left[key] for key in left if key != path.split(".")[0]} == {
        key: values[key] for key in values if key != path.split(".")[0]
    }


@given(DOCUMENTS, st.lists(PATHS, max_size=3, unique=True))
def test_stub_and_rest_hold_every_value(values: dict[str, Any], paths: list[str]) -> None:
    ordered = sorted(paths, key=lambda path: (path.count("."), path))
    above = {path.rpartition(".")[0] for path in ordered if "." in path}
    above |= {path.rpartition(".")[0] for path in above if "." in path}
    if any(
        get(values, path) is not None and not isinstance(get(values, path), dict) for path in above
    ):
        with pytest.raises(AicrError, match="is no mapping"):
            split_open(values, ordered, "a")
        return
    rest, stub, _ = split_open(values, ordered, "a")
    for path in ordered:
        assert get(rest, path) is None
        present = get(values, path)
        if not any(other != path and path.startswith(f"{other}.") for other in ordered):
            inner = {p for p in ordered if p.startswith(f"{path}.")}
            assert inner or get(stub, path) == ("" if present is None else present)


def test_units() -> None:
    items = [Override("a.b", "1", "--set", literal=True, typed=False)]
    assert apply({}, items, "c") == {"a": {"b": "1"}}
    assert list(dynamic_paths(["a:b.c"])) == [("a:b.c", ("a", "b.c"))]
    with pytest.raises(AicrError):
        list(dynamic_paths(["a:b..c"]))
    entry = {"nodeScheduling": {"system": {"nodeSelectorPaths": ["s"]}}}
    assert inject({}, entry, {"system_node_selector": {"k": "v"}}, {}) == {"s": {"k": "v"}}
