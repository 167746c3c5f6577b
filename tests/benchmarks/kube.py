"""Benchmark of the cluster collectors: the topology of 5,000 nodes with 83 labels each, over HTTP.

The emulated API server runs in a process of its own; a fresh interpreter per run collects, and reports time and
peak memory. Prints a row of docs/performance.md. A measurement, not a test.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile

NODES = 5000
LABELS = 83
_SUPPORT = pathlib.Path(__file__).resolve().parent.parent / "support"

_COLLECT = """
import json, resource, sys, time
start = time.perf_counter()
from aicr_core.api import Context, to_yaml
from aicr_kube.collect import topology
context = Context(options={"kubeconfig": sys.argv[1]}, timeout=90.0)
measurement = topology.collect(context)
spent = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
summary = measurement.subtypes[0]
print(json.dumps([spent, peak, summary.status, dict(summary.data or {})]))
"""

_SERVE = f"""
import pathlib, sys, tempfile
from emulated_cluster import FakeCluster
from emulated_cluster.scheduling import node
with FakeCluster() as cluster:
    for n in range({NODES}):
        labels = {{f"feature.node.kubernetes.io/cpu-cpuid.F{{k}}": "true" for k in range({LABELS - 3})}}
        labels |= {{"node.kubernetes.io/instance-type": f"p5.{{n % 4}}xlarge",
                    "topology.kubernetes.io/zone": f"us-west-2{{'abc'[n % 3]}}"}}
        taint = {{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}}
        item = node(f"ip-10-0-{{n // 256}}-{{n % 256}}.us-west-2.compute.internal", labels=labels, taints=[taint])
        # As a kubelet reports them: the images are most of a Node object.
        item["status"]["images"] = [
            {{"names": [f"registry.example/image-{{k}}@sha256:{{k:064}}", f"registry.example/image-{{k}}:v1"],
              "sizeBytes": 100000 + k}} for k in range(50)
        ]
        cluster.add(item)
    cluster.kubeconfig(pathlib.Path(sys.argv[1]))
    print("ready", flush=True)
    sys.stdin.read()
"""


def topology(runs: int = 3) -> tuple[str, float, float]:
    """Give (name, best wall seconds, peak MiB), imports of the interpreter's own process included."""
    env = {**os.environ, "PYTHONPATH": str(_SUPPORT)}
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = str(pathlib.Path(folder) / "kubeconfig")
        server = subprocess.Popen(
            [sys.executable, "-c", _SERVE, kubeconfig],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env,
        )  # fmt: skip
        assert server.stdout is not None
        try:
            server.stdout.readline()
            results = []
            for _ in range(runs):
                done = subprocess.run(
                    [sys.executable, "-c", _COLLECT, kubeconfig], capture_output=True, check=True
                )
                spent, peak, status, summary = json.loads(done.stdout)
                if status != "ok" or summary["node-count"] != NODES:
                    raise SystemExit(f"the collection went wrong: {status} {summary}")
                results.append((spent, peak))
        finally:
            server.communicate()
    return (
        f"topology, {NODES} nodes of {LABELS} labels",
        min(spent for spent, _ in results),
        max(peak for _, peak in results),
    )


if __name__ == "__main__":
    name, seconds, mebibytes = topology()
    print(f"| {name} | {seconds:.2f} s | {mebibytes:.0f} MiB |")
