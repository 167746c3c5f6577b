"""Are two builds the same bytes, and if not: which file, and which of its members, differs first?"""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from typing import TYPE_CHECKING

from .checksums import digest
from .failure import Kind, ReleaseError

if TYPE_CHECKING:
    import pathlib

Members = dict[str, tuple[object, ...]]


def same(first: pathlib.Path, second: pathlib.Path) -> dict[str, str]:
    """Give name -> digest of two folders that hold the same files; ReleaseError names the first that differs."""
    names, others = ({path.name for path in folder.iterdir()} for folder in (first, second))
    for name in sorted(names ^ others):
        folder = first if name in names else second
        raise ReleaseError(Kind.DIFFERS, f"made by one build only ({folder})", where=name)
    sums = {}
    for name in sorted(names):
        sums[name] = digest(first / name)
        if sums[name] != digest(second / name):
            raise ReleaseError(
                Kind.DIFFERS,
                f"two builds differ: {_difference(first / name, second / name)}",
                where=name,
                hint="find what of its input is not the commit: clock, permissions, order, locale",
            )
    return sums


def _difference(first: pathlib.Path, second: pathlib.Path) -> str:
    """Say what differs inside two archives."""
    a, b = _members(first), _members(second)
    for name in sorted(a.keys() ^ b.keys()):
        return f"{name} is in one only"
    for name in a:
        for what, x, y in zip(
            ("contents", "permissions", "time", "owner"), a[name], b[name], strict=True
        ):
            if x != y:
                detail = "" if what == "contents" else f" ({x} and {y})"
                return f"{what} of {name}{detail}"
    return "order of members" if list(a) != list(b) else "packing of the same members"


def _members(path: pathlib.Path) -> Members:
    """Give member -> contents, permissions, time, owner; nothing for what is no archive."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return {
                i.filename: (_sha(archive.read(i)), oct(i.external_attr >> 16), i.date_time, "")
                for i in archive.infolist()
            }
    if tarfile.is_tarfile(path):
        with tarfile.open(path) as tar:
            found: Members = {}
            for m in tar:
                file = tar.extractfile(m) if m.isfile() else None
                owner = f"{m.uid}:{m.gid} {m.uname}:{m.gname}"
                found[m.name] = (_sha(file.read() if file else b""), oct(m.mode), m.mtime, owner)
            return found
    return {}


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
