"""What is released: one commit of the repository, and the distributions in its tree.

Only what is committed is built. A copy is made with ``git archive`` and written out file by file, because how it is
written (permissions, order, times) is what the two builds of a release differ in.
"""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .failure import Kind, ReleaseError

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping


@dataclass(frozen=True)
class Source:
    """A commit: its id, its time, the ref it is released as, and the repository's public address or ''."""

    commit: str
    epoch: int
    ref: str
    repository: str


@dataclass(frozen=True)
class Project:
    """A distribution in a tree: its folder relative to the root, its name and version."""

    folder: str
    name: str
    version: str


def _git(root: pathlib.Path, *arguments: str) -> bytes:
    try:
        result = subprocess.run(["git", "-C", root, *arguments], capture_output=True)
    except FileNotFoundError:
        raise ReleaseError(Kind.TOOL, "git is not installed", hint="install git") from None
    if result.returncode:
        raise ReleaseError(
            Kind.INVALID, result.stderr.decode("utf-8", "replace"), where=f"git {arguments[0]}"
        )
    return result.stdout


def read(root: pathlib.Path, environ: Mapping[str, str]) -> Source:
    """Describe HEAD. ``AICR_RELEASE_REF`` and ``AICR_RELEASE_REPOSITORY`` say what git here cannot know."""
    commit = _git(root, "rev-parse", "--verify", "HEAD").decode().strip()
    epoch = int(_git(root, "show", "-s", "--format=%ct", commit))
    ref = environ.get("AICR_RELEASE_REF") or _ref(root) or commit
    return Source(commit, epoch, ref, environ.get("AICR_RELEASE_REPOSITORY", ""))


def _ref(root: pathlib.Path) -> str:
    """Give the tag of HEAD, else its branch, else ''."""
    tags = _git(root, "tag", "--points-at", "HEAD", "--list", "v*").decode().split()
    if tags:
        return f"refs/tags/{sorted(tags)[-1]}"
    head = _git(root, "rev-parse", "--symbolic-full-name", "HEAD").decode().strip()
    return "" if head == "HEAD" else head


def changed(root: pathlib.Path) -> list[str]:
    """Give the tracked files that differ from HEAD: their changes are not in the release."""
    status = _git(root, "status", "--porcelain", "--untracked-files=no").decode("utf-8", "replace")
    return [line[3:] for line in status.splitlines()]


def export(
    root: pathlib.Path, commit: str, target: pathlib.Path, umask: int, reverse: bool
) -> None:
    """Write the tree of a commit to ``target``, with this umask and in this order; times are now."""
    archive = _git(root, "archive", "--format=tar", commit)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        members = sorted(tar, key=lambda m: m.name, reverse=reverse)
        for member in members:
            if member.isdir():
                continue
            if not member.isfile():
                raise ReleaseError(
                    Kind.INVALID, "is a link; a release is made of files", where=member.name
                )
            path = target / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            content = tar.extractfile(member)
            assert content is not None
            path.write_bytes(content.read())
            path.chmod((0o777 if member.mode & 0o100 else 0o666) & ~umask)
    # Folders were made with the umask of this process, which threads share.
    for folder, _, _ in os.walk(target):
        os.chmod(folder, 0o777 & ~umask)


def projects(tree: pathlib.Path) -> list[Project]:
    """Find the distributions of a tree, the core first; ReleaseError when there is none."""
    files = [tree / "pyproject.toml", tree / "recipes" / "pyproject.toml"]
    files += sorted(tree.glob("plugins/*/pyproject.toml"))
    found = []
    for file in filter(os.path.isfile, files):
        project = tomllib.loads(file.read_text("utf-8")).get("project")
        if project is not None:
            folder = file.parent.relative_to(tree).as_posix()
            found.append(Project(folder, project["name"], project["version"]))
    if not found:
        raise ReleaseError(Kind.INVALID, "the commit holds no distribution", where=str(tree))
    return found


def check_tag(ref: str, found: list[Project]) -> None:
    """Refuse a tag ``vX`` that is not the version of every distribution."""
    if not ref.startswith("refs/tags/v"):
        return
    version = ref.removeprefix("refs/tags/v")
    for project in found:
        if project.version != version:
            raise ReleaseError(
                Kind.INVALID,
                f"version {project.version} of {project.name} is not that of the tag v{version}",
                where=f"{project.folder}/pyproject.toml",
                hint="all distributions are released with one version",
            )
