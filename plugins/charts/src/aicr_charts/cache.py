"""Charts that were fetched, kept below the user's cache: one file each, held to its digest when it is read.

A file is ``sha256``, a line end, the package. It is written whole or not at all; one that is damaged counts as absent,
and so does one that somebody else could have written.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aicr_core.api import ChartWanted, Settings

_HEAD = 65


class Cache:
    """The cache below ``root``; an empty root keeps nothing."""

    def __init__(self, root: str) -> None:
        self.root = root

    @classmethod
    def of(cls, settings: Settings) -> Cache:
        """Give the user's: ``$XDG_CACHE_HOME/aicr/charts``, else below ``~/.cache``."""
        base = settings.env.get("XDG_CACHE_HOME") or (
            f"{settings.env['HOME']}/.cache" if settings.env.get("HOME") else ""
        )
        return cls(f"{base}/aicr/charts" if os.path.isabs(base) else "")

    def path(self, wanted: ChartWanted) -> str:
        """Give the file of a chart: repository, name and version make its name."""
        key = "\0".join((wanted.repository, wanted.name, wanted.version))
        return os.path.join(self.root, f"{hashlib.sha256(key.encode()).hexdigest()}.chart")

    def get(self, wanted: ChartWanted) -> bytes | None:
        """Give the package, None when it is not there or not what was stored."""
        if not self.root:
            return None
        try:
            if not _ours(os.stat(self.root)):
                return None
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            with open(os.open(self.path(wanted), flags), "rb") as stream:
                state = os.fstat(stream.fileno())
                if not stat.S_ISREG(state.st_mode) or not _ours(state):
                    return None
                head, data = stream.read(_HEAD), stream.read()
        except OSError:
            return None
        match = re.fullmatch(rb"([0-9a-f]{64})\n", head)
        if match is None or hashlib.sha256(data).hexdigest() != match[1].decode():
            return None
        return data

    def put(self, wanted: ChartWanted, data: bytes) -> None:
        """Store a package; a cache that cannot be written is none."""
        if not self.root:
            return
        temporary = ""
        try:
            os.makedirs(self.root, mode=0o700, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=self.root)
            with open(descriptor, "wb") as stream:
                stream.write(hashlib.sha256(data).hexdigest().encode() + b"\n")
                stream.write(data)
            os.replace(temporary, self.path(wanted))
        except OSError:
            if temporary:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)


def _ours(state: os.stat_result) -> bool:
    """Tell whether only this user (or the superuser) can write it."""
    return state.st_uid in (os.geteuid(), 0) and not state.st_mode & 0o022
