"""The emulated API server itself: as strict as the real one, seen by the official client as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aicr_kube.client import Cluster
from aicr_kube.failures import KubeError
from aicr_kube.transport import Request
from emulated_cluster import Controllers, Exit, FakeCluster, Fate, Rule, node

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

RBAC = "/apis/rbac.authorization.k8s.io/v1"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
PODS = "/api/v1/namespaces/default/pods"


def job(**spec: Any) -> dict[str, Any]:
    container = {"name": "c", "image": "i"}
    pod = {"restartPolicy": "Never", "containers": [container], **spec}
    return {"metadata": {"name": "j"}, "spec": {"backoffLimit": 0, "template": {"spec": pod}}}


def test_the_official_typed_client_agrees(fake_cluster: FakeCluster, fake_kubeconfig: str) -> None:
    from kubernetes import client, config, watch

    with config.new_client_from_config(fake_kubeconfig) as api:
        core = client.CoreV1Api(api)
        fake_cluster.add(node("n1", labels={"a": "b"}))
        fake_cluster.add(node("n2"))
        listed = core.list_node(label_selector="a in (b, c)")
        assert [n.metadata.name for n in listed.items] == ["n1"]
        page = core.list_node(limit=1)
        assert page.metadata.remaining_item_count == 1
        assert (
            core.list_node(limit=1, _continue=page.metadata._continue).items[0].metadata.name
            == "n2"
        )
        body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="m"), data={"x": "1"})
        made = core.create_namespaced_config_map("default", body)
        with pytest.raises(client.ApiException) as twice:
            core.create_namespaced_config_map("default", body)
        assert twice.value.status == 409
        made.data = {"x": "2"}
        core.replace_namespaced_config_map("m", "default", made)
        core.patch_namespaced_config_map("m", "default", {"data": {"y": "3"}})
        assert core.read_namespaced_config_map("m", "default").data == {"x": "2", "y": "3"}
        events = watch.Watch().stream(
            core.list_namespaced_config_map, "default", timeout_seconds=1,
            resource_version=made.metadata.resource_version,
        )  # fmt: skip
        assert [event["type"] for event in events] == ["MODIFIED", "MODIFIED"]
        assert client.VersionApi(api).get_code().git_version == "v1.33.4"
        core.delete_namespaced_config_map("m", "default")
        with pytest.raises(client.ApiException) as gone:
            core.read_namespaced_config_map("m", "default")
        assert gone.value.status == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "kind", "status"),
    [
        ("PATCH", f"{PODS}/x", {}, "application/json", 415),
        ("PATCH", "/api/v1/namespaces/default", b"{}", "text/plain", 415),
        ("POST", "/api/v1/namespaces/none/configmaps", {"metadata": {"name": "x"}}, "", 404),
        ("POST", "/api/v1/configmaps", {"metadata": {"name": "x"}}, "", 405),
        ("POST", f"{PODS}/x", {}, "", 405),
        ("GET", "/api/v2/pods", None, "", 404),
        ("GET", "/apis/batch/v1beta1/jobs", None, "", 404),
        ("GET", f"{PODS}/x/exec", None, "", 404),
        ("POST", "/api/v1/namespaces", {"metadata": {"name": "Upper"}}, "", 422),
        ("POST", "/api/v1/namespaces", {"metadata": {}}, "", 422),
        ("POST", "/api/v1/namespaces", {"kind": "Pod", "metadata": {"name": "x"}}, "", 400),
        ("POST", "/api/v1/namespaces", {"metadata": {"name": "x", "labels": {"a": "b c"}}}, "", 422),
        ("POST", "/api/v1/namespaces", {"metadata": {"name": "x", "labels": {"a": "b" * 64}}}, "", 422),
        ("POST", JOBS, job(restartPolicy="Always"), "", 422),
        ("POST", JOBS, job(containers=[]), "", 422),
        ("POST", JOBS, job(containers=[{"name": "c"}]), "", 422),
        ("POST", JOBS, job(containers=[{"name": "c", "image": "i", "volumeMounts": [{"name": "v"}]}]), "", 422),
        ("POST", JOBS, job(tolerations=[{"operator": "Exists", "value": "x"}]), "", 422),
        ("POST", f"{RBAC}/namespaces/default/roles",
         {"metadata": {"name": "r"}, "rules": [{"verbs": ["get"]}]}, "", 422),
    ],
)  # fmt: skip
def test_what_the_real_server_refuses(
    fake_cluster: FakeCluster,
    client: Cluster,
    method: str,
    path: str,
    body: Any,
    kind: str,
    status: int,
) -> None:
    fake_cluster.add(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"},
         "spec": {"containers": [{"name": "c", "image": "i"}]}}
    )  # fmt: skip
    with pytest.raises(KubeError) as refused:
        client._json(Request(method, path, {}, body, kind or "application/json"))
    assert refused.value.status == status


def test_nobody_grants_more_than_he_has(fake_cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    own = Rule(("get", "patch"), ("",), ("configmaps",), namespace="default")
    roles = Rule(
        ("create",), ("rbac.authorization.k8s.io",), ("roles", "rolebindings"), namespace="default"
    )
    token = fake_cluster.user("maker", [own, roles])

    def role(name: str, **rule: Any) -> dict[str, Any]:
        return {
            "metadata": {"name": name},
            "rules": [{"apiGroups": [""], "resources": ["configmaps"], **rule}],
        }

    path = f"{RBAC}/namespaces/default"
    with Cluster.open(fake_cluster.kubeconfig(tmp_path / "k", token), timeout=5.0) as maker:
        maker.create(f"{path}/roles", role("less", verbs=["patch"], resourceNames=["x"]))
        with pytest.raises(KubeError) as refused:
            maker.create(f"{path}/roles", role("more", verbs=["delete"]))
        assert "not currently held" in refused.value.message
        binding = {
            "metadata": {"name": "b"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "less"},
            "subjects": [{"kind": "ServiceAccount", "name": "sa", "namespace": "default"}],
        }
        maker.create(f"{path}/rolebindings", binding)
    # What was granted counts for the service account, by name.
    token = fake_cluster.service_account("default", "sa")
    with Cluster.open(fake_cluster.kubeconfig(tmp_path / "k", token), timeout=5.0) as account:
        assert account.can_i("patch", "", "configmaps", "default", name="x")
        assert not account.can_i("patch", "", "configmaps", "default", name="y")
        assert not account.can_i("patch", "", "configmaps", "default")


@pytest.mark.parametrize(
    ("word", "phase", "reason"),
    [
        ("run", "Succeeded", "Completed"), ("fail", "Failed", "Error"), ("oom", "Failed", "OOMKilled"),
        ("image", "Pending", "ImagePullBackOff"), ("config", "Pending", "CreateContainerConfigError"),
    ],
)  # fmt: skip
def test_the_fates_of_a_pod(
    fake_cluster: FakeCluster, client: Cluster, word: str, phase: str, reason: str
) -> None:
    fake_cluster.add(node("n1"))
    with Controllers(fake_cluster, lambda pod, container: ["one", "two"], lambda pod: Fate(word)):
        client.create(JOBS, job())
        for event in client.watch(PODS, timeout=10.0):
            pod = event["object"]
            states = [s["state"] for s in (pod.get("status") or {}).get("containerStatuses") or ()]
            told = [v.get("reason") for state in states for v in state.values()]
            if pod.get("status", {}).get("phase") == phase and told == [reason]:
                break
        assert told == [reason]
        if word == "run":
            assert list(client.logs("default", pod["metadata"]["name"], follow=True)) == [
                "one",
                "two",
            ]
        done = phase != "Pending"
        for event in client.watch(JOBS, timeout=10.0 if done else 1.0):
            conditions = event["object"].get("status", {}).get("conditions") or []
            if conditions:
                break
        assert {c["type"] for c in conditions} == (
            set()
            if not done
            else {"Failed"}
            if phase == "Failed"
            else {"Complete", "SuccessCriteriaMet"}
        )
        client.delete(f"{JOBS}/j")
        assert list(client.list(PODS)) == []


def test_the_scheduler_says_why(fake_cluster: FakeCluster, client: Cluster) -> None:
    fake_cluster.add(node("n1", taints=[{"key": "k", "value": "v", "effect": "NoSchedule"}]))
    fake_cluster.add(node("n2", labels={"a": "b"}))
    limits = {"limits": {"nvidia.com/gpu": "1"}}
    with Controllers(fake_cluster):
        client.create(JOBS, job(containers=[{"name": "c", "image": "i", "resources": limits}]))
        for event in client.watch("/api/v1/namespaces/default/events", timeout=10.0):
            message = event["object"]["message"]
            break
    assert (
        message
        == "0/2 nodes are available: 1 Insufficient nvidia.com/gpu, 1 node(s) had untolerated taint {k: v}."
    )


def test_a_missing_service_account_is_an_event_of_the_job(
    fake_cluster: FakeCluster, client: Cluster
) -> None:
    fake_cluster.add(node("n1"))
    with Controllers(fake_cluster):
        client.create(JOBS, job(serviceAccountName="none"))
        event = next(client.watch("/api/v1/namespaces/default/events", timeout=10.0))["object"]
    assert event["reason"] == "FailedCreate"
    assert 'serviceaccount "none" not found' in event["message"]
    assert event["involvedObject"]["name"] == "j"


def test_a_log_is_followed_while_it_is_written(fake_cluster: FakeCluster, client: Cluster) -> None:
    import threading

    fake_cluster.add(node("n1"))
    seen = threading.Event()

    def produce(pod: Any, container: Any) -> Iterator[str]:
        yield "first"
        assert seen.wait(10.0)
        yield "second"
        raise Exit(3)

    with Controllers(fake_cluster, produce):
        client.create(JOBS, job())
        for event in client.watch(PODS, timeout=10.0):
            pod = event["object"]
            if pod.get("status", {}).get("phase") == "Running":
                break
        lines = client.logs("default", pod["metadata"]["name"], follow=True)
        assert next(lines) == "first"
        seen.set()
        assert list(lines) == ["second"]
        for event in client.watch(PODS, timeout=10.0):
            if event["object"]["status"]["phase"] == "Failed":
                break
    assert event["object"]["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 3


def test_kubectl_agrees(fake_cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    """The real kubectl finds, makes, changes, selects and deletes objects here."""
    import shutil
    import subprocess

    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("there is no kubectl on PATH")
    fake_cluster.anonymous = "admin"  # kubectl sends no token over plain HTTP
    env = {"KUBECONFIG": fake_cluster.kubeconfig(tmp_path / "k"), "HOME": str(tmp_path), "PATH": ""}
    document = tmp_path / "m.yaml"
    document.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {z: '1'}\n")

    def run(*words: str) -> str:
        done = subprocess.run(
            [kubectl, *words], env=env, capture_output=True, text=True, check=False
        )
        return (done.stdout or done.stderr).strip()

    assert run("create", "--validate=false", "-f", str(document)) == "configmap/m created"
    applied = run("apply", "--server-side", "--validate=false", "-f", str(document))
    assert applied == "configmap/m serverside-applied"
    assert run("label", "configmap", "m", "l=v") == "configmap/m labeled"
    assert run("get", "configmaps", "-l", "l=v", "-o", "name") == "configmap/m"
    assert run("delete", "configmap", "m").startswith('configmap "m" deleted')
    assert run("get", "configmap", "m") == 'Error from server (NotFound): configmaps "m" not found'
    assert "daemonsets.apps" in run("api-resources", "-o", "name").splitlines()
