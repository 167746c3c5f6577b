"""Read a layer back: gzip and tar, in memory, strictly. What is not a plain tree of files is refused whole.

Refused are names that leave the tree, links, devices and every other kind of entry, two entries of one name, a file
where another entry needs a folder, extended headers beyond names and times, and archives that unpack to more than
a bundle can be. Python's :mod:`tarfile` forgives too much of that (it skips damage, follows sparse maps and lets
extended headers change sizes), so this reader is our own; it knows no more than what :mod:`aicr_oci.layer` and the
reference's Go packer write.
"""

from __future__ import annotations

import zlib

from aicr_core.api import AicrError, Artifact, Code
from aicr_oci.layer import BLOCK

MOST_BYTES = 1024**3
"""What a bundle unpacks to, at most."""
MOST_ENTRIES = 100_000
RATIO, ALLOWANCE = 100, 16 * 1024**2
"""Text packs well, but not beyond this ratio; small archives are mostly headers, hence the allowance."""
MODE = 0o755
"""Modes are cut to this: nobody but the owner of a bundle may change it, no set-user bit survives."""
_HARMLESS = {b"path", b"mtime", b"atime", b"ctime", b"uid", b"gid", b"uname", b"gname"}
_LONGEST_HEADER = 64 * 1024
_CHUNK = 256 * 1024


def unpack(data: bytes, where: str) -> list[Artifact]:
    """Give the files of a layer, in its order. Raises AicrError(INVALID_REQUEST) for what is no bundle's layer."""
    try:
        return _Archive(_Gzip(data)).files()
    except _Refused as error:
        raise AicrError(
            Code.INVALID_REQUEST, f"the archive is refused: {error}", where=where,
            hint="nothing was written; make and push the bundle anew",
        ) from None  # fmt: skip


class _Refused(Exception):
    """Why an archive is refused; becomes an AicrError at the border of this module."""


class _Gzip:
    """Unpacks a single gzip member piece by piece, no further than a bundle may be large."""

    def __init__(self, data: bytes) -> None:
        self._unsqueeze = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._packed = memoryview(data)
        self._taken = 0
        self._left = min(MOST_BYTES, ALLOWANCE + RATIO * len(data))
        self._ready = b""
        self._next = 0

    def read(self, size: int) -> bytes:
        """Give exactly ``size`` bytes. Raises _Refused when there are fewer."""
        parts, missing = [], size
        while missing:
            if self._next == len(self._ready) and not self._more():
                raise _Refused("it ends in the middle")
            part = self._ready[self._next : self._next + missing]
            self._next += len(part)
            missing -= len(part)
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def rest_is_empty(self) -> bool:
        """Tell whether only zeros follow, and nothing after the end of the gzip member."""
        empty = not any(self._ready[self._next :])
        while empty and self._more():
            empty = not self._ready.strip(b"\0")
        rubbish = self._unsqueeze.unused_data or self._taken < len(self._packed)
        return empty and not rubbish

    def _more(self) -> bool:
        """Unpack the next piece, if there is one."""
        self._ready, self._next = b"", 0
        while not self._ready and not self._unsqueeze.eof:
            part: bytes | memoryview = self._unsqueeze.unconsumed_tail
            if not part:
                # In slices: zlib copies what it does not take of its input, again and again.
                part = self._packed[self._taken : self._taken + _CHUNK]
                self._taken += len(part)
            if not part:
                raise _Refused("it ends in the middle")
            try:
                self._ready = self._unsqueeze.decompress(part, _CHUNK)
            except zlib.error:
                raise _Refused("it is no sound gzip") from None
        self._left -= len(self._ready)
        if self._left < 0:
            raise _Refused("it unpacks to more than a bundle can be")
        return bool(self._ready)


class _Archive:
    def __init__(self, stream: _Gzip) -> None:
        self._stream = stream
        self._files: dict[str, Artifact] = {}
        self._folders: set[str] = set()

    def files(self) -> list[Artifact]:
        """Read every entry up to the end mark."""
        name = None
        for _ in range(MOST_ENTRIES):
            block = self._stream.read(BLOCK)
            if not any(block):
                break
            kind, size = self._fields(block)
            if kind == b"x":
                if name is not None:
                    raise _Refused("two extended headers stand before one entry")
                name = self._extended(size)
                continue
            self._entry(name or _name(block), kind, size, _octal(block[100:108]))
            name = None
        else:
            raise _Refused(f"it holds more than {MOST_ENTRIES} entries")
        if name is not None or any(self._stream.read(BLOCK)):
            raise _Refused("its end is damaged")
        if not self._stream.rest_is_empty():
            raise _Refused("something follows its end")
        self._check_folders()
        return list(self._files.values())

    def _fields(self, block: bytes) -> tuple[bytes, int]:
        if sum(block) - sum(block[148:156]) + 8 * 32 != _octal(block[148:156]):
            raise _Refused("a header is damaged")
        if block[257:263] != b"ustar\0":
            raise _Refused("it is no POSIX tar archive")
        return block[156:157].replace(b"\0", b"0"), _octal(block[124:136])

    def _entry(self, raw: bytes, kind: bytes, size: int, mode: int) -> None:
        path = _path(raw)
        if kind not in (b"0", b"5"):
            raise _Refused(f'"{path}" is neither a file nor a folder')
        if path in self._files or path in self._folders:
            raise _Refused(f'"{path}" stands in it twice')
        if kind == b"5":
            if size:
                raise _Refused(f'the folder "{path}" has contents')
            self._folders.add(path)
            return
        if path == "." or raw.endswith(b"/"):
            raise _Refused(f'the file "{path}" is called like a folder')
        data = self._contents(size)
        self._files[path] = Artifact(path=path, data=data, mode=mode & MODE)

    def _contents(self, size: int) -> bytes:
        if size > MOST_BYTES:
            raise _Refused("it unpacks to more than a bundle can be")
        data = self._stream.read(size)
        self._stream.read(-size % BLOCK)
        return data

    def _extended(self, size: int) -> bytes | None:
        """Read an extended header; only a name in it changes anything, and nothing but harmless keys may be there."""
        if size > _LONGEST_HEADER:
            raise _Refused("an extended header is too long")
        data = self._contents(size)
        found: dict[bytes, bytes] = {}
        while data:
            length, blank, _ = data.partition(b" ")
            sound = blank and length.isdigit() and len(length) < 7
            if not sound or int(length) > len(data):
                raise _Refused("an extended header is damaged")
            record, data = data[len(length) + 1 : int(length)], data[int(length) :]
            key, equals, value = record.partition(b"=")
            if not equals or not value.endswith(b"\n") or key in found:
                raise _Refused("an extended header is damaged")
            if key not in _HARMLESS:
                raise _Refused(f'an extended header sets "{key.decode("utf-8", "replace")}"')
            found[key] = value[:-1]
        return found.get(b"path")

    def _check_folders(self) -> None:
        for path in [*self._files, *self._folders]:
            parts = path.split("/")
            for n in range(1, len(parts)):
                if "/".join(parts[:n]) in self._files:
                    raise _Refused(f'"{"/".join(parts[:n])}" is a file and a folder')


def _name(block: bytes) -> bytes:
    name, prefix = block[:100].partition(b"\0"), block[345:500].partition(b"\0")
    if name[2].strip(b"\0") or prefix[2].strip(b"\0"):
        raise _Refused("a name holds a zero byte")
    return prefix[0] + b"/" + name[0] if prefix[0] else name[0]


def _path(raw: bytes) -> str:
    """Give the name of an entry as a relative path without ``./`` and a slash at its end."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _Refused("a name is not UTF-8") from None
    bare = text.removesuffix("/")
    if bare == ".":
        return bare
    bare = bare.removeprefix("./")
    parts = bare.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\\" in bare or not bare.isprintable():
        raise _Refused(f'"{text}" is no safe name')
    return bare


def _octal(field: bytes) -> int:
    text = field.strip(b" \0")
    if not text:
        return 0
    if text.strip(b"01234567"):
        raise _Refused("a header is damaged")
    return int(text, 8)
