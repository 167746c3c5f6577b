"""Write files and whole trees so that a reader sees them complete or not at all.

Everything is written under a temporary name beside its target and renamed. An error or Ctrl-C leaves the old
state. This module does not decide what may be replaced; callers do.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
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
        errno.ELOOP: Code.INVALID_REQUEST,
        errno.ENAMETOOLONG: Code.INVALID_REQUEST,
    }.get(error.errno or 0, Code.INTERNAL)
    return AicrError(code, f"cannot {doing}: {error.strerror or error}", where=path)


def temporary_name(target: str, ending: str) -> str:
    """Give a name beside ``target`` that nobody else uses; process numbers repeat in containers."""
    return f"{target}.{os.urandom(6).hex()}.{ending}"


def atomic_write(path: str, data: bytes, mode: int = 0o666) -> None:
    """Write a file whole: temporary name in the same folder, then rename. Raises AicrError.

    A file that is replaced keeps its mode; a new one gets ``mode`` less the umask. A link is followed.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        # A device or pipe (/dev/stdout, a process substitution) cannot be renamed over.
        try:
            with open(path, "wb") as stream:
                stream.write(data)
        except OSError as error:
            raise fault(error, path, "write") from None
        return
    target = os.path.realpath(path)
    try:
        replace(target, [data], mode)
    except OSError as error:
        raise fault(error, path, "write") from None


def replace(target: str, parts: Iterable[bytes], mode: int = 0o666) -> None:
    """Write ``parts`` to a temporary file and rename it over ``target``. Raises OSError."""
    temporary = temporary_name(target, "tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with open(descriptor, "wb") as stream:
            with contextlib.suppress(OSError):
                os.fchmod(descriptor, stat.S_IMODE(os.stat(target).st_mode))
            stream.writelines(parts)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def safe_relative(path: str) -> str:
    """Give ``path`` if it stays below its root: relative, ``/`` separators, no ``..``. Raises AicrError."""
    parts = path.split("/")
    unsafe = not path or path.startswith("/") or "\\" in path or "\0" in path
    if unsafe or any(part in ("", ".", "..") for part in parts):
        raise AicrError(Code.INVALID_REQUEST, f'"{path}" is no safe path inside a bundle')
    return path


def write_tree(
    target: str,
    files: Iterable[tuple[str, bytes, int]],
    keep: Iterable[str] = (),
    *,
    what: str = "the bundle",
) -> None:
    """Replace the content of the folder ``target`` by exactly ``files`` (path, bytes, mode).

    Paths in ``keep`` stay as they are, and errors name ``what`` was to be written. The new tree is built beside the
    old one and swapped in by rename; where the folder itself has to stay (something in it is kept, it is a mount
    point or somebody's working directory, its parent cannot be written) its entries are swapped one by one. On an
    error or an interrupt the old content stays. Raises AicrError, also for a file that would have to lie below
    something kept that is no folder: below a link it would be written to where that leads.
    """
    target = os.path.realpath(target)
    kept = set(keep)
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        inside = os.path.isdir(target) and (bool(kept) or _has_to_stay(target))
        work = temporary_name(os.path.join(target, ".aicr") if inside else target, "new")
        os.mkdir(work, 0o755)
        try:
            for path, data, mode in files:
                full = os.path.join(work, safe_relative(path))
                _refuse_below(kept, path, target)
                os.makedirs(os.path.dirname(full), mode=0o755, exist_ok=True)
                with open(
                    os.open(full, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb"
                ) as stream:
                    stream.write(data)
                os.chmod(full, mode)
            if inside:
                _swap_entries(target, work, kept)
            elif os.path.isdir(target):
                os.chmod(work, stat.S_IMODE(os.stat(target).st_mode))
                _swap_folder(target, work)
            else:
                os.rename(work, target)
        finally:
            _remove(work)
    except OSError as error:
        raise fault(error, target, f"write {what}") from None


def _refuse_below(kept: set[str], path: str, target: str) -> None:
    above = os.path.dirname(path)
    while above:
        if above in kept:
            kind = "link" if os.path.islink(os.path.join(target, above)) else "file"
            raise AicrError(
                Code.INVALID_REQUEST, f'"{path}" cannot be written below the {kind} that is there',
                where=os.path.join(target, above), hint="remove it, or give another directory",
            )  # fmt: skip
        above = os.path.dirname(above)


def _has_to_stay(target: str) -> bool:
    if os.path.ismount(target) or not os.access(os.path.dirname(target), os.W_OK):
        return True
    # A shell whose working directory is renamed away sees an empty place; ours is most likely its too.
    try:
        here = os.getcwd()
    except OSError:
        return False
    return here == target or here.startswith(f"{target}/")


def _swap_folder(target: str, new: str) -> None:
    old = temporary_name(target, "old")
    try:
        os.rename(target, old)
        os.rename(new, target)
    except BaseException:
        # Whether an interrupt came before or after the second rename, the target is a whole tree.
        with contextlib.suppress(OSError):
            os.rename(old, target)
        if os.path.isdir(target):
            _remove(old)
        raise
    _remove(old)


def _swap_entries(target: str, new: str, keep: set[str]) -> None:
    """Move the old files of ``target`` aside and the new ones in; undo it all when that fails."""
    old = temporary_name(os.path.join(target, ".aicr"), "old")
    work = (os.path.basename(new) + "/", os.path.basename(old) + "/")
    leaving = [
        path for path in tree_files(target) if path not in keep and not path.startswith(work)
    ]
    moves = [(os.path.join(target, path), os.path.join(old, path)) for path in leaving]
    moves += [(os.path.join(new, path), os.path.join(target, path)) for path in tree_files(new)]
    done: list[tuple[str, str]] = []
    try:
        for source, place in moves:
            os.makedirs(os.path.dirname(place), mode=0o755, exist_ok=True)
            # Noted first: an interrupt between the two lines must not lose the file.
            done.append((source, place))
            os.rename(source, place)
    except BaseException:
        for source, place in reversed(done):
            with contextlib.suppress(OSError):
                os.rename(place, source)
        _remove_empty(old)
        raise
    _remove(old)
    for folder in sorted({os.path.dirname(path) for path in leaving} - {""}, reverse=True):
        _remove_empty(os.path.join(target, folder))


def _remove(folder: str) -> None:
    import shutil  # costs 5 ms, which commands that write no tree need not pay

    shutil.rmtree(folder, ignore_errors=True)


def _remove_empty(folder: str) -> None:
    for place, _, _ in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(place)


def tree_files(root: str) -> list[str]:
    """Give the relative paths of everything below ``root`` that is not a folder, sorted.

    A link to a folder counts as a file: it is not followed.
    """
    found: list[str] = []
    for folder, folders, names in os.walk(root):
        prefix = os.path.relpath(folder, root)
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        found.extend(name if prefix == "." else f"{prefix}/{name}" for name in (*names, *links))
    return sorted(found)
