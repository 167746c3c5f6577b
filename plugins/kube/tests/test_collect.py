"""The rules of the collectors, each for itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from aicr_kube.collect import images, installed, k8s, node, policy, topology
from aicr_kube.collect.gotext import go_float, go_json, go_value
from emulated_cluster import FakeCluster, Kind, Rule
from emulated_cluster import node as node_object

from aicr_core.api import Context

if TYPE_CHECKING:
    import pathlib


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5"), (100000.5, "100000.5"), (1000000.5, "1.0000005e+06"), (1e21, "1e+21"), (1e6, "1e+06"),
        (999999.0, "999999"), (0.0001, "0.0001"), (0.00001, "1e-05"), (-1.5e-7, "-1.5e-07"), (0.0, "0"),
        (3.0, "3"), (1.5e300, "1.5e+300"), (123456.789, "123456.789"), (math.inf, "+Inf"), (-2.5, "-2.5"),
    ],
)  # fmt: skip
def test_floats_in_gos_default_form(value: float, text: str) -> None:
    assert go_float(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (False, "false"), (None, "<nil>"), (3, "3"), ("<a>", "<a>"),
     (2**63, "9.223372036854776e+18")],
)  # fmt: skip
def test_scalars_in_gos_default_form(value: Any, text: str) -> None:
    assert go_value(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": ["<&>", "\u2028", "é"]}, '{"a":["\\u003c\\u0026\\u003e","\\u2028","é"],"b":1}'),
        ([1000000.5, 1e20, 1e21, 1e-7, 0.00001], "[1000000.5,100000000000000000000,1e+21,1e-7,0.00001]"),
        ([None, True, "a\nb\"c"], '[null,true,"a\\nb\\"c"]'),
    ],
)  # fmt: skip
def test_arrays_as_compact_json(value: Any, text: str) -> None:
    assert go_json(value) == text


def test_a_spec_is_flattened() -> None:
    spec = {"a": {"b": {"c": 1}, "empty": {}}, "list": [], "x.y": False, "n": None}
    assert policy.flatten(spec) == {"a.b.c": "1", "x.y": "false", "n": "<nil>"}
    assert policy.flatten(None) == {}
    deep: Any = 1
    for _ in range(5000):
        deep = {"a": deep}
    assert len(policy.flatten(deep)) == 1


@pytest.mark.parametrize(
    ("reference", "name", "tag"),
    [
        ("registry.k8s.io/pause:3.9", "pause", "3.9"), ("busybox", "busybox", "latest"),
        ("nvcr.io/nvidia/driver@sha256:aaaa", "driver", "latest"), ("localhost:5000/team/app", "app", "latest"),
        ("a/b:v1@sha256:bb", "b", "v1"),
    ],
)  # fmt: skip
def test_names_of_images(reference: str, name: str, tag: str) -> None:
    assert images.short(reference) == (name, tag)


def test_colliding_images_keep_the_greatest_version_and_say_so() -> None:
    said: list[str] = []
    pods = [
        {"metadata": {"namespace": ns}, "spec": {"containers": [{"name": "c", "image": image}]},
         "status": {"containerStatuses": [{"name": "c", "imageID": "repo@sha256:1"}]}}
        for ns, image in (("b", "q.io/x/nginx:1.9"), ("a", "d.io/y/nginx:1.27"), ("b", "d.io/y/nginx:1.27"))
    ]  # fmt: skip
    for order in (pods, pods[::-1]):
        image, every = images.subtypes(order, said.append)
        assert image.data == {"nginx": "1.27"}
        assert [(i.context["name"], i.data["ref"], i.data["count"]) for i in every.items] == [
            ("nginx", "d.io/y/nginx:1.27", 2),
            ("nginx", "q.io/x/nginx:1.9", 1),
        ]
        assert every.items[0].data["namespaces"] == "a,b"
        assert every.items[0].data["imageID"] == "repo@sha256:1"
    assert said == ["image nginx: 1.27 is recorded, 1.9 runs too; see subtype images"] * 2


@pytest.mark.parametrize(
    ("provider_id", "provider"),
    [
        ("aws:///us-west-2a/i-0", "eks"), ("gce://p/z/n", "gke"), ("azure:///subscriptions/x", "aks"),
        ("oci://ocid1.instance.oc1", "oke"), ("ocid1.instance.oc1.phx.x", "oke"), ("linode://1", "lke"),
        ("kind://docker/kind/n", "kind"), (" AWS ://x", "eks"), ("no-scheme", ""),
    ],
)  # fmt: skip
def test_providers(provider_id: str, provider: str) -> None:
    assert node.provider_of(provider_id) == provider


@pytest.mark.parametrize(
    ("label", "chart", "version"),
    [
        ("gpu-operator-v25.10.1", "gpu-operator", "v25.10.1"),
        ("cert-manager-1.2.3-rc.1", "cert-manager", "1.2.3-rc.1"),
        ("x-1.2.3_build.4", "x", "1.2.3+build.4"), ("odd", "odd", ""), ("a-2.0", "a-2.0", ""),
    ],
)  # fmt: skip
def test_chart_labels(label: str, chart: str, version: str) -> None:
    assert installed.split_chart(label) == (chart, version)


def test_releases_are_told_from_metadata() -> None:
    def entry(release: str, namespace: str, chart: str = "") -> dict[str, Any]:
        annotations = {
            "meta.helm.sh/release-name": release,
            "meta.helm.sh/release-namespace": namespace,
        }
        return {"annotations": annotations, "labels": {"helm.sh/chart": chart} if chart else {}}

    found = installed.releases(
        [
            entry("gpu-operator", "gpu", "node-feature-discovery-0.17.1"),
            entry("gpu-operator", "gpu", "node-feature-discovery-0.17.1"),
            entry("gpu-operator", "gpu", "gpu-operator-v25.10.1"),
            entry("web", "a", "nginx-1.0.0"), entry("web", "b", "nginx-2.0.0"), entry("bare", "c"),
        ]
    )  # fmt: skip
    assert found == {
        "gpu-operator.namespace": "gpu", "gpu-operator.chart": "gpu-operator", "gpu-operator.version": "v25.10.1",
        "gpu-operator.charts": "gpu-operator-v25.10.1,node-feature-discovery-0.17.1",
        "a/web.namespace": "a", "a/web.chart": "nginx", "a/web.version": "1.0.0",
        "b/web.namespace": "b", "b/web.chart": "nginx", "b/web.version": "2.0.0",
        "bare.namespace": "c",
    }  # fmt: skip


def labelled(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "spec": {}}


def tainted(name: str, *taints: tuple[str, str, str]) -> dict[str, Any]:
    listed = [{"key": k, "value": v, "effect": e} for k, v, e in taints]
    return {"metadata": {"name": name}, "spec": {"taints": listed}}


def parts(*nodes: dict[str, Any], most: int = 0) -> dict[str, Any]:
    return {s.name: s for s in topology.measure(nodes, most).subtypes}


def test_colliding_taints_do_not_depend_on_order() -> None:
    nodes = [
        tainted("a", ("k", "present", "NoSchedule")), tainted("b", ("k", "", "NoSchedule")),
        tainted("c", ("k", "", "NoSchedule")), tainted("d", ("k", "present", "NoExecute")),
    ]  # fmt: skip
    assert parts(*nodes) == parts(*nodes[::-1])
    found = parts(*nodes)
    assert found["taint"].data == {"k.NoSchedule": "|b,c", "k.NoExecute": "present|d"}
    assert [(i.context["value"], i.data["nodes"]) for i in found["taint"].items] == [
        ("", "b,c"),
        ("present", "a"),
    ]
    assert found["summary"].data["taint-count"] == 2
    tie = parts(tainted("a", ("k", "x", "E")), tainted("b", ("k", "y", "E")))
    assert tie["taint"].data == {"k.E": "y|b"}


def test_a_taint_given_twice_names_its_node_once() -> None:
    assert parts(tainted("a", ("k", "v", "E"), ("k", "v", "E")))["taint"].data == {"k": "E|v|a"}


def test_label_keys_that_collide() -> None:
    nodes = [labelled("a", **{"k": "v", "k.w": "z"}), labelled("b", k="w")]
    found = parts(*nodes)["label"].data
    assert found == {"k.v": "v|a", "k.w": "z|a"}
    assert parts(*nodes[::-1])["label"].data == found


def test_names_are_cut_at_the_limit() -> None:
    nodes = [labelled(f"n{i}", l="v") for i in (3, 1, 2)]
    assert parts(*nodes, most=2)["label"].data == {"l": "v|n1,n2 (+1 more)"}
    assert parts(*nodes, most=3)["label"].data == {"l": "v|n1,n2,n3"}


def test_a_label_that_names_each_node_is_one_entry_in_a_large_cluster() -> None:
    few = [labelled(f"n{i:03}", host=f"n{i:03}") for i in range(topology.PER_NODE)]
    assert len(parts(*few)["label"].data) == topology.PER_NODE
    many = [
        labelled(f"n{i:03}", host=f"n{i:03}", id=f"i-{i}") for i in range(topology.PER_NODE + 1)
    ]
    found = parts(*many)
    assert found["label"].data["host"].startswith("<node>|n000,n001,")
    # Only what can be told from the names is folded.
    assert found["label"].data["id.i-7"] == "i-7|n007"
    assert found["summary"].data["label-count"] == 2 * (topology.PER_NODE + 1)


def test_no_nodes_is_empty_not_failed() -> None:
    found = parts()
    assert found["summary"].data == {"node-count": 0, "taint-count": 0, "label-count": 0}
    assert (found["taint"].status, found["label"].status) == ("empty", "empty")


def collected(
    cluster: FakeCluster, path: pathlib.Path, token: str = "admin-token", **options: Any
) -> dict[str, Any]:
    options["kubeconfig"] = cluster.kubeconfig(path / "k", token)
    return {s.name: s for s in k8s.collect(Context(options=options, timeout=30.0)).subtypes}


def test_several_policies_have_a_subtype_each(
    fake_cluster: FakeCluster, tmp_path: pathlib.Path
) -> None:
    for group in ("kyverno.io", "nvidia.com"):
        fake_cluster.serve(
            Kind(group, "v1", "clusterpolicies", "ClusterPolicy", namespaced=False, custom=True)
        )
        for name in ("one", "two"):
            fake_cluster.add(
                {"apiVersion": f"{group}/v1", "kind": "ClusterPolicy", "metadata": {"name": name},
                 "spec": {"who": f"{group} {name}"}}
            )  # fmt: skip
    found = collected(fake_cluster, tmp_path)
    told = {name: s.data for name, s in found.items() if name.startswith("policy")}
    assert told == {
        "policy": {"who": "nvidia.com two"},
        "policy.one": {"who": "nvidia.com one"}, "policy.two": {"who": "nvidia.com two"},
        "policy.kyverno.io.one": {"who": "kyverno.io one"}, "policy.kyverno.io.two": {"who": "kyverno.io two"},
    }  # fmt: skip


def test_what_is_installed(fake_cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    fake_cluster.serve(
        Kind("argoproj.io", "v1alpha1", "applications", "Application", custom=True),
        Kind("helm.toolkit.fluxcd.io", "v2", "helmreleases", "HelmRelease", custom=True),
    )
    fake_cluster.add(
        {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {
            "name": "d", "namespace": "gpu", "labels": {"helm.sh/chart": "gpu-operator-v25.3.0"},
            "annotations": {"meta.helm.sh/release-name": "gpu-operator", "meta.helm.sh/release-namespace": "gpu"}}}
    )  # fmt: skip
    fake_cluster.add(
        {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
         "metadata": {"name": "app", "namespace": "argocd"},
         "spec": {"source": {"chart": "x", "targetRevision": "1.2.3"}},
         "status": {"sync": {"status": "Synced", "revision": "1.2.3"}, "health": {"status": "Healthy"}}}
    )  # fmt: skip
    fake_cluster.add(
        {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
         "metadata": {"name": "r", "namespace": "f"},
         "spec": {"chart": {"spec": {"chart": "y", "version": "2.x"}}},
         "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    )  # fmt: skip
    found = collected(fake_cluster, tmp_path)
    assert found["helm"].data == {
        "gpu-operator.chart": "gpu-operator", "gpu-operator.version": "v25.3.0", "gpu-operator.namespace": "gpu",
    }  # fmt: skip
    assert found["argocd"].data == {
        "argocd/app.chart": "x", "argocd/app.version": "1.2.3", "argocd/app.revision": "1.2.3",
        "argocd/app.sync": "Synced", "argocd/app.health": "Healthy",
    }  # fmt: skip
    assert found["flux"].data == {"f/r.chart": "y", "f/r.version": "2.x", "f/r.ready": "True"}
    asked = [a for a in fake_cluster.requests if a.path.startswith("/apis/apps/")]
    assert len(asked) == 3
    assert all("PartialObjectMetadataList" in a.headers["accept"] for a in asked)
    assert not [line for line in fake_cluster.asked() if "secrets" in line]


READ_ONLY = (
    Rule(("get", "list"), ("",), ("nodes", "pods")),
    Rule(("list",), ("apps",), ("deployments", "daemonsets", "statefulsets")),
    Rule(("list",), ("apiextensions.k8s.io",), ("customresourcedefinitions",)),
)
"""The rights that README.md asks for, without those for kinds this cluster does not serve."""


def test_the_least_rights_are_enough(fake_cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    fake_cluster.add(node_object("n1", labels={"a": "b"}))
    token = fake_cluster.user("reader", READ_ONLY)
    found = collected(fake_cluster, tmp_path, token, node="n1")
    assert {s.status for s in found.values()} <= {"ok", "empty"}
    options = {"kubeconfig": fake_cluster.kubeconfig(tmp_path / "k", token)}
    assert topology.collect(Context(options=options, timeout=30.0)).subtypes[0].status == "ok"
    verbs = {(a.method, a.path) for a in fake_cluster.requests}
    assert all(method == "GET" for method, _ in verbs)


def test_no_right_to_workloads_costs_the_inventory_only(
    fake_cluster: FakeCluster, tmp_path: pathlib.Path
) -> None:
    token = fake_cluster.user("reader", READ_ONLY[:1])
    found = collected(fake_cluster, tmp_path, token)
    assert found["helm"].status == "forbidden"
    assert "deployments.apps" in found["helm"].reason
    assert found["image"].status == "empty"
    partial = collected(fake_cluster, tmp_path, fake_cluster.user("more", READ_ONLY[:2]))
    assert partial["helm"].status == "degraded"
    assert "customresourcedefinitions" in partial["helm"].reason
