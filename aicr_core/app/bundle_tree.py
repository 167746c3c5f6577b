"""Look at a bundle that is there already: a folder, or files that were pulled into memory.

What is right is not decided here. Files are read as a stream and hashed by several threads; nothing is followed that is
not a plain file.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from typing import TYPE_CHECKING, Protocol

from aicr_core.engine.verify import FILE, LINK, OTHER, Seen
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.limits import MAX_BYTES
from aicr_core.kit.paths import fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aicr_core.engine.bundles import File

LARGEST = 1024**3
"""No file of a bundle is larger, nor is a bundle in a registry."""
MOST_BYTES = 4 * LARGEST
_CHUNK = 256 * 1024
_WORTH_THREADS = 4 * 1024 * 1024
_NO_FOLLOW = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Tree(Protocol):
    """A bundle: what lies at each path, and the bytes of single files."""

    seen: Mapping[str, Seen]

    def read(self, path: str) -> bytes | None:
        """Give the bytes of a file; None if no plain file is there. Raises AicrError for one that is too large."""


class Memory:
    """Files that are in memory."""

    def __init__(self, files: Iterable[File]) -> None:
        self._data = {file.path: file.data for file in files}
        self.seen: Mapping[str, Seen] = {
            file.path: Seen(
                FILE, file.mode, len(file.data), hashlib.sha256(file.data).hexdigest()
            )
            for file in files
        }  # fmt: skip

    def read(self, path: str) -> bytes | None:
        """As :class:`Tree` says."""
        data = self._data.get(path)
        return None if data is None else _small(data, path)


class Folder:
    """A folder of the file system; everything in it is read once, here."""

    def __init__(self, root: str, jobs: int = 0) -> None:
        self._root = root
        found = {path: _look(os.path.join(root, path)) for path in _paths(root)}
        plain = [path for path, item in found.items() if item.kind == FILE and not item.problem]
        size = sum(found[path].size for path in plain if found[path].size <= LARGEST)
        if size > MOST_BYTES:
            raise AicrError(
                Code.INVALID_REQUEST,
                f"it holds more than {MOST_BYTES // 2**30} GiB: no bundle does",
                where=root,
            )
        large = size > _WORTH_THREADS
        found.update(self._hashed(plain, (jobs or os.cpu_count() or 1) if large else 1))
        self.seen: Mapping[str, Seen] = found

    def read(self, path: str) -> bytes | None:
        """As :class:`Tree` says."""
        try:
            with open(os.open(os.path.join(self._root, path), _NO_FOLLOW), "rb") as stream:
                if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                    return None
                return _small(stream.read(MAX_BYTES + 1), path)
        except OSError:
            return None

    def _hashed(self, paths: Sequence[str], jobs: int) -> dict[str, Seen]:
        """Hash files side by side; each thread takes the next one. Plain threads: hashing lets go of the lock."""
        done: dict[str, Seen] = {}
        waiting = iter(paths)
        lock = threading.Lock()

        def work() -> None:
            while True:
                with lock:
                    path = next(waiting, None)
                if path is None:
                    return
                done[path] = _hash(os.path.join(self._root, path))

        threads = [threading.Thread(target=work, daemon=True) for _ in range(jobs - 1)]
        for thread in threads:
            thread.start()
        work()
        for thread in threads:
            thread.join()
        return done


def _paths(root: str) -> list[str]:
    """Give the paths of all that is no folder; a link to a folder is not followed. Raises AicrError.

    A folder that cannot be read would hide what is in it, so that is an error.
    """

    def refuse(error: OSError) -> None:
        raise fault(error, str(error.filename), "read the folder")

    found = []
    for folder, folders, names in os.walk(root, onerror=refuse):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        prefix = os.path.relpath(folder, root)
        found += [name if prefix == "." else f"{prefix}/{name}" for name in (*names, *links)]
    return sorted(found)


def _look(path: str) -> Seen:
    try:
        state = os.lstat(path)
    except OSError as error:
        return Seen(FILE, problem=error.strerror or str(error))
    if stat.S_ISREG(state.st_mode):
        return Seen(FILE, stat.S_IMODE(state.st_mode), state.st_size)
    return Seen(LINK if stat.S_ISLNK(state.st_mode) else OTHER)


def _hash(path: str) -> Seen:
    """Hash a plain file; mode and size are those of the very file that was read."""
    try:
        with open(os.open(path, _NO_FOLLOW), "rb", buffering=0) as stream:
            state = os.fstat(stream.fileno())
            if not stat.S_ISREG(state.st_mode):
                return Seen(OTHER)
            digest, size, buffer = hashlib.sha256(), 0, bytearray(_CHUNK)
            # Counted while it is read: a file may have holes of any size, or grow as long as it is read.
            while state.st_size <= LARGEST and (got := stream.readinto(buffer)):
                digest.update(memoryview(buffer)[:got])
                size += got
                if size > LARGEST:
                    break
            if max(size, state.st_size) > LARGEST:
                return Seen(FILE, problem=f"it is larger than {LARGEST // 2**30} GiB")
            return Seen(FILE, stat.S_IMODE(state.st_mode), size, digest.hexdigest())
    except OSError as error:
        return Seen(FILE, problem=error.strerror or str(error))


def _small(data: bytes, path: str) -> bytes:
    if len(data) > MAX_BYTES:
        raise AicrError(
            Code.UNAUTHORIZED, f"{path} is larger than {MAX_BYTES // 2**20} MiB, which none is"
        )
    return data
