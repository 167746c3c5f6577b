"""Cluster collectors over the real protocol: recorded answers, degraded servers, and what the spec adds."""

from __future__ import annotations

import json
import pathlib
from typing import TYPE_CHECKING, Any

import pytest
from aicr_kube import k8s, topology
from aicr_kube.gotext import compact, flatten, go_float
from cluster_fixtures import DATA, recorded
from fake_cluster import FakeCluster
from fake_cluster.server import Rule

from aicr_core.api import Context, Settings, Subtype

if TYPE_CHECKING:
    from collections.abc import Iterator

needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="../shared/data/snapshots is not beside this checkout"
)

# Deliberate differences from the recorded runs, each with its reason (spec/snapshot.md).
DIFFERENCES = {
    "K8s.image.nginx": "14.12: of several tags the greatest is shown, not the last one listed",
    "NodeTopology.taint.dup.NoSchedule": "7: the reference keeps a random one of two values, we the greatest",
    "NodeTopology.taint.dup.NoSchedule.x": "7: and the other one under a key of its own",
    "NodeTopology.taint.nvidia.com/gpu.NoSchedule": "7, as above",
    "NodeTopology.taint.nvidia.com/gpu.NoSchedule.": "7, as above",
    "NodeTopology.summary.taint-count": "7: nothing is lost, so there are more entries",
}


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster() as made:
        yield made


def run(
    cluster: FakeCluster,
    tmp_path: pathlib.Path,
    *,
    user: str = "admin",
    timeout: float = 20.0,
    **options: Any,
) -> dict[str, Subtype]:
    kubeconfig = options.pop("kubeconfig", None) or cluster.kubeconfig(
        tmp_path / "kubeconfig", user
    )
    given = {"kubeconfig": kubeconfig, "node": "gpu-node-1", **options}
    found: dict[str, Subtype] = {}
    for collector in (k8s, topology):
        measurement = collector.collect(
            Context(options=given, settings=Settings(env={}), timeout=timeout)
        )
        found |= {f"{measurement.type}.{subtype.name}": subtype for subtype in measurement.subtypes}
    return found


def compare(found: dict[str, Subtype], measurements: list[dict[str, Any]]) -> None:
    wrong = {}
    for measurement in measurements:
        for subtype in measurement.get("subtypes", ()):
            place = f"{measurement['type']}.{subtype['subtype']}"
            wanted = {
                key: "<nil>" if value is None else value for key, value in subtype["data"].items()
            }
            data = dict(found[place].data or {})
            for key in set(wanted) | set(data):
                path = f"{place}.{key}"
                if wanted.get(key) != data.get(key) and path not in DIFFERENCES:
                    wrong[path] = (data.get(key), wanted.get(key))
    assert not wrong


@needs_data
def test_the_whole_recorded_cluster(cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    from aicr_core.kit import yamlio  # test only: the golden is YAML

    golden: Any = yamlio.load((DATA / "golden/full-v0.11.1.yaml").read_text("utf-8"), "golden")
    found = run(recorded(cluster), tmp_path)
    compare(
        found, [item for item in golden["measurements"] if item["type"] in ("K8s", "NodeTopology")]
    )
    assert {name: subtype.status for name, subtype in found.items()} == dict.fromkeys(found, "ok")


@needs_data
@pytest.mark.parametrize(
    ("case", "statuses"),
    [
        (
            "api-refused",
            {"K8s.server": "failed", "K8s.image": "failed", "NodeTopology.label": "failed"},
        ),
        ("discovery-500", {"K8s.policy": "failed", "K8s.image": "ok"}),
        ("hostname-not-a-node", {"K8s.node": "failed", "K8s.policy": "ok"}),
        ("max-nodes-1", {"K8s.node": "ok", "NodeTopology.label": "ok"}),
        ("no-kubeconfig", {"K8s.server": "skipped", "NodeTopology.summary": "skipped"}),
        ("no-node-name", {"K8s.node": "skipped", "K8s.server": "ok"}),
        (
            "nodes-403",
            {"K8s.node": "forbidden", "NodeTopology.summary": "forbidden", "K8s.image": "ok"},
        ),
        ("nvidia-policy-403", {"K8s.policy": "degraded"}),
        ("pods-403", {"K8s.image": "forbidden", "K8s.images": "forbidden", "K8s.policy": "ok"}),
        ("version-500", {"K8s.server": "failed", "K8s.node": "ok"}),
    ],
)
def test_degraded_clusters(
    cluster: FakeCluster,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    case: str,
    statuses: dict[str, str],
) -> None:
    golden = json.loads((DATA / f"golden/degraded/{case}-v0.11.1.json").read_text("utf-8"))
    recorded(cluster)
    options: dict[str, Any] = {}
    for fault in golden["injected"]:
        cluster.fault(
            f"{fault['method']} {fault['path']}([?/]|$)",
            status=fault["code"],
            message=fault["message"],
        )
    if case == "api-refused":
        options["kubeconfig"] = cluster.kubeconfig(tmp_path / "closed", server="http://127.0.0.1:9")
    if case == "no-kubeconfig":
        (tmp_path / "home").mkdir()
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
        settings = Settings(env={"KUBECONFIG": "", "HOME": str(tmp_path / "home")})
        found = {}
        for collector in (k8s, topology):
            measurement = collector.collect(Context(options={"node": "n"}, settings=settings))
            found |= {
                f"{measurement.type}.{subtype.name}": subtype for subtype in measurement.subtypes
            }
    else:
        options["node"] = {"hostname-not-a-node": "pod-xyz", "no-node-name": ""}.get(
            case, "gpu-node-1"
        )
        options["max_nodes_per_entry"] = 1 if case == "max-nodes-1" else 0
        found = run(cluster, tmp_path, **options)
    compare(found, golden["measurements"])
    assert {name: found[name].status for name in statuses} == statuses
    for name, status in statuses.items():
        if status not in ("ok", "empty"):
            assert found[name].reason


def test_forbidden_names_the_right_that_is_missing(
    cluster: FakeCluster, tmp_path: pathlib.Path
) -> None:
    cluster.node("gpu-node-1", spec={"providerID": "kind://docker/x"})
    cluster.users["reader"] = [Rule(("get", "list"), ("nodes",))]
    found = run(cluster, tmp_path, user="reader")
    assert found["K8s.node"].data == {
        "source-node": "gpu-node-1",
        "provider-id": "kind://docker/x",
        "provider": "kind",
    }
    assert found["K8s.image"].status == "forbidden"
    assert 'User "reader" cannot list resource "pods"' in found["K8s.image"].reason
    assert found["NodeTopology.summary"].status == "ok"


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"status": 500}, "failed"),
        ({"status": 0}, "failed"),
        ({"status": 200, "body": "<html>proxy</html>"}, "failed"),
        ({"status": 200, "body": "[]"}, "failed"),
        ({"status": 200, "delay": 3.0}, "timeout"),
    ],
)
def test_a_broken_server_costs_its_own_part(
    cluster: FakeCluster, tmp_path: pathlib.Path, fault: dict[str, Any], status: str
) -> None:
    cluster.node("gpu-node-1")
    cluster.fault("GET /api/v1/nodes(\\?|$)", **fault)
    found = run(cluster, tmp_path, timeout=1.5)
    assert found["NodeTopology.summary"].status == status
    assert found["K8s.node"].data == {"source-node": "gpu-node-1"}


def test_a_busy_server_is_asked_again(cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    cluster.node("gpu-node-1")
    cluster.fault("GET /api/v1/nodes(\\?|$)", status=429, times=2, retry_after=0)
    assert run(cluster, tmp_path)["NodeTopology.summary"].data == {
        "node-count": 1,
        "taint-count": 0,
        "label-count": 0,
    }
    cluster.fault("GET /api/v1/nodes(\\?|$)", status=429, retry_after=60)
    found = run(cluster, tmp_path, timeout=2.0)
    assert "429" in found["NodeTopology.summary"].reason


def test_pages_and_a_list_that_expires(cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    for number in range(1201):
        cluster.node(f"n{number:04d}", {"pool": "a" if number % 2 else "b"})
    found = run(cluster, tmp_path)
    assert found["NodeTopology.summary"].data == {
        "node-count": 1201,
        "taint-count": 0,
        "label-count": 2,
    }
    cluster.fault(
        "GET /api/v1/nodes.*continue=", status=410, times=1, message="too old resource version"
    )
    found = run(cluster, tmp_path)
    assert found["NodeTopology.summary"].data is not None
    assert found["NodeTopology.summary"].data["node-count"] == 1201


def test_colliding_taints_do_not_depend_on_order(
    cluster: FakeCluster, tmp_path: pathlib.Path
) -> None:
    for name, value in (("a", "z"), ("b", ""), ("c", "m")):
        cluster.node(name, spec={"taints": [{"key": "k", "effect": "NoSchedule", "value": value}]})
    assert run(cluster, tmp_path)["NodeTopology.taint"].data == {
        "k.NoSchedule": "z|a", "k.NoSchedule.": "|b", "k.NoSchedule.m": "m|c",
    }  # fmt: skip


def pod(cluster: FakeCluster, namespace: str, name: str, *images: str) -> None:
    containers = [{"name": f"c{number}", "image": image} for number, image in enumerate(images)]
    cluster.add(
        "",
        "pods",
        {"metadata": {"name": name, "namespace": namespace}, "spec": {"containers": containers}},
    )


def test_images_without_loss(cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    pod(
        cluster,
        "default",
        "a",
        "docker.io/library/nginx:1.25",
        "quay.io/x/nginx:1.9",
        "x@sha256:abc",
    )
    pod(cluster, "kube-system", "b", "docker.io/library/nginx:1.25", "localhost:5000/y")
    found = run(cluster, tmp_path)
    assert found["K8s.image"].data == {"nginx": "1.25", "x": "latest", "y": "latest"}
    assert "nginx" in found["K8s.image"].reason
    rows = {item.data["ref"]: item.data for item in found["K8s.images"].items}
    assert rows["docker.io/library/nginx:1.25"]["count"] == 2
    assert rows["docker.io/library/nginx:1.25"]["namespaces"] == "default,kube-system"
    assert rows["x@sha256:abc"]["digest"] == "sha256:abc"
    assert rows["localhost:5000/y"]["registry"] == "localhost:5000"
    assert sum(line.startswith("GET /api/v1/pods") for line in cluster.requests) == 1


def test_helm_releases_without_secrets(cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    metadata = {
        "name": "gpu-operator", "namespace": "default",
        "labels": {"app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": "gpu-operator-v25.3.0_build"},
        "annotations": {"meta.helm.sh/release-name": "gpu", "meta.helm.sh/release-namespace": "gpu-operator"},
    }  # fmt: skip
    cluster.add("apps", "deployments", {"metadata": metadata})
    cluster.add("apps", "daemonsets", {"metadata": {"name": "other", "namespace": "default"}})
    found = run(cluster, tmp_path)
    assert found["K8s.helm"].data == {
        "gpu.chart": "gpu-operator", "gpu.version": "v25.3.0+build", "gpu.namespace": "gpu-operator",
    }  # fmt: skip
    assert not any("/secrets" in line for line in cluster.requests)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", "failed"),
        ("not: [yaml", "failed"),
        ("a: b", "failed"),
        ("apiVersion: v1\nkind: Config\ncurrent-context: x\n", "failed"),
    ],
)
def test_a_bad_kubeconfig_is_said(
    cluster: FakeCluster, tmp_path: pathlib.Path, text: str, status: str
) -> None:
    path = tmp_path / "bad"
    path.write_text(text)
    found = run(cluster, tmp_path, kubeconfig=str(path))
    assert found["K8s.server"].status == status
    assert found["K8s.server"].reason.isprintable()


def test_a_missing_kubeconfig_is_skipped(cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    found = run(cluster, tmp_path, kubeconfig=str(tmp_path / "none"))
    assert found["K8s.server"].status == "skipped"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5"), (100000.5, "100000.5"), (1000000.5, "1.0000005e+06"), (1e21, "1e+21"), (0.0001, "0.0001"),
        (0.00001, "1e-05"), (1.5e6, "1.5e+06"), (123456.7, "123456.7"), (24.0, "24"), (24.1, "24.1"), (0.0, "0"),
        (-0.0, "-0"), (-2.5, "-2.5"), (1e20, "1e+20"), (5e-324, "5e-324"), (float("inf"), "+Inf"), (float("nan"), "NaN"),
    ],
)  # fmt: skip
def test_floats_as_go_prints_them(value: float, text: str) -> None:
    assert go_float(value) == text


def test_flattening() -> None:
    spec = {
        "a": {"b": True, "e": [], "m": {}},
        "l": [{"z": 1, "a": "<&>"}],
        "n": None,
        "f": 1e21,
        "s": "x",
    }
    assert flatten(spec) == {
        "a.b": "true", "l": '[{"a":"\\u003c\\u0026\\u003e","z":1}]', "n": "<nil>", "f": "1e+21", "s": "x",
    }  # fmt: skip
    assert compact([1.0, 1e21, 1.5e-7, "\u2028"]) == '[1,1e+21,1.5e-07,"\\u2028"]'
