"""A bundle as a zip archive: sorted, with fixed times, so that the same bundle gives the same bytes (D16)."""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_server import zipfiles
from aicr_server.zipfiles import Entry

if TYPE_CHECKING:
    from aicr_core.api import Bundle


class Archive(NamedTuple):
    """The archive, its validator, how many files are in it, what they measure unpacked, and notes for the user."""

    data: bytes
    etag: str
    files: int
    size: int
    notes: tuple[str, ...]
    title: str


def of(bundle: Bundle) -> Archive:
    """Give the archive of a bundle: entries in name order, folders as entries of their own, Unix modes kept."""
    entries = {file.path: file for file in bundle.files}
    folders = {
        "/".join(parts[:depth]) + "/"
        for parts in (path.split("/") for path in entries)
        for depth in range(1, len(parts))
    }
    # A folder stands before what is in it: its name, without the slash at the end, is a prefix of theirs.
    names = sorted([*entries, *folders], key=lambda name: name.rstrip("/").split("/"))
    data = zipfiles.write(
        Entry(name) if name in folders else Entry(name, entries[name].data, entries[name].mode)
        for name in names
    )
    size = sum(len(file.data) for file in bundle.files)
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    return Archive(data, etag, len(bundle.files), size, bundle.notes, bundle.title)


def listing(archive: Archive) -> dict[str, Any]:
    """Give what is in an archive: path, mode, size and digest of each file, and what its user should know (B-29)."""
    files = []
    with zipfile.ZipFile(io.BytesIO(archive.data)) as opened:
        for info in opened.infolist():
            if not info.is_dir():
                data = opened.read(info)
                mode = f"{info.external_attr >> 16 & 0o7777:04o}"
                digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
                row = {"path": info.filename, "mode": mode, "size": len(data), "digest": digest}
                files.append(row)
    return {
        "deployer": archive.title, "files": files, "size": archive.size,
        "archive": {"size": len(archive.data), "etag": archive.etag.strip('"')},
        "notes": list(archive.notes),
    }  # fmt: skip
