"""The ConfigMap store: against the cluster under test; faults and recordings against the emulated one."""

from __future__ import annotations

import base64
import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from aicr_kube import packing, store
from aicr_kube.collect import topology
from aicr_kube.paths import object_path
from emulated_cluster import FakeCluster, Rule

from aicr_core.api import AicrError, Code, Context, StoredDocument, to_yaml
from aicr_core.model.snapshot import measurement_document

if TYPE_CHECKING:
    import pathlib

    from aicr_kube.client import Cluster


def context(kubeconfig: str, **options: Any) -> Context:
    return Context(options={"kubeconfig": kubeconfig, **options}, timeout=60.0)


def noise(size: int) -> bytes:
    """Bytes that do not compress, the same in every run."""
    return random.Random(7).randbytes(size)


def test_a_small_document_is_written_plain(
    cluster: Cluster, cluster_under_test: str, namespace: str
) -> None:
    ctx = context(cluster_under_test)
    uri = f"cm://{namespace}/snap"
    notes = {"run-id": "20260101-000000-abcdef01", "redaction": "standard/1", "version": "1.2.3+b"}
    written = StoredDocument(data=b"kind: Snapshot\ntext: \xc3\xa9\n", format="yaml", notes=notes)
    store.write(ctx, uri, written)
    assert store.read(ctx, uri) == written
    item = cluster.get(object_path("", "v1", "configmaps", namespace=namespace, name="snap"))
    assert item["data"]["snapshot.yaml"] == "kind: Snapshot\ntext: é\n"
    assert item["data"]["format"] == "yaml"
    assert item["data"]["timestamp"].endswith("Z")
    assert item["metadata"]["labels"] == {
        "app.kubernetes.io/name": "aicr",
        "app.kubernetes.io/component": "snapshot",
        "app.kubernetes.io/version": "1.2.3_b",
        "aicr.run/run-id": "20260101-000000-abcdef01",
    }
    assert item["metadata"]["annotations"]["aicr.run/redaction"] == "standard/1"
    assert "immutable" not in item

    other = StoredDocument(data=b"{}", format="json")
    store.write(ctx, uri, other)
    item = cluster.get(object_path("", "v1", "configmaps", namespace=namespace, name="snap"))
    assert set(item["data"]) == {"snapshot.json", "format", "timestamp"}
    assert store.read(ctx, uri) == other


def test_a_large_document_is_packed_and_read_back(
    cluster: Cluster, cluster_under_test: str, namespace: str
) -> None:
    ctx = context(cluster_under_test)
    uri = f"cm://{namespace}/snap"
    packed = StoredDocument(data=b"text: x\n" * 400_000, notes={"a": "b"})
    store.write(ctx, uri, packed)
    item = cluster.get(object_path("", "v1", "configmaps", namespace=namespace, name="snap"))
    assert list(item["binaryData"]) == ["snapshot.yaml.gz"]
    assert item["metadata"]["annotations"]["aicr.run/size"] == str(len(packed.data))
    assert store.read(ctx, uri) == packed

    chunked = StoredDocument(data=noise(2_500_000), format="json")
    store.write(ctx, uri, chunked)
    names = {
        i["metadata"]["name"]
        for i in cluster.metadata_list(object_path("", "v1", "configmaps", namespace=namespace))
    }
    assert names >= {"snap", "snap-1", "snap-2"}
    assert store.read(ctx, uri) == chunked

    # A smaller one afterwards leaves nothing of the larger behind.
    small = StoredDocument(data=b"kind: Snapshot\n")
    store.write(ctx, uri, small)
    names = {
        i["metadata"]["name"]
        for i in cluster.metadata_list(object_path("", "v1", "configmaps", namespace=namespace))
    }
    assert not names & {"snap-1", "snap-2"}
    assert store.read(ctx, uri) == small


def test_an_immutable_document_is_not_overwritten(cluster_under_test: str, namespace: str) -> None:
    uri = f"cm://{namespace}/snap"
    ctx = context(cluster_under_test, output_immutable=True)
    store.write(ctx, uri, StoredDocument(data=b"a: 1\n"))
    with pytest.raises(AicrError) as refused:
        store.write(ctx, uri, StoredDocument(data=b"a: 2\n"))
    assert refused.value.code is Code.INTERNAL
    assert "immutable" in refused.value.message
    assert store.read(ctx, uri).data == b"a: 1\n"


def test_the_namespace_has_to_be_there(cluster_under_test: str) -> None:
    with pytest.raises(AicrError) as missing:
        store.write(context(cluster_under_test), "cm://no-such-ns/x", StoredDocument(data=b""))
    assert missing.value.code is Code.NOT_FOUND
    assert "no-such-ns" in missing.value.message


@pytest.mark.parametrize(
    "uri", ["cm://bad", "cm:///x", "cm://a/", "cm://a/b/c", "cm://", "cm://A/b", "cm://a/b_c", "x://a/b",
            "cm://a.b/c", "cm://a/..", "cm://a/b?x=1", f"cm://a/{'x' * 254}"],
)  # fmt: skip
def test_a_bad_address(uri: str) -> None:
    for call in (store.read, lambda c, u: store.write(c, u, StoredDocument(data=b""))):
        with pytest.raises(AicrError) as refused:
            call(Context(), uri)
        assert (refused.value.code, refused.value.exit_status) == (Code.INVALID_REQUEST, 2)


def test_the_recorded_request(
    fake_cluster: FakeCluster, fake_kubeconfig: str, snapshots: pathlib.Path
) -> None:
    """As v0.11.1 sent it, bar `labels` and `read-before-write` of differences.py."""
    recorded = json.loads((snapshots / "golden/configmap-apply-v0.11.1.json").read_text())
    fake_cluster.add(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gpu-operator"}}
    )
    text = recorded["body"]["data"]["snapshot.yaml"]
    store.write(
        context(fake_kubeconfig),
        "cm://gpu-operator/aicr-snapshot",
        StoredDocument(data=text.encode()),
    )
    read, asked = fake_cluster.requests
    assert read.method == "GET"
    assert (asked.method, asked.path) == (recorded["method"], recorded["path"])
    assert asked.query == recorded["query"]
    assert asked.headers["content-type"] == recorded["contentType"]
    body, expected = asked.json, recorded["body"]
    for item in (body, expected):
        item["data"].pop("timestamp")
    labels, before = body["metadata"].pop("labels"), expected["metadata"].pop("labels")
    assert labels.keys() == before.keys()
    assert labels["app.kubernetes.io/component"] == "snapshot"
    assert labels["app.kubernetes.io/version"] != "unknown"
    assert body["metadata"].pop("annotations") == {}
    assert body == expected


def test_the_recorded_readings(
    fake_cluster: FakeCluster, fake_kubeconfig: str, snapshots: pathlib.Path
) -> None:
    """Every ConfigMap case of read/cases: found or not, and its very text; decoding is the core's."""
    cases = json.loads((snapshots / "read/cases-v0.17.json").read_text())
    maps = cases["configmaps (namespace default)"]
    for name, data in maps.items():
        fake_cluster.add(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
        )
    ctx = context(fake_kubeconfig)
    seen = 0
    for case in cases["cases"]:
        if not case["source"].startswith("cm:"):
            continue
        seen += 1
        name = case["source"].rpartition("/")[2].strip()
        if case["exit"] == 0:
            found = store.read(ctx, case["source"])
            assert found.data.decode() == maps[name][f"snapshot.{found.format}"]
        elif name == "emptyval":
            assert store.read(ctx, case["source"]).data == b""
        else:
            with pytest.raises(AicrError) as refused:
                store.read(ctx, case["source"])
            assert refused.value.exit_status == (2 if name == "table" else case["exit"])
    assert seen == 14


def damage(cluster: FakeCluster, name: str, edit: Any) -> None:
    assert cluster.objects.change(cluster.by_plural["configmaps"], "default", name, edit)


def flip(field: str) -> Any:
    def edit(item: dict[str, Any]) -> None:
        data = bytearray(base64.b64decode(item["binaryData"][field]))
        data[len(data) // 2] ^= 1
        item["binaryData"][field] = base64.b64encode(bytes(data)).decode()

    return edit


def drop(item: dict[str, Any]) -> None:
    del item["binaryData"]


@pytest.mark.parametrize(
    ("name", "edit", "text"),
    [
        ("snap", flip("snapshot.json.gz"), "not what was written"),
        ("snap-2", flip("part"), "not what was written"),
        ("snap-1", drop, "not what was written"),
        ("snap-1", lambda i: i["binaryData"].update(part="!"), "no base64|not base64"),
        ("snap", lambda i: i["metadata"]["annotations"].update({"aicr.run/chunks": "x"}), "no number"),
        ("snap", lambda i: i["metadata"]["annotations"].update({"aicr.run/chunks": "2"}), "end is missing"),
        ("snap", lambda i: i["metadata"]["annotations"].update({"aicr.run/chunks": "9"}), "missing"),
    ],
)  # fmt: skip
def test_damage_is_found_and_named(
    fake_cluster: FakeCluster, fake_kubeconfig: str, name: str, edit: Any, text: str
) -> None:
    import re

    ctx = context(fake_kubeconfig)
    store.write(ctx, "cm://default/snap", StoredDocument(data=noise(2_500_000), format="json"))
    damage(fake_cluster, name, edit)
    with pytest.raises(AicrError) as found:
        store.read(ctx, "cm://default/snap")
    error = found.value
    assert (error.code, error.exit_status) == (Code.INTERNAL, 8)
    assert re.search(text, error.message)
    expected = "cm://default/snap-3" if text == "missing" else f"cm://default/{name}"
    assert error.where == expected


def test_a_part_of_another_document(fake_cluster: FakeCluster, fake_kubeconfig: str) -> None:
    ctx = context(fake_kubeconfig)
    store.write(ctx, "cm://default/a", StoredDocument(data=noise(2_500_000)))
    store.write(ctx, "cm://default/b", StoredDocument(data=b"-" + noise(2_500_000)))
    part = fake_cluster.get("configmaps", "default", "b-1")["binaryData"]
    damage(fake_cluster, "a-1", lambda item: item.update(binaryData=part))
    with pytest.raises(AicrError) as found:
        store.read(ctx, "cm://default/a")
    assert found.value.where == "cm://default/a-1"
    assert "another document" in found.value.message


def test_a_write_that_fails_half_way_leaves_the_index(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    ctx = context(fake_kubeconfig)
    before = StoredDocument(data=b"kind: Snapshot\n")
    for size in (2_500_000, 1_600_000, 3_400_000):
        store.write(ctx, "cm://default/snap", before)
        fake_cluster.faults.add("PATCH", ".*/snap", status=500)
        after = StoredDocument(data=noise(size))
        with pytest.raises(AicrError):
            store.write(ctx, "cm://default/snap", after)
        assert store.read(ctx, "cm://default/snap") == before
        fake_cluster.faults.clear()
        before = after
    store.write(ctx, "cm://default/snap", before)
    assert store.read(ctx, "cm://default/snap") == before
    names = sorted(item["metadata"]["name"] for item in fake_cluster.all("configmaps", "default"))
    # Numbers go on behind what is there, and come back to the front where there is room.
    assert names == ["snap", "snap-4", "snap-5", "snap-6"]
    store.write(ctx, "cm://default/snap", StoredDocument(data=noise(1_600_000)))
    names = sorted(item["metadata"]["name"] for item in fake_cluster.all("configmaps", "default"))
    assert names == ["snap", "snap-1"]


def test_a_bomb_is_not_unpacked(fake_cluster: FakeCluster, fake_kubeconfig: str) -> None:
    ctx = context(fake_kubeconfig, max_input_size=1_000_000)
    store.write(ctx, "cm://default/snap", StoredDocument(data=b"0" * 1_000_001))
    with pytest.raises(AicrError) as refused:
        store.read(ctx, "cm://default/snap")
    assert refused.value.code is Code.INVALID_REQUEST
    store.write(ctx, "cm://default/snap", StoredDocument(data=b"0" * 1_000_000))
    assert len(store.read(ctx, "cm://default/snap").data) == 1_000_000


def test_the_least_rights_are_enough(fake_cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    """As a CronJob has them: one object, get and patch. It has to exist: create cannot be bound to a name."""
    fake_cluster.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "snap"}})
    rule = Rule(("get", "patch"), ("",), ("configmaps",), ("snap",), "default")
    kubeconfig = fake_cluster.kubeconfig(tmp_path / "k", fake_cluster.user("job", [rule]))
    document = StoredDocument(data=b"kind: Snapshot\n")
    store.write(context(kubeconfig), "cm://default/snap", document)
    assert store.read(context(kubeconfig), "cm://default/snap") == document
    with pytest.raises(AicrError) as refused:
        store.write(context(kubeconfig), "cm://default/other", document)
    assert refused.value.code is Code.UNAUTHORIZED
    assert '"patch" on configmaps in namespace default' in (refused.value.hint or "")


def test_equal_documents_are_packed_equally() -> None:
    data = noise(2_000_000)
    assert packing.pack(data) == packing.pack(data)
    assert packing.pack(b"\xff").text is None
    assert packing.pack(b"x" * (packing.PLAIN - 1)).text is not None
    assert packing.pack(b"x" * packing.PLAIN).text is None


def test_a_thousand_nodes_go_through(cluster_under_test: str, namespace: str) -> None:
    nodes = ({"metadata": {"name": f"ip-10-0-{n:04}.internal", "labels": {f"l{k}": str(n % 7) for k in range(83)}}}
             for n in range(1000))  # fmt: skip
    text = to_yaml(measurement_document(topology.measure(nodes)))
    document = StoredDocument(data=text.encode())
    assert len(document.data) > 1024 * 1024
    ctx = context(cluster_under_test)
    store.write(ctx, f"cm://{namespace}/snap", document)
    assert store.read(ctx, f"cm://{namespace}/snap") == document
