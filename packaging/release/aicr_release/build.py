"""Build every distribution of a commit twice, under conditions as different as one machine allows.

What the conditions vary is what has made builds differ elsewhere: the folder, permissions, order and times of the
files, time zone, locale, hash seed and home. What is the same for both: the interpreter with its zlib, the build
backend's version and ``SOURCE_DATE_EPOCH``, the time of the commit.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import compare, source
from .failure import Kind, ReleaseError

if TYPE_CHECKING:
    import pathlib


@dataclass(frozen=True)
class Conditions:
    """Everything around a build that must not show in what it makes."""

    folder: str
    umask: int
    zone: str
    locale: str
    seed: str
    reverse: bool


CONDITIONS = (
    Conditions("a", 0o022, "UTC", "C", "0", reverse=False),
    Conditions("another-place/b", 0o077, "Pacific/Kiritimati", "tr_TR.UTF-8", "4242", reverse=True),
)


def build(
    root: pathlib.Path, commit: source.Source, work: pathlib.Path
) -> tuple[pathlib.Path, dict[str, str]]:
    """Build both copies side by side under ``work``.

    Gives the folder with the wheels and sdists of the first build, and their digests, once both are the same.
    ReleaseError: the tag is not the version, a build failed, or the two differ.
    """
    with ThreadPoolExecutor(len(CONDITIONS)) as pool:
        outputs = list(pool.map(lambda c: _once(root, commit, work / c.folder, c), CONDITIONS))
    return outputs[0], compare.same(*outputs)


def _once(
    root: pathlib.Path, commit: source.Source, place: pathlib.Path, conditions: Conditions
) -> pathlib.Path:
    tree, output = place / "tree", place / "out"
    for folder in (tree, output, place / "home", place / "tmp"):
        folder.mkdir(parents=True)
    source.export(root, commit.commit, tree, conditions.umask, conditions.reverse)
    found = source.projects(tree)
    source.check_tag(commit.ref, found)
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(place / "home"),
        "TMPDIR": str(place / "tmp"),
        "SOURCE_DATE_EPOCH": str(commit.epoch),
        "TZ": conditions.zone,
        "LC_ALL": conditions.locale,
        "PYTHONHASHSEED": conditions.seed,
    }
    # The wheel is built from the sdist, so each release also shows that its sdists can be built.
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(output)]
    for project in found:
        result = subprocess.run(
            [*command, str(tree / project.folder)],
            cwd=place / "tmp", env=env, umask=conditions.umask, capture_output=True, text=True,
        )  # fmt: skip
        if result.returncode:
            last = (result.stderr.strip() or result.stdout.strip() or "no output").splitlines()[-1]
            raise ReleaseError(
                Kind.INVALID, f"cannot be built: {last}", where=project.folder,
                hint=f"'python -m build {project.folder}' shows all of it",
            )  # fmt: skip
    return output
