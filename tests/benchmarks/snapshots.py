"""Benchmarks of reading, comparing and grouping snapshots, in process.

Run with ``python tests/benchmarks/snapshots.py``. Every figure is the minimum over the runs; memory is the peak of a
child process of its own. These are measurements, not tests: nothing here fails when the machine is slow. The goals are
those of the issue: two snapshots of 5,000 nodes compared within 2 s, 1,000 node files grouped within 5 s and 300 MiB.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Document = dict[str, Any]


def topology(nodes: int, *, shift: int = 0) -> Document:
    """Give a cluster snapshot of ``nodes`` nodes as a managed service has them: about 83 labels a node.

    ``shift`` renames that many nodes at the end and moves a tenth of the taints, so that two differ a little.
    """
    names = [f"ip-10-{n // 250}-{n % 250}-7.eu-west-1.compute.internal" for n in range(nodes)]
    for n in range(nodes - shift, nodes):
        names[n] = names[n].replace("ip-10", "ip-11")
    everyone = ",".join(sorted(names))
    label: dict[str, Any] = {}
    for index in range(75):
        # Features that every node has.
        label[f"feature.node.kubernetes.io/cpu-cpuid.F{index:02d}"] = f"true|{everyone}"
    for key, values in (
        ("topology.kubernetes.io/zone", 3),
        ("node.kubernetes.io/instance-type", 5),
        ("pool", 20),
    ):
        for value in range(values):
            label[f"{key}.v{value}"] = f"v{value}|" + ",".join(sorted(names[value::values]))
    for name in names:
        for key in ("kubernetes.io/hostname", "alpha.eksctl.io/instance-id"):
            label[f"{key}.{name}"] = f"{name}|{name}"
    taint = {
        "gpu.NoSchedule": "present|" + ",".join(sorted(names[: nodes // 2 + shift])),
        "node.kubernetes.io/unschedulable": "NoSchedule||" + ",".join(sorted(names[::100])),
    }
    data = [
        ("summary", {"node-count": nodes, "taint-count": len(taint), "label-count": len(label)}),
        ("taint", taint),
        ("label", label),
    ]
    return {
        "kind": "Snapshot",
        "apiVersion": "aicr.nvidia.com/v1alpha1",
        "metadata": {"timestamp": "2026-01-01T00:00:00Z", "version": "bench", "source-node": ""},
        "measurements": [
            {"type": "NodeTopology", "subtypes": [{"subtype": name, "data": items} for name, items in data]},
        ],
    }  # fmt: skip


def node(number: int, *, gpus: int = 8) -> Document:
    """Give the snapshot of one node as the collectors make it: 900 sysctls, three units of 390 properties, GPUs."""
    unit: dict[str, Any] = {f"Property{n:03d}": ("[]", 0, True, "no")[n % 4] for n in range(380)}
    unit |= {
        "ActiveState": "active",
        "ExecMainPID": str(1000 + number),
        "ActiveEnterTimestamp": 1795467360775531 + number,
        "InvocationID": f"[{number} 194 80]",
        "ExecStart": f"[[/usr/bin/x [/usr/bin/x --config /etc/x] false {1795467360775431 + number} 6442297514 0 0 {number} 0 0]]",
    }
    sysctl = {f"/proc/sys/net/ipv4/value_{n:03d}": str(n * 7) for n in range(900)}
    sysctl |= {
        "/proc/sys/kernel/hostname": f"node-{number:04d}",
        "/proc/sys/kernel/random/boot_id": f"6f1c0b9e-0000-4000-8000-{number:012d}",
        "/proc/sys/fs/file-nr": f"{1800 + number}\t0\t9223372036854775807",
    }
    modules = {f"module_{n:03d}": True for n in range(150)}
    gpu = {
        "gpu-count": gpus,
        "driver": "570.86.15",
        "cuda-version": "12.8",
        "gpu.model": "NVIDIA H100 80GB HBM3",
    }
    return {
        "kind": "Snapshot",
        "apiVersion": "aicr.nvidia.com/v1alpha1",
        "metadata": {"timestamp": "2026-01-01T00:00:00Z", "version": "bench", "source-node": f"node-{number:04d}"},
        "measurements": [
            {"type": "SystemD", "subtypes": [{"subtype": f"{name}.service", "data": unit} for name in ("containerd", "docker", "kubelet")]},
            {"type": "OS", "subtypes": [
                {"subtype": "sysctl", "data": sysctl},
                {"subtype": "kmod", "data": modules},
                {"subtype": "release", "data": {"ID": "ubuntu", "VERSION_ID": "24.04"}},
            ]},
            {"type": "GPU", "subtypes": [{"subtype": "smi", "data": gpu}]},
        ],
    }  # fmt: skip


def best(runs: int, work: Callable[[], Any]) -> float:
    """Give the least wall seconds of ``runs`` calls."""
    found = 1e9
    for _ in range(runs):
        start = time.perf_counter()
        work()
        found = min(found, time.perf_counter() - start)
    return found


def drift(folder: pathlib.Path, runs: int, nodes: int) -> None:
    """Read and compare two cluster snapshots, as YAML and as JSON."""
    from aicr_core.app.drift import DiffRequest, compare
    from aicr_core.app.environment import Environment
    from aicr_core.engine import snapshots
    from aicr_core.kit.emit import to_yaml
    from aicr_core.model.settings import Settings

    for name, shift in (("a", 0), ("b", 3)):
        document = topology(nodes, shift=shift)
        (folder / f"{name}.yaml").write_text(to_yaml(document), "utf-8")
        (folder / f"{name}.json").write_text(json.dumps(document, indent=2), "utf-8")
    environment = Environment(Settings.from_env(os.environ))
    for ending in ("yaml", "json"):
        first, second = folder / f"a.{ending}", folder / f"b.{ending}"
        data = first.read_bytes()
        read = best(runs, lambda data=data, ending=ending: snapshots.load(data, "x", ending))
        request = DiffRequest(baseline=str(first), target=str(second))
        whole = best(runs, lambda request=request: compare(environment, request))
        found = compare(environment, request)[0]["summary"]
        print(
            f"| {nodes} nodes, {ending}, {len(data) / 2**20:.1f} MiB | read one {read:.2f} s | "
            f"diff of two {whole:.2f} s | {found} |"
        )


def fleet(folder: pathlib.Path, nodes: int) -> None:
    """Group the files of ``nodes`` nodes in a process of its own; one node in a hundred has a GPU less."""
    from aicr_core.kit.emit import to_yaml

    for ending in ("yaml", "json"):
        place = folder / ending
        place.mkdir()
        for number in range(nodes):
            document = node(number, gpus=7 if number % 100 == 99 else 8)
            text = to_yaml(document) if ending == "yaml" else json.dumps(document, indent=2)
            (place / f"node-{number:04d}.{ending}").write_text(text, "utf-8")
        size = sum(path.stat().st_size for path in place.iterdir())
        argv = [sys.executable, __file__, "--fleet", str(place)]
        done = subprocess.run(argv, stdout=subprocess.PIPE, check=True, text=True)
        print(f"| {nodes} node files, {ending}, {size / 2**20:.0f} MiB | {done.stdout.strip()} |")


def one_fleet(place: str) -> None:
    """Report on the fleet below ``place``; print seconds and peak memory of this process."""
    from aicr_core.app.drift import shipped_rules
    from aicr_core.app.environment import Environment
    from aicr_core.app.fleet import open_fleet, report
    from aicr_core.model.settings import Settings

    environment = Environment(Settings.from_env(os.environ))
    start = time.perf_counter()
    document, _ = open_fleet(environment, [place])
    result = report(document, shipped_rules(environment).of)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{seconds:.2f} s, peak {peak:.0f} MiB, {len(result['groups'])} groups")


def main() -> None:
    """Run everything and print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--nodes", type=int, default=5000)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--fleet", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fleet:
        one_fleet(options.fleet)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        drift(folder, options.runs, options.nodes)
        fleet(folder, options.files)


if __name__ == "__main__":
    main()
