"""Write files and whole trees so that a reader sees them complete or not at all.

Everything is written under a temporary name beside its target and renamed. An error or Ctrl-C leaves the old
state. This module does not decide what may be replaced; callers do.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from typing import TYPE_CHECKING

from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Iterable


def fault(error: OSError, path: str, doing: str) -> AicrError:
    """Turn an operating-system error into ours, with the class a person expects."""
    code = {
        errno.ENOENT: Code.NOT_FOUND,
        errno.EACCES: Code.UNAUTHORIZED,
        errno.EPERM: Code.UNAUTHORIZED,
        errno.EROFS: Code.UNAUTHORIZED,
        errno.EISDIR: Code.INVALID_REQUEST,
        errno.ENOTDIR: Code.INVALID_REQUEST,
    }.get(error.errno or 0, Code.INTERNAL)
    return AicrError(code, f"cannot {doing}: {error.strerror or error}", where=path)


def atomic_write(path: str, data: bytes, mode: int = 0o666) -> None:
    """Write a file whole: temporary name in the same folder, then rename. Raises AicrError."""
    if os.path.exists(path) and not os.path.isfile(path):
        # A device or pipe (/dev/stdout, a process substitution) cannot be renamed over.
        try:
            with open(path, "wb") as stream:
                stream.write(data)
        except OSError as error:
            raise fault(error, path, "write") from None
        return
    target = os.path.realpath(path)
    temporary = f"{target}.{os.getpid()}.tmp"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with open(descriptor, "wb") as stream:
                stream.write(data)
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise fault(error, path, "write") from None


def safe_relative(path: str) -> str:
    """Give ``path`` if it stays below its root: relative, ``/`` separators, no ``..``. Raises AicrError."""
    parts = path.split("/")
    if not path or path.startswith("/") or "\\" in path or any(p in ("", ".", "..") for p in parts):
        raise AicrError(Code.INVALID_REQUEST, f'"{path}" is no safe path inside a bundle')
    return path


def write_tree(
    target: str, files: Iterable[tuple[str, bytes, int]], keep: Iterable[str] = ()
) -> None:
    """Replace the folder ``target`` by one that holds exactly ``files`` (path, bytes, mode).

    The new tree is built in a sibling folder and swapped in by rename. Paths in ``keep`` are carried over
    from the old tree. Raises AicrError; on any failure the old tree stays.
    """
    target = os.path.abspath(target)
    parent = os.path.dirname(target)
    try:
        os.makedirs(parent, exist_ok=True)
        new = f"{target}.{os.getpid()}.new"
        old = f"{target}.{os.getpid()}.old"
        os.mkdir(new, 0o755)
        try:
            for path, data, mode in files:
                full = os.path.join(new, safe_relative(path))
                os.makedirs(os.path.dirname(full), mode=0o755, exist_ok=True)
                with open(
                    os.open(full, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb"
                ) as stream:
                    stream.write(data)
                os.chmod(full, mode)
            for path in keep:
                full = os.path.join(new, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                shutil.copy2(os.path.join(target, path), full, follow_symlinks=False)
            if os.path.isdir(target):
                os.rename(target, old)
                try:
                    os.rename(new, target)
                except BaseException:
                    os.rename(old, target)
                    raise
                shutil.rmtree(old, ignore_errors=True)
            else:
                os.rename(new, target)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
    except OSError as error:
        raise fault(error, target, "write the bundle") from None


def tree_files(root: str) -> list[str]:
    """Give the relative paths of everything below ``root`` that is not a folder, sorted."""
    found: list[str] = []
    for folder, _, names in os.walk(root):
        prefix = os.path.relpath(folder, root)
        found.extend(name if prefix == "." else f"{prefix}/{name}" for name in names)
    return sorted(found)
