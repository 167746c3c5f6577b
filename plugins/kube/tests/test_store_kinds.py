"""Documents of other kinds than snapshots in the store: recipes are read, reports are kept under their own key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aicr_kube import store

from aicr_core.api import AicrError, Code, Context, StoredDocument

if TYPE_CHECKING:
    from emulated_cluster import FakeCluster


def _context(kubeconfig: str, **options: Any) -> Context:
    return Context(options={"kubeconfig": kubeconfig, **options}, timeout=60.0)


def _add(cluster: FakeCluster, **data: str) -> None:
    cluster.add({"apiVersion": "v1", "kind": "ConfigMap",
                 "metadata": {"name": "x", "namespace": "default"},
                 "data": {key.replace("_", "."): text for key, text in data.items()}})  # fmt: skip


@pytest.mark.parametrize(("key", "fmt"), [("recipe_yaml", "yaml"), ("recipe_json", "json")])
def test_a_recipe_written_by_hand_is_read(
    fake_cluster: FakeCluster, fake_kubeconfig: str, key: str, fmt: str
) -> None:
    _add(fake_cluster, **{key: "{}"})
    found = store.read(_context(fake_kubeconfig, kind="recipe"), "cm://default/x")
    assert (found.data, found.format, found.kind) == (b"{}", fmt, "recipe")


def test_the_kind_that_is_meant_comes_first(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    _add(fake_cluster, recipe_yaml="r", snapshot_yaml="s", report_json="p")
    uri = "cm://default/x"
    assert store.read(_context(fake_kubeconfig), uri).data == b"s"
    assert store.read(_context(fake_kubeconfig, kind="recipe"), uri).data == b"r"
    assert store.read(_context(fake_kubeconfig, kind="report"), uri).data == b"p"


@pytest.mark.parametrize("size", [2, 1_500_000])
def test_a_report_has_its_own_key_and_label(
    fake_cluster: FakeCluster, fake_kubeconfig: str, size: int
) -> None:
    ctx = _context(fake_kubeconfig)
    written = StoredDocument(data=b"x" * size, format="json", kind="report")
    store.write(ctx, "cm://default/r", written)
    item = fake_cluster.get("configmaps", "default", "r")
    keys = {*(item.get("data") or {}), *(item.get("binaryData") or {})}
    assert keys & {"report.json", "report.json.gz"}
    assert not any(key.startswith("snapshot") for key in keys)
    assert item["metadata"]["labels"]["app.kubernetes.io/component"] == "report"
    assert store.read(_context(fake_kubeconfig, kind="report"), "cm://default/r") == written


def test_ctrf_is_json_to_its_readers(fake_cluster: FakeCluster, fake_kubeconfig: str) -> None:
    ctx = _context(fake_kubeconfig)
    store.write(ctx, "cm://default/r", StoredDocument(data=b"{}", format="ctrf", kind="report"))
    assert "report.json" in fake_cluster.get("configmaps", "default", "r")["data"]
    found = store.read(_context(fake_kubeconfig, kind="report"), "cm://default/r")
    assert found.format == "json"


def test_what_holds_none_of_them_says_so(fake_cluster: FakeCluster, fake_kubeconfig: str) -> None:
    _add(fake_cluster, values_yaml="a")
    with pytest.raises(AicrError) as caught:
        store.read(_context(fake_kubeconfig, kind="recipe"), "cm://default/x")
    assert caught.value.code is Code.NOT_FOUND
    assert "recipe.yaml" in str(caught.value.hint)


def test_a_recipe_under_the_key_of_a_snapshot_is_read(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    _add(fake_cluster, snapshot_yaml="s")
    assert store.read(_context(fake_kubeconfig, kind="recipe"), "cm://default/x").data == b"s"
