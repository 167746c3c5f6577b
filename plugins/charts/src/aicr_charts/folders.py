"""Charts in folders that the user gives: packages ``NAME-VERSION.tgz``, and charts as folders.

A version matches with or without its leading ``v``. A folder is packaged in memory, without what its ``.helmignore``
leaves out.
"""

from __future__ import annotations

import fnmatch
import os
from typing import TYPE_CHECKING

from aicr_charts.archive import CHART, MAX_PACKED, MAX_UNPACKED, chart_yaml, packaged, write_archive
from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aicr_core.api import ChartWanted, PackagedChart


def same_version(one: str, other: str) -> bool:
    """Tell whether two versions are the same one, with or without a leading ``v``."""
    return one.removeprefix("v") == other.removeprefix("v")


def find_in_folders(folders: Sequence[str], wanted: ChartWanted) -> PackagedChart | None:
    """Give the chart from the first folder that has it, None when none has.

    Raises AicrError: NOT_FOUND for a folder that is not there, INVALID_REQUEST for a package that is none, or that
    is another chart than its name says.
    """
    for folder in folders:
        if not os.path.isdir(folder):
            raise AicrError(
                Code.NOT_FOUND, "the folder of charts is not there", where=folder,
                hint="give a folder with NAME-VERSION.tgz files: --charts DIR",
            )  # fmt: skip
        for found in (_package(folder, wanted), _unpacked(folder, wanted)):
            if found is not None:
                return found
    return None


def _package(folder: str, wanted: ChartWanted) -> PackagedChart | None:
    plain = wanted.version.removeprefix("v")
    for version in (wanted.version, plain, f"v{plain}"):
        path = os.path.join(folder, f"{wanted.name}-{version}.tgz")
        if os.path.isfile(path):
            found = packaged(_read(path), path)
            if found.name != wanted.name or not same_version(found.version, wanted.version):
                raise AicrError(
                    Code.INVALID_REQUEST,
                    f"the file holds the chart {found.name} {found.version}", where=path,
                    hint="give the package the name NAME-VERSION.tgz of the chart in it",
                )  # fmt: skip
            return found
    return None


def _unpacked(folder: str, wanted: ChartWanted) -> PackagedChart | None:
    for root in (folder, os.path.join(folder, wanted.name), *_versioned(folder, wanted)):
        manifest = os.path.join(root, CHART)
        if not os.path.isfile(manifest):
            continue
        facts = chart_yaml({CHART: _read(manifest)}, root)
        if facts["name"] == wanted.name and same_version(facts["version"], wanted.version):
            return packaged(write_archive(wanted.name, folder_files(root)), root)
    return None


def _versioned(folder: str, wanted: ChartWanted) -> Iterator[str]:
    plain = wanted.version.removeprefix("v")
    for version in (plain, f"v{plain}"):
        yield os.path.join(folder, f"{wanted.name}-{version}")


def folder_files(root: str) -> dict[str, bytes]:
    """Give the files of a chart's folder, links to files in it followed, less what ``.helmignore`` says.

    Raises AicrError(INVALID_REQUEST) for a link that leads out: a chart of somebody else's would pack our files.
    """
    real = os.path.realpath(root)
    ignored = _rules(root)
    files: dict[str, bytes] = {}
    left = MAX_UNPACKED
    for place, folders, names in os.walk(root):
        base = os.path.relpath(place, root)
        prefix = "" if base == "." else f"{base}/"
        folders[:] = sorted(n for n in folders if not ignored(f"{prefix}{n}", True))
        for name in sorted(names):
            path = os.path.join(place, name)
            if os.path.isfile(path) and not ignored(f"{prefix}{name}", False):
                if not os.path.realpath(path).startswith(f"{real.rstrip(os.sep)}{os.sep}"):
                    raise AicrError(
                        Code.INVALID_REQUEST, "the link leads out of the chart", where=path,
                        hint="put the file in its place",
                    )  # fmt: skip
                files[f"{prefix}{name}"] = _read(path)
                left -= len(files[f"{prefix}{name}"])
                if left < 0:
                    raise AicrError(
                        Code.INVALID_REQUEST,
                        f"the chart is over {MAX_UNPACKED >> 20} MiB",
                        where=root,
                    )
    return files


class _Ignored:
    """The rules of ``.helmignore``: patterns of names, or of paths from the root; ``/`` ends those of folders."""

    def __init__(self, text: str) -> None:
        lines = (line.strip() for line in text.splitlines())
        self._rules = [line for line in lines if line and not line.startswith("#")]

    def __call__(self, path: str, folder: bool) -> bool:
        verdict = False
        for rule in self._rules:
            negated, pattern = rule.startswith("!"), rule.removeprefix("!")
            if pattern.endswith("/") and not folder:
                continue
            pattern = pattern.rstrip("/")
            whole = "/" in pattern
            subject = path if whole else path.rpartition("/")[2]
            if fnmatch.fnmatchcase(subject, pattern.lstrip("/")):
                verdict = not negated
        return verdict


def _rules(root: str) -> _Ignored:
    path = os.path.join(root, ".helmignore")
    return _Ignored(_read(path).decode("utf-8", "replace") if os.path.isfile(path) else "")


def _read(path: str) -> bytes:
    try:
        if os.path.getsize(path) > MAX_PACKED:
            raise AicrError(
                Code.INVALID_REQUEST, f"the file is over {MAX_PACKED >> 20} MiB", where=path
            )
        with open(path, "rb") as stream:
            return stream.read()
    except OSError as error:
        code = Code.UNAUTHORIZED if isinstance(error, PermissionError) else Code.NOT_FOUND
        raise AicrError(code, f"cannot read: {error.strerror or error}", where=path) from None
