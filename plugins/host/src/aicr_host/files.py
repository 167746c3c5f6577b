"""Read the small text files of /proc, /sys and /etc: bounded, never through a link, never waiting.

What is read here was written by others: a file may be huge, a pipe, no text, or vanish. What the lines mean is the
collectors' business.
"""

from __future__ import annotations

import errno
import os
import stat

MAX_BYTES = 1_048_576
"""Largest file that is read (spec/snapshot.md 3.1)."""
MAX_NAMES = 65_536
"""Entries of a folder that are looked at; real ones have a few thousand."""
_MAX_LINKS = 40
# Go's idea of white space; Python's own has U+001C to U+001F as well.
BLANKS = (
    "\t\n\v\f\r \x85\xa0\u1680"
    + "".join(map(chr, range(0x2000, 0x200B)))
    + "\u2028\u2029\u202f\u205f\u3000"
)


class Unreadable(Exception):
    """A file that gave no text: ``status`` as a subtype's, and the reason for people."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def read(path: str, limit: int = MAX_BYTES) -> str:
    """Give the text of a regular file that is no link. Raises Unreadable; never blocks on a pipe or device."""
    data = read_bytes(path, limit)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("failed", f"{path} is no UTF-8 text") from None


def read_bytes(path: str, limit: int = MAX_BYTES) -> bytes:
    """Give the bytes of a regular file that is no link. Raises Unreadable."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except (OSError, ValueError) as error:
        raise fault(path, error) from None
    try:
        with open(descriptor, "rb", closefd=True) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise Unreadable("failed", f"{path} is no regular file")
            data = stream.read(limit + 1)
    except OSError as error:
        raise fault(path, error) from None
    # A file of /proc that would wait for data gives None instead.
    if data is None:
        raise Unreadable("failed", f"{path} has no data to give now")
    if len(data) > limit:
        raise Unreadable("failed", f"{path} is larger than {limit} bytes")
    return data


def value(path: str) -> str | None:
    """Give the trimmed text of a file with one value; None when it cannot be read."""
    try:
        return read(path).strip(BLANKS)
    except Unreadable:
        return None


def number(path: str) -> int | None:
    """Give the number that is all of a file's text; None for anything else."""
    text = value(path) or ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None


def names(folder: str) -> list[str]:
    """Give the sorted names in a folder. Raises Unreadable."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                found.append(entry.name)
                if len(found) == MAX_NAMES:
                    break
    except (OSError, ValueError) as error:
        raise fault(folder, error) from None
    return sorted(found)


def fault(path: str, error: OSError | ValueError) -> Unreadable:
    """Say as a status why a file or folder could not be read."""
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOENT, errno.ENOTDIR):
        return Unreadable("skipped", f"there is no {path}")
    if number in (errno.EACCES, errno.EPERM):
        return Unreadable("forbidden", f"{path} may not be read; run as root")
    if number == errno.ELOOP:
        return Unreadable("failed", f"{path} is a link")
    return Unreadable("failed", f"{path}: {getattr(error, 'strerror', None) or error}")


def parts(text: str, delimiter: str) -> list[str]:
    """Split at ``delimiter``, trim, drop what is empty or starts with ``#`` (spec/snapshot.md 3.1)."""
    found = (part.strip(BLANKS) for part in text.split(delimiter))
    return [part for part in found if part and not part.startswith("#")]


def fields(line: str) -> list[str]:
    """Split at white space."""
    if line.isascii():
        # The same blanks as below as far as they are ASCII, without looking at each character.
        for blank in "\t\n\v\f\r":
            line = line.replace(blank, " ")
        return [word for word in line.split(" ") if word]
    found = "".join(" " if char in BLANKS else char for char in line)
    return [word for word in found.split(" ") if word]


def below(root: str, path: str) -> str:
    """Give the place of the absolute ``path`` under the root where the host's file system is seen."""
    return path if root in ("", "/") else root.rstrip("/") + path


def resolve(root: str, path: str) -> str:
    """Follow the links of ``path`` as the host would: an absolute one starts at ``root``, none leads out of it.

    Raises Unreadable for links without end.
    """
    waiting = [name for name in path.split("/") if name]
    done: list[str] = []
    links = 0
    while waiting:
        name = waiting.pop(0)
        if name == "..":
            done[-1:] = []
            continue
        try:
            target = os.readlink(below(root, "/" + "/".join([*done, name])))
        except OSError:
            done.append(name)
            continue
        links += 1
        if links > _MAX_LINKS:
            raise Unreadable("failed", f"{below(root, path)} is a link without end")
        if target.startswith("/"):
            done = []
        waiting = [part for part in target.split("/") if part not in ("", ".")] + waiting
    return below(root, "/" + "/".join(done))
