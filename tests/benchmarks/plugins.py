"""What plugins cost: the start of a worker, and a call into one that is there.

    python tests/benchmarks/plugins.py workers [--rounds 20]

Sections are subcommands, so that each has its own options.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import resource
import statistics
import sys
import tempfile
import time

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


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Run one section."""
    parser = argparse.ArgumentParser(description=__doc__)
    sections = parser.add_subparsers(dest="section", required=True)
    section = sections.add_parser("workers", help="start of a worker, call into one")
    section.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    if given.section == "workers":
        workers(given.rounds)


if __name__ == "__main__":
    main()
