"""Fit a document into parts that a ConfigMap can hold, and put it together again. No I/O.

Each part but a single one starts with the SHA-256 of the rest and of the whole document: a part that was damaged,
or belongs to another document, is named.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import hashlib
import zlib
from typing import TYPE_CHECKING, NamedTuple

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Sequence

PLAIN = 900_000
"""Bytes up to which a document is written as text, and that a part has at most: 1 MiB is the limit of all keys."""
MAX_PARTS = 1000
_HEAD = 64


class Packed(NamedTuple):
    """A document ready to be written: as ``text``, or as ``parts``."""

    text: str | None
    parts: tuple[bytes, ...]
    sha256: str
    size: int


def pack(data: bytes, most: int = PLAIN) -> Packed:
    """Give a document as text when it is small and UTF-8, else gzipped in parts of at most ``most`` bytes.

    Equal documents give equal parts.
    """
    digest = hashlib.sha256(data)
    if len(data) < most:
        try:
            return Packed(data.decode(), (), digest.hexdigest(), len(data))
        except UnicodeDecodeError:
            pass
    packed = gzip.compress(data, mtime=0)
    if len(packed) < most:
        return Packed(None, (packed,), digest.hexdigest(), len(data))
    step = most - _HEAD
    pieces = [packed[at : at + step] for at in range(0, len(packed), step)]
    whole = digest.digest()
    parts = tuple(hashlib.sha256(piece).digest() + whole + piece for piece in pieces)
    return Packed(None, parts, digest.hexdigest(), len(data))


def unpack(
    parts: Sequence[bytes], *, names: Sequence[str], sha256: str, size: str, most: int
) -> bytes:
    """Put a document together; ``names`` are where the parts came from, for messages.

    Raises AicrError(INTERNAL) naming the part that is damaged, INVALID_REQUEST when it unpacks to more than
    ``most`` bytes.
    """
    if len(parts) > 1:
        pieces = []
        for part, name in zip(parts, names, strict=True):
            piece = part[_HEAD:]
            if part[:32] != hashlib.sha256(piece).digest():
                raise damaged(name, "its content is not what was written")
            if part[32:_HEAD].hex() != sha256:
                raise damaged(name, "it is a part of another document")
            pieces.append(piece)
        packed = b"".join(pieces)
    else:
        packed = parts[0]
    unpacker = zlib.decompressobj(wbits=31)
    try:
        data = unpacker.decompress(packed, most + 1)
    except zlib.error:
        raise damaged(names[0], "it does not unpack") from None
    if len(data) > most:
        raise AicrError(
            Code.INVALID_REQUEST,
            f"it unpacks to more than {most} bytes",
            where=names[0],
            hint="allow more with --max-input-size",
        )
    if not unpacker.eof:
        raise damaged(names[0], "its end is missing")
    if sha256 and hashlib.sha256(data).hexdigest() != sha256:
        raise damaged(names[0], "its digest is not that of what was written")
    if size and size != str(len(data)):
        raise damaged(names[0], f"it has {len(data)} bytes, {size} were written")
    return data


def to_base64(data: bytes) -> str:
    """Give bytes as ``binaryData`` has them."""
    return base64.b64encode(data).decode("ascii")


def from_base64(text: str, name: str) -> bytes:
    """Give the bytes of ``binaryData``; ``name`` is where they are."""
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise damaged(name, "it is not base64") from None


def damaged(name: str, text: str) -> AicrError:
    """Give the error of a document that is not what was written."""
    return AicrError(
        Code.INTERNAL, f"the document is damaged: {text}", where=name, hint="write it again"
    )
