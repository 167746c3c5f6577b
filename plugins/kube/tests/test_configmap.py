"""Documents in ConfigMaps: as the reference stores them, and beyond the limit of 1 MiB."""

from __future__ import annotations

import base64
import json
import pathlib
import random
from typing import TYPE_CHECKING, Any

import pytest
from aicr_kube.configmap import PLAIN_BYTES, read, split, write
from cluster_fixtures import DATA
from fake_cluster import FakeCluster
from fake_cluster.server import Rule

from aicr_core.api import AicrError, Code, Context, Settings, StoredDocument

if TYPE_CHECKING:
    from collections.abc import Iterator

needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="../shared/data/snapshots is not beside this checkout"
)
URI = "cm://default/snap"


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster() as made:
        yield made


@pytest.fixture
def ctx(cluster: FakeCluster, tmp_path: pathlib.Path) -> Context:
    options = {"kubeconfig": cluster.kubeconfig(tmp_path / "kubeconfig")}
    return Context(
        options=options, settings=Settings(env={"SOURCE_DATE_EPOCH": "1700000000"}), timeout=20
    )


def stored(cluster: FakeCluster, name: str = "snap") -> Any:
    return cluster.store.get(("", "configmaps", "default", name))


def put(cluster: FakeCluster, **content: Any) -> None:
    cluster.add("", "configmaps", {"metadata": {"name": "snap", "namespace": "default"}, **content})


@pytest.mark.parametrize("fmt", ["yaml", "json"])
def test_a_small_document(cluster: FakeCluster, ctx: Context, fmt: str) -> None:
    write(
        ctx, URI, StoredDocument(data=b"kind: Snapshot\n", format=fmt, notes={"source-node": "n1"})
    )
    found = stored(cluster)
    assert found["data"] == {
        f"snapshot.{fmt}": "kind: Snapshot\n",
        "format": fmt,
        "timestamp": "2023-11-14T22:13:20Z",
    }
    assert found["metadata"]["annotations"]["aicr.run/source-node"] == "n1"
    assert read(ctx, URI) == StoredDocument(data=b"kind: Snapshot\n", format=fmt)


@needs_data
def test_the_recorded_request(cluster: FakeCluster, ctx: Context) -> None:
    golden = json.loads((DATA / "golden/configmap-apply-v0.11.1.json").read_text("utf-8"))
    cluster.add("", "namespaces", {"metadata": {"name": "gpu-operator"}})
    body = golden.get("body", golden)
    text = body["data"]["snapshot.yaml"]
    write(ctx, "cm://gpu-operator/aicr-snapshot", StoredDocument(data=text.encode()))
    line, sent = cluster.bodies[-1]
    assert (
        line
        == "PATCH /api/v1/namespaces/gpu-operator/configmaps/aicr-snapshot?fieldManager=aicr&force=true"
    )
    sent["data"]["timestamp"] = body["data"]["timestamp"]
    assert sent["data"] == body["data"]
    assert (sent["apiVersion"], sent["kind"]) == (body["apiVersion"], body["kind"])
    # Deliberately different (spec/snapshot.md 14.11): component and version labels tell the truth, and there are
    # annotations. Everything else is the reference's.
    labels = sent["metadata"].pop("labels")
    assert (
        labels["app.kubernetes.io/name"] == body["metadata"].pop("labels")["app.kubernetes.io/name"]
    )
    sent["metadata"].pop("annotations")
    assert sent["metadata"] == {
        key: value for key, value in body["metadata"].items() if key in sent["metadata"]
    }


def test_a_document_that_compresses(cluster: FakeCluster, ctx: Context) -> None:
    data = b"label: node-1,node-2\n" * 100_000
    assert len(data) > PLAIN_BYTES
    write(ctx, URI, StoredDocument(data=data))
    assert list(stored(cluster)["binaryData"]) == ["snapshot.yaml.gz"]
    assert read(ctx, URI) == StoredDocument(data=data, format="yaml")


def incompressible(seed: int) -> bytes:
    return base64.b64encode(random.Random(seed).randbytes(1_800_000))


def test_a_document_in_chunks_and_one_after_it(cluster: FakeCluster, ctx: Context) -> None:
    first, second = incompressible(1), incompressible(2)
    write(ctx, URI, StoredDocument(data=first, format="json"))
    chunks = [name for name in cluster.names("", "configmaps") if name != "snap"]
    assert len(chunks) == 3
    assert read(ctx, URI) == StoredDocument(data=first, format="json")
    write(ctx, URI, StoredDocument(data=second, format="json"))
    assert read(ctx, URI).data == second
    assert not set(chunks) & set(cluster.names("", "configmaps"))
    write(ctx, URI, StoredDocument(data=b"{}", format="json"))
    assert read(ctx, URI).data == b"{}"


@pytest.mark.parametrize("damage", ["lost", "base64", "bytes", "count"])
def test_a_damaged_chunk_is_named(cluster: FakeCluster, ctx: Context, damage: str) -> None:
    write(ctx, URI, StoredDocument(data=incompressible(3)))
    name = next(name for name in cluster.names("", "configmaps") if name.endswith("-2"))
    key = ("", "configmaps", "default", name)
    if damage == "lost":
        cluster.store.delete(key)
    elif damage == "base64":
        cluster.store.update(key, {"binaryData": {"part": "?"}}, merge=True)
    elif damage == "bytes":
        cluster.store.update(
            key, {"binaryData": {"part": base64.b64encode(b"x" * 100).decode()}}, merge=True
        )
    else:
        snap = ("", "configmaps", "default", "snap")
        cluster.store.update(
            snap,
            {"metadata": {**stored(cluster)["metadata"], "annotations": {"aicr.run/chunks": "x"}}},
        )
    with pytest.raises(AicrError) as caught:
        read(ctx, URI)
    assert caught.value.code is Code.INTERNAL
    if damage == "lost":
        assert name in str(caught.value)


def test_an_interrupted_write_leaves_the_old_document(cluster: FakeCluster, ctx: Context) -> None:
    write(ctx, URI, StoredDocument(data=b"old: 1\n"))
    cluster.fault("PATCH .*-3\\?", status=500)
    with pytest.raises(AicrError):
        write(ctx, URI, StoredDocument(data=incompressible(4)))
    assert read(ctx, URI).data == b"old: 1\n"


@pytest.mark.parametrize("uri", ["cm://a", "cm:///x", "cm://a/", "cm://a/b/c", "cm://", "cm:// /x"])
def test_bad_uris(uri: str) -> None:
    with pytest.raises(AicrError) as caught:
        split(uri)
    assert caught.value.exit_status == 2


def test_blanks_around_the_parts_are_no_matter() -> None:
    assert split("cm:// default / yaml ") == ("default", "yaml")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({}, Code.NOT_FOUND),
        ({"data": {"other": "x"}}, Code.NOT_FOUND),
        ({"data": {"snapshot.txt": "x", "format": "table"}}, Code.INVALID_REQUEST),
        ({"binaryData": {"snapshot.yaml.gz": "AAAA"}}, Code.INTERNAL),
    ],
)
def test_what_is_no_snapshot(
    cluster: FakeCluster, ctx: Context, content: dict[str, Any], code: Code
) -> None:
    put(cluster, **content)
    with pytest.raises(AicrError) as caught:
        read(ctx, URI)
    assert caught.value.code is code


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"snapshot.yaml": "a"}, ("a", "yaml")),
        ({"snapshot.json": "{}"}, ("{}", "json")),
        ({"snapshot.json": "{}", "format": "nonsense"}, ("{}", "json")),
        ({"snapshot.yaml": "a", "snapshot.json": "{}", "format": "json"}, ("{}", "json")),
    ],
)
def test_what_others_wrote(
    cluster: FakeCluster, ctx: Context, data: dict[str, str], expected: tuple[str, str]
) -> None:
    put(cluster, data=data)
    found = read(ctx, URI)
    assert (found.data.decode(), found.format) == expected


def test_missing_rights_and_objects(cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    cluster.users["reader"] = [Rule(("get",), ("configmaps",), namespace="default")]
    options = {"kubeconfig": cluster.kubeconfig(tmp_path / "reader", "reader")}
    ctx = Context(options=options, settings=Settings(env={}), timeout=10)
    with pytest.raises(AicrError) as caught:
        read(ctx, URI)
    assert caught.value.exit_status == 3
    with pytest.raises(AicrError) as caught:
        write(ctx, URI, StoredDocument(data=b"a: 1\n"))
    assert caught.value.exit_status == 4
