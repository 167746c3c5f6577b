"""Benchmark of checks that list: a cluster of 5,000 nodes and 50,000 pods, over HTTP.

The emulated API server runs in a process of its own; a fresh interpreter for each row runs checks with the real client
and reports time, requests and peak memory. ``python tests/benchmarks/validate.py [NODES PODS]`` prints rows of
docs/performance.md. A measurement, not a test.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile

NODES, PODS = 5000, 50_000
COMPONENTS = 30
_SUPPORT = pathlib.Path(__file__).resolve().parent.parent / "support"

_SERVE = """
import pathlib, sys
from emulated_cluster import ACCELERATED, FakeCluster
nodes, pods, components = map(int, sys.argv[2:5])
# What makes real objects large: a managed-fields-like text, images; strings are shared, so the server stays small.
padding = {"example.test/fields": "x" * 1500}
images = [{"names": [f"registry.example/image-{k}@sha256:{k:064}"], "sizeBytes": k} for k in range(50)]
with FakeCluster() as cluster:
    cluster.serve(*ACCELERATED)
    for n in range(nodes):
        cluster.add({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": f"node-{n:05}", "annotations": padding,
                         "labels": {"nvidia.com/gpu.present": "true", "nodeGroup": "gpu"}},
            "spec": {"providerID": f"aws:///a/i-{n}"},
            "status": {"allocatable": {"nvidia.com/gpu": "8"}, "capacity": {"nvidia.com/gpu": "8"},
                       "conditions": [{"type": "Ready", "status": "True"}], "images": images},
        })
    for n in range(components):
        name = f"component-{n}"
        cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name},
                     "status": {"phase": "Active"}})
        cluster.add({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": name},
                     "spec": {"replicas": 1}, "status": {"availableReplicas": 1}})
    container = {"name": "c", "image": "registry.example/app:v1",
                 "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "2"}},
                 "env": [{"name": f"VARIABLE_{k}", "value": "value"} for k in range(10)]}
    for n in range(pods):
        cluster.add({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": f"pod-{n:06}", "namespace": "default", "annotations": padding},
            "spec": {"nodeName": f"node-{n % nodes:05}", "containers": [container]},
            "status": {"phase": "Running"},
        })
    cluster.kubeconfig(pathlib.Path(sys.argv[1]))
    print("ready", flush=True)
    for line in sys.stdin:
        print(len(cluster.requests), flush=True)
"""

_CHECK = """
import json, resource, sys, time
start = time.perf_counter()
from aicr_core.api import Context, Target
from aicr_kube.client import Cluster
from aicr_validators import cluster_autoscaling, gpus, platform_health
refs = [{"name": f"component-{n}", "namespace": f"component-{n}", "expectedResources": [
    {"kind": "Deployment", "name": f"component-{n}"}]} for n in range(int(sys.argv[3]))]
context = Context(timeout=600.0)
with Cluster.open(sys.argv[1], timeout=300.0) as cluster:
    target = Target(context, cluster, recipe={"componentRefs": refs}, snapshot={}, namespace="default", run="b")
    said = []
    if sys.argv[2] in ("gpus", "all"):
        found = gpus.nodes(target)
        said.append(f"{len(found)} GPU nodes, {len(gpus.users(target, {n.name for n in found}))} in use")
    if sys.argv[2] in ("platform", "all"):
        said.append(platform_health.check(context, target).message)
    if sys.argv[2] in ("autoscaling", "all"):
        said.append(cluster_autoscaling.check(context, target).message)
spent = time.perf_counter() - start
print(json.dumps([spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, said]))
"""
ROWS = {
    "gpus": "GPU nodes and their users (check-nvidia-smi)",
    "platform": "platform-health",
    "autoscaling": "cluster-autoscaling of a cloud",
    "all": "all three, with shared reads",
}


def measure(nodes: int = NODES, pods: int = PODS) -> list[str]:
    """Give a table row for each of :data:`ROWS`: seconds, peak MiB, requests, what the checks said."""
    rows = []
    sizes = [str(nodes), str(pods), str(COMPONENTS)]
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = str(pathlib.Path(folder) / "kubeconfig")
        server = subprocess.Popen(
            [sys.executable, "-c", _SERVE, kubeconfig, *sizes], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(_SUPPORT)},
        )  # fmt: skip
        assert server.stdout is not None
        assert server.stdin is not None
        try:
            server.stdout.readline()
            before = 0
            for word, title in ROWS.items():
                done = subprocess.run(
                    [sys.executable, "-c", _CHECK, kubeconfig, word, sizes[2]],
                    stdout=subprocess.PIPE, check=True,
                )  # fmt: skip
                spent, peak, said = json.loads(done.stdout)
                server.stdin.write("\n")
                server.stdin.flush()
                asked = int(server.stdout.readline())
                name = f"{title}, {nodes} nodes, {pods} pods"
                rows.append(
                    f"| {name} | {spent:.2f} s | {peak:.0f} MiB | {asked - before} requests | {'; '.join(said)} |"
                )
                before = asked
        finally:
            server.communicate()
    return rows


if __name__ == "__main__":
    print("\n".join(measure(*map(int, sys.argv[1:3]))))
