"""The emulated cluster's tables: answers word for word, services behind the proxy, what happens when objects appear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aicr_kube.client import Cluster
from emulated_cluster import ACCELERATED, FakeCluster, Rule

from aicr_core.api import AicrError

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

PODS = "/api/v1/namespaces/default/pods"
METRIC = "/apis/custom.metrics.k8s.io/v1beta1/namespaces/x/pods/*/gpu"


@pytest.fixture
def client(fake_cluster: FakeCluster, fake_kubeconfig: str) -> Iterator[Cluster]:
    """A client with all rights of a cluster that serves everything."""
    fake_cluster.serve(*ACCELERATED)
    with Cluster.open(fake_kubeconfig, timeout=10.0) as opened:
        yield opened


def _pod(name: str) -> dict[str, Any]:
    container = {"name": "c", "image": "i"}
    return {"metadata": {"name": name}, "spec": {"containers": [container]}}


def test_answers_word_for_word(fake_cluster: FakeCluster, client: Cluster) -> None:
    """A document, a status with text, a list that is used up."""
    fake_cluster.raw.put("/apis/custom.metrics.k8s.io/v1beta1", {"kind": "APIResourceList"})
    fake_cluster.raw.put(METRIC, [{"items": []}, {"_code": 500, "_text": "boom"}, {"items": [1]}])
    assert client.get("/apis/custom.metrics.k8s.io/v1beta1") == {"kind": "APIResourceList"}
    path = METRIC.replace("*", "%2A")
    assert client.get(path) == {"items": []}
    with pytest.raises(AicrError, match="boom"):
        client.get(path)
    assert client.get(path) == {"items": [1]}
    assert client.get(path) == {"items": [1]}


def test_answers_word_for_word_need_rights(
    fake_cluster: FakeCluster, tmp_path: pathlib.Path
) -> None:
    """An aggregated API's objects are held against RBAC, its discovery is not."""
    fake_cluster.raw.put("/apis/custom.metrics.k8s.io/v1beta1", {"kind": "APIResourceList"})
    fake_cluster.raw.put(METRIC, {"items": []})
    rule = Rule(("get",), ("custom.metrics.k8s.io",), ("pods/gpu",), namespace="x")
    for token, fine in (
        (fake_cluster.user("u", [rule]), True),
        (fake_cluster.user("v"), False),
    ):
        with Cluster.open(fake_cluster.kubeconfig(tmp_path / token, token), timeout=10.0) as client:
            client.get("/apis/custom.metrics.k8s.io/v1beta1")
            if fine:
                client.get(METRIC)
                assert not fake_cluster.denied
                continue
            with pytest.raises(AicrError, match="forbidden"):
                client.get(METRIC)
    assert [denied.resource for denied in fake_cluster.denied] == ["pods"]


def test_services_behind_the_proxy(fake_cluster: FakeCluster, client: Cluster) -> None:
    """404 without a Service, 503 without endpoints, and what the backend says, whatever it is."""
    base = "/api/v1/namespaces/default/services/web:80/proxy"
    with pytest.raises(AicrError, match='services "web" not found'):
        client.text(f"{base}/metrics")
    fake_cluster.add(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {}}
    )
    with pytest.raises(AicrError, match="no endpoints available"):
        client.within(0.5).text(f"{base}/metrics")
    answers = {
        "/metrics": "up 1\n",
        "/a/b": {"_code": 500, "_text": "boom", "_ctype": "text/plain"},
    }
    fake_cluster.backends.add("default", "web", 80, answers)
    assert client.text(f"{base}/metrics") == "up 1\n"
    with pytest.raises(AicrError, match="boom"):
        client.text(f"{base}/a/b")
    with pytest.raises(AicrError, match="404 page not found"):
        client.text(f"{base}/other")


def test_a_reaction_to_a_new_object(fake_cluster: FakeCluster, client: Cluster) -> None:
    """The object changes, others appear, the pod has its log; only as often as the table says."""
    other = {
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"from": "{namespace}/{name}"},
        "metadata": {"name": "{name}-{suffix}", "namespace": "{namespace}"},
    }  # fmt: skip
    fake_cluster.reactions.add(
        {"kind": "Pod", "name": "a-.*", "times": 1, "log": "one\ntwo\n", "also": [other],
         "set": {"status": {"phase": "Succeeded"}, "spec": {"nodeName": "n1"}}},
    )  # fmt: skip
    for name in ("a-1", "b-1", "a-2"):
        client.create(PODS, _pod(name))
    pod = client.get(f"{PODS}/a-1")
    assert pod["status"] == {"phase": "Succeeded"}
    assert pod["spec"]["nodeName"] == "n1"
    assert pod["spec"]["containers"]
    assert list(client.logs("default", "a-1")) == ["one", "two"]
    assert [item["data"] for item in fake_cluster.all("configmaps")] == [{"from": "default/a-1"}]
    for name in ("a-2", "b-1"):
        assert "status" not in client.get(f"{PODS}/{name}")


def test_a_reaction_to_a_change(fake_cluster: FakeCluster, client: Cluster) -> None:
    """An update has its own; what it names is merged where it is there."""
    path = "/api/v1/namespaces/default/configmaps"
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "default"},
    }
    fake_cluster.add({**secret, "data": {"a": "MQ=="}})
    fake_cluster.reactions.add(
        {"kind": "ConfigMap", "on": "update", "also": [{**secret, "data": {"b": "Mg=="}}]}
    )
    client.create(path, {"metadata": {"name": "m"}, "data": {"x": "1"}})
    assert fake_cluster.get("secrets", "default", "s")["data"] == {"a": "MQ=="}
    client.patch(f"{path}/m", {"data": {"x": "2"}})
    assert fake_cluster.get("secrets", "default", "s")["data"] == {"a": "MQ==", "b": "Mg=="}


def test_a_reaction_that_takes_its_time(fake_cluster: FakeCluster, client: Cluster) -> None:
    """It shows at the read after so many."""
    change = {"status": {"phase": "Running"}}
    fake_cluster.reactions.add({"kind": "Pod", "after_gets": 2, "set": change})
    client.create(PODS, _pod("a"))
    seen = [(client.get(f"{PODS}/a").get("status") or {}).get("phase") for _ in range(4)]
    assert seen == [None, None, "Running", "Running"]
