"""Where workers write what they counted, for each other: memory that they share since before they parted.

A place for each worker, written whole about once a second and before every answer of ``/metrics``, so whichever
worker a scraper meets tells of all, and no count that was told once is ever lower later. A worker that takes a dead
one's place goes on from its counts. No file, and nothing that outlives the processes.
"""

from __future__ import annotations

import mmap
import struct
import zlib

_PLACE = 512 * 1024
"""Bytes of a place; labels are bounded, and so is what they take: a quarter of this."""
_HEAD = struct.Struct("<II")
_TRIES = 50


class Board:
    """Places for ``count`` workers."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._memory = mmap.mmap(-1, count * _PLACE)

    def write(self, place: int, data: bytes) -> None:
        """Put ``data`` in a place. What would not fit is left out: what stood there stays."""
        if len(data) + _HEAD.size > _PLACE:
            return
        start = place * _PLACE
        self._memory[start + _HEAD.size : start + _HEAD.size + len(data)] = data
        self._memory[start : start + _HEAD.size] = _HEAD.pack(len(data), zlib.crc32(data))

    def read(self, place: int) -> bytes:
        """Give what stands in a place; nothing where nobody wrote yet, or only half of it."""
        start = place * _PLACE
        for _ in range(_TRIES):
            length, check = _HEAD.unpack(self._memory[start : start + _HEAD.size])
            if not length:
                return b""
            data = self._memory[start + _HEAD.size : start + _HEAD.size + min(length, _PLACE)]
            # Written by another process at this very moment: then it is read again.
            if zlib.crc32(data) == check:
                return data
        return b""


class Post:
    """A worker's place on a board: where it writes, and where it reads what the others wrote."""

    def __init__(self, board: Board, place: int) -> None:
        self._board = board
        self._place = place
        self.inherited = board.read(place)
        """What a worker that died counted in this place."""

    def write(self, data: bytes) -> None:
        """Tell the others."""
        self._board.write(self._place, data)

    def others(self) -> list[bytes]:
        """Give what the others told last."""
        places = (place for place in range(self._board.count) if place != self._place)
        return [data for place in places if (data := self._board.read(place))]
