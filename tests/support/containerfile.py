"""What the tests of both container images share: reading a Containerfile, and building its wheels without an engine.

No tests in here.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
Instruction = tuple[str, str]


def instructions(file: pathlib.Path) -> list[Instruction]:
    """Give (word, rest) of each instruction, continued lines joined, comments dropped."""
    lines = [
        line for line in file.read_text("utf-8").splitlines() if not line.lstrip().startswith("#")
    ]
    text = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]  # type: ignore[misc]


def stages(file: pathlib.Path) -> list[list[Instruction]]:
    """Give the instructions of each stage, ``FROM`` first."""
    found: list[list[Instruction]] = []
    for word, rest in instructions(file):
        if word == "FROM":
            found.append([])
        if found:
            found[-1].append((word, rest))
    return found


def of(stage: list[Instruction], word: str) -> list[str]:
    """Give what follows ``word`` wherever it stands in a stage."""
    return [rest for name, rest in stage if name == word]


def unpinned(file: pathlib.Path, packages: tuple[str, ...]) -> list[str]:
    """Give installs without the pins, and what the packages need that has no pin."""
    runs = of(stages(file)[0], "RUN")
    installs = [
        part for run in runs for part in run.split("&&") if re.search(r"\bpip\b.* install ", part)
    ]
    found = [part for part in installs if "-c constraints.txt" not in part]
    pins = (ROOT / "constraints.txt").read_text("utf-8").lower()
    for package in packages:
        project = tomllib.loads((ROOT / package / "pyproject.toml").read_text("utf-8"))
        wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
        for dependency in wanted:
            name = re.split(r"[<>=!~\[; ]", dependency)[0].lower()
            pinned = re.search(rf"^{re.escape(name)}==", pins, re.MULTILINE)
            if not name.startswith("aicr-") and pinned is None:
                found.append(name)
    return found


def wheels(file: pathlib.Path, folder: pathlib.Path) -> dict[str, str]:
    """Copy what the file copies into ``folder`` and run its command for the wheels there; give their digests."""
    build = stages(file)[0]
    source, target = folder / "source", folder / "wheels"
    for rest in of(build, "COPY"):
        for name in rest.split()[:-1]:
            place = source / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "tests")
                shutil.copytree(ROOT / name, place, ignore=ignored)
            else:
                shutil.copy(ROOT / name, place)
    (loop,) = [run for run in of(build, "RUN") if run.startswith("for package in")]
    programs = pathlib.Path(sys.executable).parent
    env = {
        **os.environ,
        "SOURCE_DATE_EPOCH": "1700000000",
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
    }
    command = loop.replace("/wheels", str(target))
    done = subprocess.run(
        ["sh", "-c", command], cwd=source, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in target.iterdir()}
