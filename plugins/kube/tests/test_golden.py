"""The recorded runs of v0.11.1, replayed against the emulated API server; see differences.py."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from aicr_kube.collect import k8s, topology
from emulated_cluster import FakeCluster, Kind, write_kubeconfig

from aicr_core.api import Context, Measurement
from aicr_core.kit import yamlio

from .differences import EITHER, FURTHER

if TYPE_CHECKING:
    import pathlib

POLICIES = ("kyverno.io", "nvidia.com")

# What the collection block has to say of each degraded run: part -> status.
STATUSES: dict[str, dict[str, str]] = {
    "api-refused": dict.fromkeys(
        ("server", "image", "policy", "node", "summary", "taint", "label"), "failed"
    ),
    "discovery-500": {"policy": "failed", "helm": "failed"},
    "hostname-not-a-node": {"node": "failed"},
    "max-nodes-1": {},
    "no-kubeconfig": dict.fromkeys(
        ("server", "image", "policy", "node", "summary", "taint", "label"), "skipped"
    ),
    "no-node-name": {"node": "skipped"},
    "nodes-403": dict.fromkeys(("node", "summary", "taint", "label"), "forbidden"),
    "nvidia-policy-403": {"policy": "forbidden"},
    "pods-403": {"image": "forbidden", "images": "forbidden"},
    "version-500": {"server": "failed"},
}


@pytest.fixture
def seeded(fake_cluster: FakeCluster, snapshots: pathlib.Path) -> FakeCluster:
    """A cluster that holds golden/inputs/kube-api.json."""
    api = json.loads((snapshots / "golden/inputs/kube-api.json").read_text())
    fake_cluster.version = api["version"]
    for group in POLICIES:
        fake_cluster.serve(
            Kind(group, "v1", "clusterpolicies", "ClusterPolicy", namespaced=False, custom=True)
        )
    for kind, plural in (("Node", "nodes"), ("Pod", "pods")):
        for item in api[plural]:
            fake_cluster.add({"apiVersion": "v1", "kind": kind, **item})
    for items in api["lists"].values():
        for item in items:
            fake_cluster.add(item)
    return fake_cluster


def measured(**options: Any) -> tuple[Measurement, Measurement]:
    return (
        k8s.collect(Context(options=options, timeout=30.0)),
        topology.collect(Context(options=options, timeout=30.0)),
    )


def by_name(measurement: Measurement) -> dict[str, Any]:
    return {s.name: dict(s.data) for s in measurement.subtypes if s.data is not None}


def recorded(document: Any, kind: str) -> dict[str, Any]:
    for entry in document:
        if entry["type"] == kind:
            return {s["subtype"]: s["data"] for s in entry["subtypes"]}
    return {}


def agree(ours: tuple[Measurement, Measurement], theirs: Any) -> None:
    """Compare both measurements with recorded ones, order of subtypes included."""
    own, expected = by_name(ours[0]), recorded(theirs, "K8s")
    others = {name: own.pop(name) for name in list(own) if name.startswith("policy.")}
    for name in FURTHER:
        own.pop(name, None)
    if expected["server"].get("version", "") is None:
        expected["server"] = {}
    # The reference's map of all groups is ours of the one and of the others, later groups winning.
    merged: dict[str, str] = {}
    for data in [*others.values(), own["policy"]]:
        merged |= data
    assert merged == expected.pop("policy")
    own.pop("policy")
    assert list(own) == list(expected)
    assert own == expected

    own, expected = by_name(ours[1]), recorded(theirs, "NodeTopology")
    for key in EITHER:
        if key in expected.get("taint", {}):
            assert own["taint"][key] in EITHER[key]
            own["taint"][key] = expected["taint"][key]
    assert list(own) == list(expected)
    assert own == expected
    for data in (*own.values(), *expected.values()):
        assert all(type(data[key]) in (str, int) for key in data)


@pytest.mark.parametrize("aggregated", [True, False])
def test_the_full_run(
    seeded: FakeCluster, snapshots: pathlib.Path, tmp_path: pathlib.Path, aggregated: bool
) -> None:
    seeded.aggregated = aggregated
    path = snapshots / "golden/full-v0.11.1.yaml"
    document = yamlio.load(path.read_bytes(), str(path))
    ours = measured(kubeconfig=seeded.kubeconfig(tmp_path / "k"), node="gpu-node-1")
    agree(ours, document["measurements"])
    for subtype in (*ours[0].subtypes, *ours[1].subtypes):
        assert subtype.status == ("empty" if subtype.name == "helm" else "ok")
        assert subtype.source
    assert not any("secrets" in line for line in seeded.asked())


@pytest.mark.parametrize("compat", [True, False])
def test_policies_apart_or_as_the_reference(
    seeded: FakeCluster, tmp_path: pathlib.Path, compat: bool
) -> None:
    options = {"kubeconfig": seeded.kubeconfig(tmp_path / "k"), "compat": compat}
    own = by_name(k8s.collect(Context(options=options, timeout=30.0)))
    assert ("validationFailureAction" in own["policy"]) == compat
    assert own["policy"]["top"] == "x"
    assert own.get("policy.kyverno.io", {}).get("top") == (None if compat else "from-kyverno")


@pytest.mark.parametrize("case", sorted(STATUSES))
def test_a_degraded_run(
    seeded: FakeCluster, snapshots: pathlib.Path, tmp_path: pathlib.Path, case: str
) -> None:
    run = json.loads((snapshots / f"golden/degraded/{case}-v0.11.1.json").read_text())
    for fault in run["injected"]:
        below = "(/.*)?" if fault["path"] != "/version" else ""
        seeded.faults.add(
            fault["method"], re.escape(fault["path"]) + below,
            status=fault["code"], message=fault["message"], reason=fault["reason"],
        )  # fmt: skip
    options: dict[str, Any] = {"node": run["source-node"]}
    if case == "api-refused":
        options["kubeconfig"] = write_kubeconfig(tmp_path / "k", "http://127.0.0.1:1")
    elif case != "no-kubeconfig":
        options["kubeconfig"] = seeded.kubeconfig(tmp_path / "k")
    options["max_nodes_per_entry"] = int(run["environment"].get("AICR_MAX_NODES_PER_ENTRY", 0))
    ours = measured(**options)
    agree(ours, run["measurements"])
    parts = [s for m in ours for s in m.subtypes]
    wrong = {s.name: s.status for s in parts if s.status not in ("ok", "empty")}
    if case == "api-refused":
        assert wrong.pop("images") == wrong.pop("helm") == "failed"
    assert wrong == STATUSES[case]
    for subtype in parts:
        assert bool(subtype.reason) == (
            subtype.name in wrong or subtype.status not in ("ok", "empty")
        )
        assert subtype.reason.isprintable()
    for fault in run["injected"]:
        assert all(fault["message"] in s.reason for s in parts if s.name in wrong)


def test_twice_gives_the_same(seeded: FakeCluster, tmp_path: pathlib.Path) -> None:
    options = {"kubeconfig": seeded.kubeconfig(tmp_path / "k"), "node": "gpu-node-1"}
    assert measured(**options) == measured(**options)


def test_a_source_that_hangs_costs_only_itself(seeded: FakeCluster, tmp_path: pathlib.Path) -> None:
    seeded.faults.add("GET", "/api/v1/pods", delay=600)
    options = {"kubeconfig": seeded.kubeconfig(tmp_path / "k"), "node": "gpu-node-1"}
    context = Context(options=options, timeout=1.0)
    found = {s.name: s for s in k8s.collect(context).subtypes}
    assert context.remaining() > 0
    assert found["image"].status == found["images"].status == "timeout"
    assert found["server"].status == found["node"].status == found["policy"].status == "ok"


@pytest.mark.parametrize(
    "path", ["/version", "/api/v1/pods", "/apis", "/api/v1/nodes/gpu-node-1", "/api/v1/nodes"]
)
@pytest.mark.parametrize(
    "body",
    [b'{"items": 3}', b'{"items": [3]}', b'{"items": [{"spec": [1]}], "groups": [1], "spec": 7}', b"null", b"{"],
)  # fmt: skip
def test_a_foreign_answer_is_a_status(
    seeded: FakeCluster, tmp_path: pathlib.Path, path: str, body: bytes
) -> None:
    seeded.faults.add("GET", path, body=body)
    for measurement in measured(kubeconfig=seeded.kubeconfig(tmp_path / "k"), node="gpu-node-1"):
        for subtype in measurement.subtypes:
            attrs.validate(subtype)
            assert subtype.reason.isprintable()
