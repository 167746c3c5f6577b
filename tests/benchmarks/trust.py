"""Benchmark of ``aicr verify`` and ``aicr bundle --attest``: whole processes, wall time, against ``sha256sum -c``.

Two bundles: one as it is written (small files), and one of 200 MiB. The runs of the two programs are interleaved; the
least of each counts. ``python tests/benchmarks/trust.py`` prints rows of docs/performance.md. A measurement, not a test.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile
import time

AICR = str(pathlib.Path(sys.executable).parent / "aicr")
RUNS = 7
FILES, SIZE = 25, 8 * 1024 * 1024


def _seconds(words: list[str], cwd: pathlib.Path) -> float:
    start = time.perf_counter()
    subprocess.run(words, cwd=cwd, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def _row(title: str, folder: pathlib.Path, bundle: str, *options: str) -> None:
    ours, theirs = [], []
    for _ in range(RUNS):
        theirs.append(_seconds(["sha256sum", "-c", "--quiet", "checksums.txt"], folder / bundle))
        ours.append(_seconds([AICR, "verify", bundle, *options], folder))
    print(f"| {title} | {min(ours):.2f} s | {min(theirs):.2f} s | {min(ours) / min(theirs):.2f} |")


def _large(folder: pathlib.Path) -> None:
    """Write a bundle of many large files, without an inventory: what another tool could have made."""
    (folder / "large").mkdir()
    for number in range(FILES):
        (folder / "large" / f"chart-{number:02}.tgz").write_bytes(os.urandom(SIZE))
    lines = subprocess.run(
        ["bash", "-c", "sha256sum *.tgz"], cwd=folder / "large", capture_output=True, check=True
    ).stdout
    (folder / "large/checksums.txt").write_bytes(lines)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        _large(folder)
        criteria = [
            "--service",
            "eks",
            "--accelerator",
            "h100",
            "--os",
            "ubuntu",
            "--intent",
            "training",
        ]
        subprocess.run([AICR, "recipe", *criteria, "-o", "r.yaml"], cwd=folder, check=True)
        subprocess.run(
            [AICR, "key", "generate", "-o", "k"], cwd=folder, check=True, capture_output=True
        )
        bundle = [AICR, "bundle", "-r", "r.yaml", "-o"]
        plain = min(_seconds([*bundle, "small"], folder) for _ in range(RUNS))
        signing = [*bundle, "signed", "--attest", "--signing-key", "k"]
        signed = min(_seconds(signing, folder) for _ in range(RUNS))
        print("| `aicr verify` | wall | `sha256sum -c` | times |\n|---|---|---|---|")
        _row(f"{FILES * SIZE // 2**20} MiB in {FILES} files", folder, "large")
        _row("a shipped recipe's bundle", folder, "small")
        _row("the same, signed with a key", folder, "signed", "--key", "k.pub")
        print(f"\n`aicr bundle` {plain:.2f} s, with `--attest` and a key {signed:.2f} s")


if __name__ == "__main__":
    main()
