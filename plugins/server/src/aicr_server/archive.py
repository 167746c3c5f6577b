"""A bundle as a zip archive: sorted, with fixed times, so that the same bundle gives the same bytes (D16).

A bundle of usual size, which has a tenth of a megabyte, is compressed at once: it can be kept, and its length told. A
large one is compressed file by file while it is sent, so what it takes is its files and no archive beside them.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_server import zipfiles
from aicr_server.zipfiles import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aicr_core.api import Bundle

LARGE = 512 * 1024
"""Bytes of the files of a bundle beyond which its archive is made while it is sent."""
_BATCH = 64 * 1024


class Archive(NamedTuple):
    """The archive, or its entries where it is large; its validator, what its files measure, notes for the user."""

    data: bytes
    entries: tuple[Entry, ...]
    etag: str
    files: int
    size: int
    notes: tuple[str, ...]
    title: str

    def batches(self) -> Iterator[bytes]:
        """Give a large archive in parts of 64 KiB and more, each made when it is asked for."""
        waiting: list[bytes] = []
        size = 0
        for piece in zipfiles.pieces(self.entries):
            waiting.append(piece)
            size += len(piece)
            if size >= _BATCH:
                yield b"".join(waiting)
                waiting, size = [], 0
        if waiting:
            yield b"".join(waiting)


def of(bundle: Bundle) -> Archive:
    """Give the archive of a bundle: entries in name order, folders as entries of their own, Unix modes kept.

    Raises AicrError for more files than an archive counts.
    """
    files = {file.path: file for file in bundle.files}
    folders = {
        "/".join(parts[:depth]) + "/"
        for parts in (path.split("/") for path in files)
        for depth in range(1, len(parts))
    }
    # A folder stands before what is in it: its name, without the slash at the end, is a prefix of theirs.
    names = sorted([*files, *folders], key=lambda name: name.rstrip("/").split("/"))
    entries = tuple(
        Entry(name) if name in folders else Entry(name, files[name].data, files[name].mode)
        for name in names
    )
    size = sum(len(file.data) for file in bundle.files)
    is_large = size > LARGE
    zipfiles.check(entries)
    data = b"" if is_large else zipfiles.write(entries)
    return Archive(
        data, entries if is_large else (), _etag(entries), len(files), size, bundle.notes, bundle.title
    )  # fmt: skip


def _etag(entries: Sequence[Entry]) -> str:
    """Give a strong validator: archives of one are the same bytes, and nothing is compressed to know it."""
    digest = hashlib.sha256(zipfiles.FORMAT.encode())
    for entry in entries:
        name = entry.path.encode("utf-8")
        digest.update(b"%d %d %o\n" % (len(name), len(entry.data), entry.mode))
        digest.update(name)
        digest.update(entry.data)
    return f'"{digest.hexdigest()[:32]}"'


def listing(archive: Archive) -> dict[str, Any]:
    """Give what is in an archive: path, mode, size and digest of each file, and what its user should know (B-29)."""
    files = [
        {
            "path": entry.path, "mode": f"{entry.mode:04o}", "size": len(entry.data),
            "digest": f"sha256:{hashlib.sha256(entry.data).hexdigest()}",
        }
        for entry in archive.entries or zipfiles.read(archive.data)
        if not entry.path.endswith("/")
    ]  # fmt: skip
    length = len(archive.data) or sum(map(len, archive.batches()))
    return {
        "deployer": archive.title, "files": files, "size": archive.size,
        "archive": {"size": length, "etag": archive.etag.strip('"')},
        "notes": list(archive.notes),
    }  # fmt: skip
