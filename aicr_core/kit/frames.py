"""Carry bytes through a log that other lines share: numbered lines of base64, with a digest at the end.

A container's log is cut into lines of at most 16 KiB by the runtime and may be rotated, so a frame is short and a
loss is noticed. Form: ``AICR1 <number> <total> <base64 of a gzip part>`` and ``AICR1 END <sha256 of the bytes>``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MARK = "AICR1"
_PART = 9000
"""Bytes of a frame before base64: 12,000 characters after it."""
MAX_BYTES = 256 * 1024 * 1024
"""What the frames may unpack to: a bomb in a log must not fill the memory."""


def write_frames(data: bytes) -> Iterator[str]:
    """Give the lines, without their ends, that carry ``data``."""
    import base64
    import gzip
    import hashlib

    packed = gzip.compress(data, mtime=0)
    parts = [packed[start : start + _PART] for start in range(0, len(packed), _PART)]
    for number, part in enumerate(parts, 1):
        yield f"{MARK} {number} {len(parts)} {base64.b64encode(part).decode('ascii')}"
    yield f"{MARK} END {hashlib.sha256(data).hexdigest()}"


def read_frames(lines: Iterable[str], where: str = "the log") -> tuple[bytes | None, list[str]]:
    """Give the bytes that the frames in ``lines`` carry (None when there are none) and the other lines.

    Raises AicrError(INTERNAL) when frames are missing or damaged.
    """
    import base64
    import binascii
    import hashlib
    import zlib

    parts: dict[int, bytes] = {}
    others: list[str] = []
    total = 0
    digest = ""
    for line in lines:
        words = line.split(" ")
        if words[0] != MARK:
            others.append(line)
        elif len(words) == 3 and words[1] == "END":
            digest = words[2].strip()
        else:
            try:
                total = int(words[2])
                parts[int(words[1])] = base64.b64decode(words[3], validate=True)
            except (IndexError, ValueError, binascii.Error):
                raise _damaged(where, "a frame is damaged") from None
    if not parts and not digest:
        return None, others
    if not digest or sorted(parts) != list(range(1, total + 1)):
        raise _damaged(
            where, f"{len(parts)} of {total} frames arrived, {'no' if not digest else 'an'} end"
        )
    unpacker = zlib.decompressobj(wbits=31)
    try:
        data = unpacker.decompress(b"".join(parts[n] for n in sorted(parts)), MAX_BYTES)
    except zlib.error:
        raise _damaged(where, "the frames do not unpack") from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise _damaged(where, "the digest of what arrived differs")
    return data, others


def _damaged(where: str, text: str) -> AicrError:
    return AicrError(
        Code.INTERNAL, text, where=where, hint="the log was cut or rotated: run it again"
    )
