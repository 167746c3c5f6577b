"""Clusters for tests: the emulated one, filled by hand or from the recorded answers, or a real one on request."""

from __future__ import annotations

import json
import pathlib
from typing import Any

from fake_cluster import FakeCluster

DATA = pathlib.Path(__file__).resolve().parents[2].parent / "shared/data/snapshots"


def recorded(cluster: FakeCluster) -> FakeCluster:
    """Fill a cluster with the answers that the reference's recorded runs got."""
    answers: dict[str, Any] = json.loads((DATA / "golden/inputs/kube-api.json").read_text("utf-8"))
    cluster.version = answers["version"]
    cluster.raw["/apis"] = {"kind": "APIGroupList", "groups": answers["groups"]}
    for path, resources in answers["resources"].items():
        cluster.raw[path] = {"kind": "APIResourceList", "resources": resources}
    for path, items in answers["lists"].items():
        cluster.raw[path] = {"kind": "List", "metadata": {}, "items": items}
    for item in answers["nodes"]:
        cluster.add("", "nodes", item)
    for item in answers["pods"]:
        namespace = item["metadata"]["namespace"]
        if namespace not in cluster.names("", "namespaces"):
            cluster.add("", "namespaces", {"metadata": {"name": namespace}})
    cluster.raw["/api/v1/pods"] = {"kind": "PodList", "metadata": {}, "items": answers["pods"]}
    return cluster
