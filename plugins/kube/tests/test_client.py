"""The client against a cluster: the emulated one, or a real one named by AICR_TEST_KUBECONFIG."""

from __future__ import annotations

import pytest
from aicr_kube.client import MERGE, STRATEGIC, Cluster
from aicr_kube.failures import KubeError
from aicr_kube.paths import object_path, target_of

from aicr_core.api import Code


def maps(namespace: str, name: str = "") -> str:
    return object_path("", "v1", "configmaps", namespace=namespace, name=name)


def config_map(name: str, **data: str) -> dict:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_version_and_discovery(cluster: Cluster) -> None:
    assert cluster.version()["gitVersion"].startswith("v")
    found = cluster.discover()
    pods, jobs = found.find("", "pods"), found.find("batch", "jobs")
    assert pods is not None
    assert jobs is not None
    assert (pods.kind, pods.namespaced, pods.path()) == ("Pod", True, "/api/v1/pods")
    assert jobs.path("x", "y") == "/apis/batch/v1/namespaces/x/jobs/y"
    assert "list" in jobs.verbs
    assert not found.failures


def test_create_get_replace_patch_delete(cluster: Cluster, namespace: str) -> None:
    made = cluster.create(maps(namespace), config_map("a", x="1"))
    assert made["metadata"]["uid"]
    with pytest.raises(KubeError) as again:
        cluster.create(maps(namespace), config_map("a"))
    assert (again.value.status, again.value.reason) == (409, "AlreadyExists")

    read = cluster.get(maps(namespace, "a"))
    read["data"]["y"] = "2"
    assert cluster.replace(maps(namespace, "a"), read)["data"] == {"x": "1", "y": "2"}
    read["data"]["y"] = "3"
    with pytest.raises(KubeError) as stale:
        cluster.replace(maps(namespace, "a"), read)
    assert (stale.value.status, stale.value.reason) == (409, "Conflict")

    patched = cluster.patch(maps(namespace, "a"), {"data": {"x": None, "z": "é"}}, MERGE)
    assert patched["data"] == {"y": "2", "z": "é"}
    patched = cluster.patch(maps(namespace, "a"), {"data": {"z": None}}, STRATEGIC)
    assert patched["data"] == {"y": "2"}
    steps = [{"op": "add", "path": "/data/w", "value": "1"}]
    patched = cluster.patch(maps(namespace, "a"), steps, "application/json-patch+json")
    assert patched["data"] == {"y": "2", "w": "1"}

    with pytest.raises(KubeError) as other:
        cluster.delete(maps(namespace, "a"), uid="00000000-0000-0000-0000-000000000000")
    assert other.value.status == 409
    assert cluster.delete(maps(namespace, "a"), uid=made["metadata"]["uid"])
    assert not cluster.delete(maps(namespace, "a"), missing_ok=True)
    with pytest.raises(KubeError) as gone:
        cluster.delete(maps(namespace, "a"))
    assert (gone.value.code, gone.value.where) == (Code.NOT_FOUND, maps(namespace, "a"))


def test_apply_removes_what_the_manager_no_longer_writes(cluster: Cluster, namespace: str) -> None:
    path = maps(namespace, "a")
    cluster.apply(path, config_map("a", **{"snapshot.yaml": "y", "format": "yaml"}))
    cluster.apply(path, config_map("a", theirs="1"), field_manager="other")
    after = cluster.apply(path, config_map("a", **{"snapshot.json": "{}", "format": "json"}))
    assert after["data"] == {"snapshot.json": "{}", "format": "json", "theirs": "1"}
    with pytest.raises(KubeError) as conflict:
        cluster.apply(path, config_map("a", format="z"), field_manager="other", force=False)
    assert conflict.value.status == 409
    assert (
        cluster.apply(path, config_map("a", format="z"), field_manager="other")["data"]["format"]
        == "z"
    )


def test_a_list_is_read_page_by_page(cluster: Cluster, namespace: str) -> None:
    for number in range(7):
        item = config_map(f"m{number}")
        item["metadata"]["labels"] = {"odd": str(number % 2)}
        cluster.create(maps(namespace), item)
    mine = [f"m{n}" for n in range(7)]
    found = [i["metadata"]["name"] for i in cluster.list(maps(namespace), limit=2)]
    assert [name for name in found if name in mine] == mine
    odd = cluster.list(maps(namespace), label_selector="odd=1", limit=2)
    assert [i["metadata"]["name"] for i in odd] == ["m1", "m3", "m5"]
    one = cluster.list(maps(namespace), field_selector="metadata.name=m4")
    assert [i["metadata"]["name"] for i in one] == ["m4"]
    only = next(cluster.metadata_list(maps(namespace), label_selector="odd=1"))
    assert only["metadata"]["name"] == "m1"
    assert "data" not in only
    with pytest.raises(KubeError) as unserved:
        list(cluster.list(maps(namespace), field_selector="data.x=1"))
    assert unserved.value.status == 400


def test_a_watch_tells_what_happens_and_ends_in_time(cluster: Cluster, namespace: str) -> None:
    path = maps(namespace)
    item = config_map("a", x="1")
    item["metadata"]["labels"] = {"watched": "yes"}
    version = cluster.create(path, item)["metadata"]["resourceVersion"]
    cluster.create(path, config_map("b"))
    cluster.patch(maps(namespace, "a"), {"data": {"x": "2"}})
    cluster.delete(maps(namespace, "a"))
    events = cluster.watch(
        path, label_selector="watched=yes", resource_version=version, timeout=1.0
    )
    assert [event["type"] for event in events] == ["MODIFIED", "DELETED"]


def test_access_is_asked_for_the_right_group(cluster: Cluster, namespace: str) -> None:
    assert cluster.can_i("create", "batch", "jobs", namespace)
    assert cluster.can_i("get", "", "pods", namespace, subresource="log")


def test_what_an_owner_owns_goes_with_it(cluster: Cluster, namespace: str) -> None:
    owner = cluster.create(maps(namespace), config_map("owner"))["metadata"]
    owned = config_map("owned")
    owned["metadata"]["ownerReferences"] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["uid"]}
    ]
    cluster.create(maps(namespace), owned)
    watch = cluster.watch(maps(namespace), field_selector="metadata.name=owned", timeout=30.0)
    assert next(watch)["type"] == "ADDED"
    cluster.delete(maps(namespace, "owner"))
    assert any(event["type"] == "DELETED" for event in watch)


@pytest.mark.parametrize("big", [1024 * 1024 + 1, 4 * 1024 * 1024])
def test_an_object_over_the_limit_is_refused(cluster: Cluster, namespace: str, big: int) -> None:
    with pytest.raises(KubeError) as refused:
        cluster.create(maps(namespace), config_map("a", x="x" * big))
    assert refused.value.status in (413, 422)
    assert refused.value.exit_status == 8


def test_paths_are_escaped_and_read_back() -> None:
    path = object_path("apps", "v1", "daemonsets", namespace="a b", name="c/d", sub="status")
    assert path == "/apis/apps/v1/namespaces/a%20b/daemonsets/c%2Fd/status"
    target = target_of("PATCH", path)
    assert (target.verb, target.group, target.resource) == ("patch", "apps", "daemonsets")
    assert (target.namespace, target.name, target.subresource) == ("a b", "c/d", "status")
    assert target_of("GET", "/api/v1/namespaces/x").resource == "namespaces"
    assert target_of("DELETE", "/api/v1/namespaces/x/pods").verb == "deletecollection"
    assert target_of("GET", "/version").resource == ""
