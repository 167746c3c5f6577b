"""A bundle as one layer: a tar archive in gzip, made in memory, a function of the files alone (spec/bundle.md 6).

Headers are our own: user and group 0, time 0, no names of users, the root entry ``.`` first, then folders and files in
the order of a walk by name. Neither umask, clock, locale nor the place of the bundle can reach a byte. Reading is the
business of :mod:`aicr_oci.unpack`.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aicr_core.api import Artifact

BLOCK = 512
FOLDER_MODE = 0o755
GZIP_HEAD = b"\x1f\x8b\x08\x00" + b"\0\0\0\0" + b"\0\xff"
"""Deflate, no flags (so no file name), time 0, nothing said of level and system."""
_LEVEL = 6
"""More costs twice the time for a hundredth of the size, and charts are packed already."""
_RECORD = 20 * BLOCK
_NAME, _PREFIX = 100, 155


class Layer(NamedTuple):
    """The compressed bytes, their digest, and the digest of the tar archive inside."""

    data: bytes
    digest: str
    plain_digest: str


def pack(files: Iterable[Artifact]) -> Layer:
    """Make the layer of a bundle. The same files, in any order, give the same bytes.

    Raises AicrError(INVALID_REQUEST) for a name that cannot stand in an archive.
    """
    plain, size, checksum = hashlib.sha256(), 0, 0
    squeeze = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    parts = [GZIP_HEAD]
    for part in _archive(files):
        plain.update(part)
        size += len(part)
        checksum = zlib.crc32(part, checksum)
        parts.append(squeeze.compress(part))
    parts += [squeeze.flush(), struct.pack("<LL", checksum, size & 0xFFFFFFFF)]
    data = b"".join(parts)
    return Layer(data, digest_of(data), f"sha256:{plain.hexdigest()}")


def digest_of(data: bytes) -> str:
    """Give the digest of bytes as registries write it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _archive(files: Iterable[Artifact]) -> Iterator[bytes]:
    by_path = {file.path: file for file in files}
    folders = {"."}
    for path in by_path:
        parts = path.split("/")[:-1]
        folders.update("/".join(parts[: n + 1]) for n in range(len(parts)))
    size = 0
    for path in sorted([*by_path, *folders], key=_walk_order):
        file = by_path.get(path)
        data = b"" if file is None else file.data
        mode = FOLDER_MODE if file is None else file.mode
        kind = b"5" if file is None else b"0"
        for part in (*_entry(path, mode, len(data), kind), data, _padding(len(data))):
            size += len(part)
            yield part
    # Two empty blocks end an archive; whole records are what every tar writes.
    yield bytes(2 * BLOCK + -(size + 2 * BLOCK) % _RECORD)


def _walk_order(path: str) -> tuple[list[bytes], ...]:
    return ([] if path == "." else [part.encode() for part in path.split("/")],)


def _padding(size: int) -> bytes:
    return bytes(-size % BLOCK)


def _entry(path: str, mode: int, size: int, kind: bytes) -> Iterator[bytes]:
    """Give the header blocks of one entry; a name that no plain header can hold gets an extended one before."""
    if "\0" in path or "\n" in path:
        raise AicrError(Code.INVALID_REQUEST, f'"{path!r}" cannot stand in an archive')
    name, prefix = _split(path.encode())
    if not path.isascii() or len(name) > _NAME:
        record = _record(b"path", path.encode())
        yield _header(b"PaxHeaders/path", b"", 0o644, len(record), b"x")
        yield record + _padding(len(record))
        name, prefix = path.encode("ascii", "replace")[:_NAME], b""
    yield _header(name, prefix, mode, size, kind)


def _split(path: bytes) -> tuple[bytes, bytes]:
    """Split a long name at a slash so that both parts fit a plain header, where that can be done."""
    if len(path) <= _NAME:
        return path, b""
    cut = path.find(b"/", len(path) - _NAME - 1)
    return (path[cut + 1 :], path[:cut]) if 0 < cut <= _PREFIX else (path, b"")


def _record(key: bytes, value: bytes) -> bytes:
    """Give a record of an extended header, whose first field is its own length."""
    rest = b" " + key + b"=" + value + b"\n"
    size = len(rest) + 1
    while len(str(size)) + len(rest) != size:
        size += 1
    return str(size).encode() + rest


def _header(name: bytes, prefix: bytes, mode: int, size: int, kind: bytes) -> bytes:
    if size >= 8**11:
        raise AicrError(Code.INVALID_REQUEST, "a file is too large for an archive")
    octal = "{:07o}\0".format
    fields = [
        name.ljust(_NAME, b"\0"), octal(mode & 0o7777).encode(), octal(0).encode(), octal(0).encode(),
        f"{size:011o}\0".encode(), f"{0:011o}\0".encode(), b" " * 8, kind, bytes(100), b"ustar\x0000",
        bytes(64), octal(0).encode(), octal(0).encode(), prefix.ljust(_PREFIX, b"\0"),
    ]  # fmt: skip
    block = b"".join(fields).ljust(BLOCK, b"\0")
    return block[:148] + f"{sum(block):06o}\0 ".encode() + block[156:]
