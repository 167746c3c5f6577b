"""Recorded runs of ``aicr``: a folder a case, with the arguments, what was written, and how it ended.

``golden/CASE/arguments`` has one argument a line; ``{case}`` stands for the case's folder, where inputs may lie.
``expected/`` holds ``status``, ``stdout`` and ``tree/``, the files the command wrote into its working folder.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from typing import NamedTuple

LIMIT = 120.0


class Case(NamedTuple):
    """One recorded run."""

    name: str
    folder: pathlib.Path

    @property
    def expected(self) -> pathlib.Path:
        """Where the recorded results are."""
        return self.folder / "expected"


def cases(folder: pathlib.Path) -> list[Case]:
    """Give the cases below a folder, by name; none when there is no such folder."""
    return [Case(path.parent.name, path.parent) for path in sorted(folder.glob("*/arguments"))]


def compare(case: Case) -> list[str]:
    """Run a case and give how it differs from what was recorded."""
    with tempfile.TemporaryDirectory(prefix="aicr-golden-") as place:
        made = _run(case, pathlib.Path(place))
        if not case.expected.is_dir():
            return ["nothing is recorded yet"]
        return differences(made, files(case.expected))


def record(case: Case) -> None:
    """Run a case and keep what comes out, in place of what was recorded."""
    with tempfile.TemporaryDirectory(prefix="aicr-golden-") as place:
        write(case.expected, _run(case, pathlib.Path(place)))


def files(folder: pathlib.Path) -> dict[str, bytes]:
    """Give the files below a folder by relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write(folder: pathlib.Path, tree: dict[str, bytes]) -> None:
    """Let a folder hold exactly these files."""
    shutil.rmtree(folder, ignore_errors=True)
    for path, data in tree.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


def differences(made: dict[str, bytes], expected: dict[str, bytes]) -> list[str]:
    """Give in words how two trees differ, one line a file."""
    found = []
    for path in sorted({*made, *expected}):
        if path not in made:
            found.append(f"{path} is missing")
        elif path not in expected:
            found.append(f"{path} is new")
        elif made[path] != expected[path]:
            found.append(f"{path} differs{_line(made[path], expected[path])}")
    return found


def _line(made: bytes, expected: bytes) -> str:
    old, new = (data.decode("utf-8", "replace").splitlines() for data in (expected, made))
    for number, (left, right) in enumerate(zip(old, new, strict=False), 1):
        if left != right:
            return f" in line {number}: {right.strip()[:60]!r} instead of {left.strip()[:60]!r}"
    return " in its length"


def _run(case: Case, place: pathlib.Path) -> dict[str, bytes]:
    text = (case.folder / "arguments").read_text("utf-8")
    arguments = [
        line.replace("{case}", str(case.folder.resolve())) for line in text.splitlines() if line
    ]
    for part in ("home", "work"):
        (place / part).mkdir()
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(place / "home"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONSAFEPATH": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "aicr_core", *arguments],
        cwd=place / "work",
        env=environment,
        timeout=LIMIT,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    tree = {f"tree/{path}": data for path, data in files(place / "work").items()}
    return {"status": f"{done.returncode}\n".encode(), "stdout": done.stdout, **tree}
