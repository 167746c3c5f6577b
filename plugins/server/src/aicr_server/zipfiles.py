"""Zip archives that are a function of their entries: no time, no machine, the same bytes for the same files.

The standard library writes them too, and compresses every file anew: most files of two bundles are the same (scripts,
values that nobody overrides), so what a file becomes is kept. Names and sizes are those of bundles: no ZIP64.
"""

from __future__ import annotations

import functools
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_EPOCH = (0, 0x21)
"""The earliest time and date that the format can hold: 1980-01-01."""
_VERSION, _UNIX = 20, 3
_STORED, _DEFLATED = 0, 8
_UTF8 = 0x800
_FOLDER, _FILE = 0o040755, 0o100000
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_MOST, _MOST_BYTES = 2**16 - 1, 2**32 - 1
_KEPT = 48 * 1024
"""Bytes of the largest file whose compressed form is kept."""


class Entry(NamedTuple):
    """A file: its path with ``/``, bytes, Unix mode. A path that ends with ``/`` is a folder."""

    path: str
    data: bytes = b""
    mode: int = 0o644


def pieces(entries: Sequence[Entry]) -> Iterator[bytes]:
    """Give the archive of ``entries``, in their order, in pieces: each is made when it is asked for.

    Raises AicrError, before the first, for more than the format can count.
    """
    check(entries)
    return _pieces(entries)


def write(entries: Sequence[Entry]) -> bytes:
    """Give the whole archive of ``entries``. Raises AicrError as :func:`pieces` does."""
    return b"".join(pieces(entries))


def check(entries: Sequence[Entry]) -> None:
    """Raise AicrError for more files, or larger ones, than the format counts."""
    # What cannot be compressed grows by less than this; nothing has to be compressed to know that it fits.
    size = sum(len(entry.data) + len(entry.data) // 1000 + 1024 for entry in entries)
    if len(entries) > _MOST or size > _MOST_BYTES:
        raise AicrError(
            Code.INVALID_REQUEST, f"{len(entries)} files of {size} bytes are more than an archive holds",
            hint="make fewer components a bundle",
        )  # fmt: skip


def read(archive: bytes) -> Iterator[Entry]:
    """Give the entries of an archive that was written here."""
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        for info in opened.infolist():
            yield Entry(info.filename, opened.read(info), info.external_attr >> 16 & 0o7777)


def _pieces(entries: Iterable[Entry]) -> Iterator[bytes]:
    directory: list[bytes] = []
    offset = 0
    for entry in entries:
        name = entry.path.encode("utf-8")
        flags = 0 if entry.path.isascii() else _UTF8
        if entry.path.endswith("/"):
            method, body, attributes = _STORED, b"", _FOLDER << 16 | 0x10
        else:
            method, body = _DEFLATED, _compressed(entry.data)
            attributes = (_FILE | entry.mode) << 16
        common = (
            flags, method, *_EPOCH, zlib.crc32(entry.data), len(body), len(entry.data), len(name), 0,
        )  # fmt: skip
        yield _LOCAL.pack(b"PK\x03\x04", _VERSION, *common) + name
        yield body
        directory += (
            _CENTRAL.pack(
                b"PK\x01\x02", _UNIX << 8 | _VERSION, _VERSION, *common, 0, 0, 0, attributes, offset
            ),
            name,
        )
        offset += _LOCAL.size + len(name) + len(body)
    index = b"".join(directory)
    count = len(directory) // 2
    yield index
    yield _END.pack(b"PK\x05\x06", 0, 0, count, count, len(index), offset, 0)


FORMAT = f"deflate-6 {zlib.ZLIB_RUNTIME_VERSION}"
"""What else the bytes of an archive depend on."""


def _compressed(data: bytes) -> bytes:
    return _of_small(data) if len(data) <= _KEPT else _deflate(data)


@functools.lru_cache(maxsize=256)
def _of_small(data: bytes) -> bytes:
    return _deflate(data)


def _deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()
