"""The Helm releases of a plan: which there are, their names, their order, and that no manifest is lost."""

from __future__ import annotations

import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plans import CONFIG, plan, put, release
from plans import manifests as files

from aicr_core.api import (
    AicrError,
    Artifact,
    Part,
    Release,
    load_all,
    local_chart,
    parts,
)
from aicr_core.model.parts import short

CRD = b"""apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.e.example}
spec: {group: e.example, names: {kind: Thing}}
"""
THING = b"apiVersion: e.example/v1\nkind: Thing\nmetadata: {name: one}\n"


def order(*releases: Release, serial: bool = False) -> list[tuple[str, tuple[str, ...]]]:
    return [(part.name, part.needs) for part in parts(plan(*releases, serial=serial))]


def test_manifests_come_before_and_after_the_chart() -> None:
    manifests = files(early_yaml=CONFIG, late_yaml=CONFIG)
    both = release("a", manifests=manifests, pre_manifests=("manifests/early.yaml",))
    assert order(both, release("b", "a")) == [
        ("a-pre", ()),
        ("a", ("a-pre",)),
        ("a-post", ("a",)),
        ("b", ("a-post",)),
    ]


def test_independent_components_do_not_wait_unless_told_to() -> None:
    three = (release("a"), release("b"), release("c", "a"))
    assert order(*three) == [("a", ()), ("b", ()), ("c", ("a",))]
    assert order(*three, serial=True) == [("a", ()), ("b", ("a",)), ("c", ("b",))]


def test_a_component_that_installs_nothing_holds_its_place() -> None:
    empty = release("b", "a", kind="manifests", repository="")
    assert order(release("a"), empty, release("c", "b")) == [("a", ()), ("c", ("a",))]


def test_a_dependency_that_comes_later_has_no_say() -> None:
    assert order(release("a", "b"), release("b")) == [("a", ()), ("b", ())]


def test_manifests_alone_are_one_part() -> None:
    manifests = files(x_yaml=CONFIG)
    (part,) = parts(plan(release("a", kind="manifests", manifests=manifests)))
    assert (part.name, part.folder, part.kind) == ("a", "a", "manifests")
    early = release("a", kind="manifests", manifests=manifests, pre_manifests=("manifests/x.yaml",))
    assert order(early) == [("a", ())]


@pytest.mark.parametrize(
    "manifests",
    [
        files(a_yaml=THING, b_yaml=CRD),
        files(a_yaml=THING + b"---\n" + CRD),
        files(a_yaml=b"---\n" + CRD + b"--- # next\n" + THING + b"---\n# nothing\n"),
    ],
)
def test_definitions_come_before_their_objects(manifests: tuple[Artifact, ...]) -> None:
    first, then = parts(plan(release("a", kind="manifests", manifests=manifests)))
    assert (first.name, then.name, then.needs) == ("a-crds", "a", ("a-crds",))
    assert [doc["kind"] for doc in first.documents] == ["CustomResourceDefinition"]
    assert [doc["kind"] for doc in then.documents] == ["Thing"]


def test_definitions_of_other_kinds_stay_where_they_are() -> None:
    manifests = files(a_yaml=CRD, b_yaml=CONFIG)
    assert order(release("a", manifests=manifests)) == [("a", ()), ("a-post", ("a",))]


def test_names_never_meet() -> None:
    manifests = files(x_yaml=CONFIG)
    long = "l" * 63
    found = parts(
        plan(
            release("a", manifests=manifests),
            release("a-post"),
            release(long, manifests=manifests),
            release(long[:-1] + "k", manifests=manifests),
        )
    )
    names, folders = [part.name for part in found], [part.folder for part in found]
    assert len(set(names)) == len(set(folders)) == 7
    assert max(map(len, names)) <= 53
    assert long in folders


def test_what_a_part_says_of_its_manifests() -> None:
    own = b"apiVersion: v1\nkind: Namespace\nmetadata: {name: ns}\n"
    other = own.replace(b"ns}", b"other}")

    def of(data: bytes) -> Part:
        texts = files(x_yaml=data)
        return parts(plan(release("a", kind="manifests", namespace="ns", manifests=texts)))[0]

    assert (of(own).own_namespace, of(own).custom) == (True, False)
    assert not of(other).own_namespace
    assert of(THING).custom
    assert not of(CONFIG).custom


def test_every_manifest_is_rendered_by_helm(tmp_path: pathlib.Path) -> None:
    helm = pytest.importorskip("helm_python")
    manifests = (
        *files(_hidden_yaml=CONFIG, plain=CONFIG, NOTES_txt=CONFIG, x_json=b'{"kind":"List","items":[{"a":{}}]}'),
        Artifact(path="manifests/sub/x.json", data=b'{"kind": "{{ .Values.no }}"}'),
    )  # fmt: skip
    whole = plan(release("a", kind="manifests", version="1.0.0", manifests=manifests))
    (part,) = parts(whole)
    put({item.path: item.data for item in local_chart(part, whole)}, tmp_path)
    rendered = helm.Chart.load(str(tmp_path / "a")).render({})
    assert sorted(rendered.values()) == sorted(item.data.decode() for item in manifests)
    chart = load_all((tmp_path / "a/Chart.yaml").read_bytes(), "Chart.yaml")[0]
    assert chart["version"] == "1.2.3"
    assert chart["annotations"]["aicr.run/component-version"] == "1.0.0"


HOOK = b"""# a comment
apiVersion: v1
kind: ConfigMap
metadata:
  name: h
  annotations: {helm.sh/hook: post-install, helm.sh/hook-delete-policy: hook-succeeded, helm.sh/resource-policy: keep}
data: {text: "a: helm.sh/hook"}
"""


def test_files_of_one_name_in_two_folders_are_two_templates() -> None:
    paths = ("sub/a.yaml", "a.yaml", "x-a.yaml", "_b.yaml", "x_b.yaml", "c", "c.yaml")
    files_ = tuple(Artifact(path=f"manifests/{path}", data=CONFIG) for path in paths)
    whole = plan(release("a", kind="manifests", manifests=files_))
    found = [item.path for part in parts(whole) for item in local_chart(part, whole)]
    assert len(set(found)) == len(found) == len(paths) + 1


@pytest.mark.parametrize("name", ["h_yaml", "h_json"])
def test_no_manifest_becomes_a_hook_that_helm_deletes(name: str) -> None:
    (part,) = parts(plan(release("a", kind="manifests", manifests=files(**{name: HOOK}))))
    (doc,) = part.documents
    assert doc["metadata"] == {"name": "h", "annotations": {"helm.sh/resource-policy": "keep"}}
    assert doc["data"] == {"text": "a: helm.sh/hook"}


def test_a_manifest_without_hooks_keeps_every_byte() -> None:
    data = b"# x\n" + CONFIG + b"data: {a: 'helm.sh/hook'} # y\n"
    (part,) = parts(plan(release("a", kind="manifests", manifests=files(x_yaml=data))))
    assert part.manifests == (("x.yaml", data),)


@given(st.lists(st.sampled_from([CRD, THING, CONFIG]), min_size=1, max_size=6), st.booleans())
def test_no_document_is_lost(documents: list[bytes], several: bool) -> None:
    texts = documents if several else [b"---\n".join(documents)]
    manifests = tuple(
        Artifact(path=f"manifests/{number}.yaml", data=data) for number, data in enumerate(texts)
    )
    found = parts(plan(release("a", manifests=manifests)))
    wanted = [load_all(data, "x")[0] for data in documents]
    got = [doc for part in found for doc in part.documents]
    assert sorted(map(str, got)) == sorted(map(str, wanted))
    definitions = [part.name for part in found if any("spec" in doc for doc in part.documents)]
    things = [part.name for part in found if any(doc["kind"] == "Thing" for doc in part.documents)]
    assert not set(definitions) & set(things)


@pytest.mark.parametrize("data", [b"\xff\xfe", THING + b"---\n" + CRD + b"---\na: [\n"])
def test_manifests_that_cannot_be_read(data: bytes) -> None:
    with pytest.raises(AicrError) as caught:
        parts(plan(release("a", manifests=files(x_yaml=data))))
    assert "\n" not in str(caught.value)
    assert "x.yaml" in f"{caught.value.message} {caught.value.where}"


def test_short() -> None:
    assert short("a" * 53) == "a" * 53
    assert len(short("a" * 54)) == 53
    assert short("a" * 54) != short("a" * 55)
