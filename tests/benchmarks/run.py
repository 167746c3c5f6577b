"""Benchmarks: whole processes against a bare interpreter, and the resolver in process.

Run with ``nox -s bench``. Every command is measured as a child process, interleaved with a bare
interpreter in the same run, and reported as minimum CPU time (user + system) and peak memory, so a
noisy machine disturbs the difference little. Prints markdown tables for docs/performance.md. These
are measurements, not tests: nothing here fails when the machine is slow.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

CRITERIA = [
    "--service", "eks", "--accelerator", "h100", "--os", "ubuntu",
    "--intent", "training", "--platform", "kubeflow",
]  # fmt: skip
AICR = str(pathlib.Path(sys.executable).parent / "aicr")


def child(argv: list[str], env: dict[str, str], cwd: str) -> tuple[float, float, int]:
    """Run ``argv``; give CPU milliseconds, wall milliseconds and peak memory in KiB."""
    with open(os.devnull, "wb") as null:
        start = time.perf_counter()
        process = subprocess.Popen(argv, stdout=null, stderr=subprocess.PIPE, env=env, cwd=cwd)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    stderr = process.stderr.read().decode() if process.stderr else ""
    if process.stderr:
        process.stderr.close()
    if process.returncode:
        raise SystemExit(f"{argv}: exit {process.returncode}\n{stderr}")
    return (usage.ru_utime + usage.ru_stime) * 1000, wall * 1000, usage.ru_maxrss


def processes(runs: int, env: dict[str, str], cwd: str) -> list[tuple[str, float, float, float]]:
    """Measure the commands of the budget; rows of (name, cpu, cpu over bare, peak MiB)."""
    counter = iter(range(10**6))
    commands: dict[str, Callable[[], list[str]]] = {
        "bare interpreter": lambda: [sys.executable, "-c", "pass"],
        "aicr --version": lambda: [AICR, "--version"],
        "aicr --help": lambda: [AICR, "--help"],
        "aicr recipe (warm)": lambda: [AICR, "recipe", *CRITERIA],
        "aicr query (warm)": lambda: [
            AICR, "query", *CRITERIA, "--selector", "components.gpu-operator.version",
        ],
        "aicr recipe explain --all": lambda: [
            AICR, "recipe", "explain", *CRITERIA, "--all", "--format", "json",
        ],
        "aicr snapshot (host)": lambda: [
            AICR, "snapshot", "--local", "--only", "host", "-o", "host.yaml",
        ],
        "aicr bundle": lambda: [AICR, "bundle", "-r", "recipe.yaml", "-o", f"b{next(counter)}"],
    }  # fmt: skip
    best: dict[str, tuple[float, int]] = {}
    for _ in range(runs):
        for name, argv in commands.items():
            cpu, _, peak = child(argv(), env, cwd)
            known = best.get(name, (1e9, 0))
            best[name] = (min(known[0], cpu), max(known[1], peak))
    bare = best["bare interpreter"][0]
    return [(name, cpu, cpu - bare, peak / 1024) for name, (cpu, peak) in best.items()]


def cold(runs: int, env: dict[str, str], cwd: str) -> float:
    """CPU milliseconds of the first ``aicr recipe`` after an install: the index is built."""
    best = 1e9
    for _ in range(runs):
        shutil.rmtree(env["XDG_CACHE_HOME"], ignore_errors=True)
        best = min(best, child([AICR, "recipe", *CRITERIA], env, cwd)[0])
    return best


def synthetic(root: pathlib.Path, plugins: int, overlays: int) -> None:
    """Write ``plugins`` data-only distributions with ``overlays`` overlays in all below ``root``."""
    each = overlays // plugins
    for number in range(plugins):
        name = f"bench-{number:03d}"
        package = f"aicr_bench_{number:03d}"
        info = root / f"aicr_{package}-1.0.dist-info"
        data = root / package / "data" / "overlays"
        info.mkdir(parents=True)
        data.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: aicr-{name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[aicr.plugins]\n{name} = {package}.hooks\n")
        (root / package / "__init__.py").write_text("")
        (root / package / "hooks.py").write_text("")
        (root / package / "aicr-plugin.toml").write_text(
            f'name = "{name}"\nsummary = "benchmark"\nhookspec = ">=1.0,<2"\nhooks = []\n'
            f'data = "data"\n[criteria.service.cloud-{number:03d}]\naliases = []\n'
        )
        for index in range(each):
            accelerator = ("h100", "a100", "gb200", "b200", "l40")[index % 5]
            intent = ("training", "inference")[index // 5 % 2]
            (data / f"o{number:03d}-{index:03d}.yaml").write_text(
                "kind: RecipeMetadata\napiVersion: aicr.nvidia.com/v1alpha1\n"
                f"metadata:\n  name: cloud-{number:03d}-{index:03d}\nspec:\n  criteria:\n"
                f"    service: cloud-{number:03d}\n    accelerator: {accelerator}\n"
                f"    intent: {intent}\n    nodes: {index}\n  constraints:\n"
                '  - name: K8s.server.version\n    value: ">= 1.30"\n  componentRefs:\n'
                "  - name: gpu-operator\n    type: Helm\n    overrides:\n"
                f"      driver:\n        rdma:\n          enabled: true\n        index: {index}\n"
            )


def main() -> None:
    """Run everything and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--overlays", type=int, default=10_000)
    parser.add_argument("--plugins", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        env = {"PATH": os.environ["PATH"], "HOME": folder, "XDG_CACHE_HOME": f"{folder}/cache"}
        child([AICR, "recipe", *CRITERIA, "-o", "recipe.yaml"], env, folder)
        print("| process | CPU ms (minimum) | over bare | peak MiB |\n|---|---|---|---|")
        rows = processes(options.runs, env, folder)
        for name, cpu, over, peak in rows:
            print(f"| {name} | {cpu:.1f} | {over:+.1f} | {peak:.1f} |")
        bare = rows[0][1]
        print(
            f"| aicr recipe (index built) | {cold(3, env, folder):.1f} | "
            f"{cold(3, env, folder) - bare:+.1f} | |"
        )
        child([AICR, "recipe", *CRITERIA], env, folder)
        warm = min(child([AICR, "recipe", *CRITERIA], env, folder)[0] for _ in range(options.runs))
        site = pathlib.Path(folder, "site")
        synthetic(site, options.plugins, options.overlays)
        large = dict(env, PYTHONPATH=str(site), XDG_CACHE_HOME=f"{folder}/large")
        first = child([AICR, "recipe", *CRITERIA], large, folder)
        again = min(
            child([AICR, "recipe", *CRITERIA], large, folder)[0] for _ in range(options.runs)
        )
        print(
            f"\n{options.overlays} overlays over {options.plugins} further plugins: index build "
            f"{first[1] / 1000:.1f} s wall; warm recipe {again:.1f} ms CPU, "
            f"{again / warm:.2f} of the shipped catalogue's {warm:.1f} ms"
        )
    resolution()


def resolution() -> None:
    """Distinct criteria resolved per second in one process."""
    from itertools import product

    from aicr_core.app.environment import Environment
    from aicr_core.engine.recipes import resolve
    from aicr_core.model.settings import Settings

    catalogue = Environment(Settings.from_env(os.environ)).catalogue()
    names = ("service", "accelerator", "intent", "os", "platform")
    values = catalogue.criteria_values()
    grid = list(product(*[["any", *(v for v in values[name] if v != "any")] for name in names]))
    queries = [
        {n: v for n, v in zip(names, row, strict=True) if v != "any"} | {"nodes": nodes}
        for nodes in (1, 2, 3)
        for row in grid
    ]
    start = time.process_time()
    for query in queries:
        resolve(catalogue, query, allow_partial=True, tool_version="bench")
    seconds = time.process_time() - start
    print(
        f"\n{len(queries)} distinct criteria resolved in {seconds:.2f} s CPU: "
        f"{len(queries) / seconds:,.0f} a second on one core"
    )


if __name__ == "__main__":
    main()
