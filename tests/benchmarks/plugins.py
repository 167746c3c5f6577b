"""What plugins cost: the start of a worker, a call into one that is there, and many that do nothing.

    python tests/benchmarks/plugins.py workers [--rounds 20]
    python tests/benchmarks/plugins.py many [--rounds 10] [--plugins 200]

Sections are subcommands, so that each has its own options.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from distributions import distribution

HOOKS = """
from aicr_core import api
@api.hookimpl
def aicr_collectors(settings):
    yield api.Collector(name="bench", produces="Bench", call=lambda ctx: api.Measurement(type="Bench"))
"""


def workers(rounds: int) -> None:
    """Print wall and CPU time of a worker from nothing to its first answer, and of a call into a warm one."""
    from aicr_core.app.environment import Environment
    from aicr_core.kit.context import Context
    from aicr_core.model.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        site = pathlib.Path(folder, "site")
        site.mkdir()
        manifest = 'name = "bench"\nhooks = ["aicr_collectors"]\nisolation = "process"\n'
        distribution(site, "bench", manifest, HOOKS)
        sys.path.insert(0, str(site))
        os.environ["AICR_INDEX_DIR"] = f"{folder}/index"
        made = Environment(Settings.from_env(os.environ))
        row = made.index.row("bench")
        assert row is not None
        starts, spent, calls = [], [], []
        from aicr_core.plugins.remote import RemotePlugin

        for _ in range(rounds):
            remote = RemotePlugin(row, made.settings, print)
            before = _children()
            begin = time.perf_counter()
            (provider,) = remote.hook("aicr_collectors", {"settings": made.settings})
            starts.append((time.perf_counter() - begin) * 1e3)
            provider.call(Context())
            begin = time.perf_counter()
            provider.call(Context())
            calls.append((time.perf_counter() - begin) * 1e3)
            remote.close()
            spent.append((_children() - before) * 1e3)
    for name, values in (("start, wall", starts), ("start, CPU", spent), ("call, wall", calls)):
        print(f"{name:12} min {min(values):7.2f} ms  median {statistics.median(values):7.2f} ms")


NOOP = "noop000"
"""What the name of the built wheel's plugin is; each copy has another number."""
PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "aicr-noop000"
version = "1.0"
[project.entry-points."aicr.plugins"]
noop000 = "aicr_noop000.hooks"
"""
LISTED = """
from aicr_core.api import hookimpl
@hookimpl
def aicr_deployers():
    return ()
"""


def many(rounds: int, number: int) -> None:
    """Print what ``number`` installed no-op plugins add to `aicr recipe`, with the index warm and built anew.

    One wheel is built, unpacked that many times under other names: real dist-info folders, as pip leaves them. Without
    hooks, and with one in the manifest that `recipe` does not call.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        sites: dict[str, pathlib.Path | None] = {"none": None}
        for label, hooks in (("without hooks", ""), ("with a hook", LISTED)):
            wheel = _wheel(root / label.replace(" ", "-"), hooks)
            site = sites[label] = root / f"site-{len(sites)}"
            for copy in range(number):
                _unpack(wheel, site, f"noop{copy:03}")
        best: dict[tuple[str, str], list[float]] = {}
        for _ in range(rounds):
            for label, path in sites.items():
                for state in ("first run", "warm"):
                    cache = root / f"cache-{label.replace(' ', '-')}"
                    if state == "first run":
                        shutil.rmtree(cache, ignore_errors=True)
                    spent = _recipe(root, cache, path)
                    known = best.setdefault((label, state), spent)
                    best[label, state] = [min(pair) for pair in zip(known, spent, strict=True)]
    print(f"{number} plugins, `aicr recipe --intent training`, minimum of {rounds}")
    for (label, state), (cpu, wall) in sorted(best.items(), key=lambda item: item[0][1]):
        over = [a - b for a, b in zip((cpu, wall), best["none", state], strict=True)]
        print(
            f"{state:9}  {label:14} CPU {cpu:7.1f} ms (+{over[0]:6.1f})  wall {wall:7.1f} ms (+{over[1]:6.1f})"
        )


def _wheel(source: pathlib.Path, hooks: str) -> pathlib.Path:
    package = source / f"aicr_{NOOP}"
    package.mkdir(parents=True)
    (source / "pyproject.toml").write_text(PROJECT)
    (package / "__init__.py").write_text("")
    (package / "hooks.py").write_text(hooks)
    listed = '["aicr_deployers"]' if hooks else "[]"
    (package / "aicr-plugin.toml").write_text(
        f'name = "{NOOP}"\nsummary = "nothing"\nhookspec = ">=1.0,<2"\nhooks = {listed}\npermissions = []\n'
    )
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "-w", source / "dist", source], check=True)
    (wheel,) = (source / "dist").glob("*.whl")
    return wheel


def _unpack(wheel: pathlib.Path, site: pathlib.Path, name: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for item in archive.namelist():
            target = site / item.replace(NOOP, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(item).replace(NOOP.encode(), name.encode()))


def _recipe(home: pathlib.Path, cache: pathlib.Path, site: pathlib.Path | None) -> list[float]:
    aicr = pathlib.Path(sys.executable).parent / "aicr"
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_CACHE_HOME": str(cache)}
    if site is not None:
        env["PYTHONPATH"] = str(site)
    before, start = _children(), time.perf_counter()
    line = [aicr, "recipe", "--intent", "training", "--allow-partial", "-o", os.devnull]
    subprocess.run(line, env=env, check=True, stderr=subprocess.DEVNULL)
    wall = time.perf_counter() - start
    return [(_children() - before) * 1e3, wall * 1e3]


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Run one section."""
    parser = argparse.ArgumentParser(description=__doc__)
    sections = parser.add_subparsers(dest="section", required=True)
    section = sections.add_parser("workers", help="start of a worker, call into one")
    section.add_argument("--rounds", type=int, default=20)
    section = sections.add_parser("many", help="what many plugins that do nothing add to a recipe")
    section.add_argument("--rounds", type=int, default=10)
    section.add_argument("--plugins", type=int, default=200)
    given = parser.parse_args()
    if given.section == "workers":
        workers(given.rounds)
    if given.section == "many":
        many(given.rounds, given.plugins)


if __name__ == "__main__":
    main()
