"""Read the small text files of /proc, /sys and /etc, bounded and without following links.

What is read here was written by others: a file may be huge, a pipe, no text, or vanish. Nothing here waits. What the
lines mean is the collectors' business.
"""

from __future__ import annotations

import errno
import os
import stat

MAX_BYTES = 1_048_576
"""Largest file that is read (spec/snapshot.md 3.1)."""
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


def read(path: str, *, follow: bool = True) -> str:
    """Give the text of a regular file. Raises Unreadable; never blocks on a pipe or device."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise _fault(path, error) from None
    try:
        with open(descriptor, "rb", closefd=True) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise Unreadable("failed", f"{path} is no regular file")
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _fault(path, error) from None
    if len(data) > MAX_BYTES:
        raise Unreadable("failed", f"{path} is larger than {MAX_BYTES} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("failed", f"{path} is no UTF-8 text") from None


def _fault(path: str, error: OSError) -> Unreadable:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return Unreadable("skipped", f"there is no {path}")
    if error.errno in (errno.EACCES, errno.EPERM):
        return Unreadable("forbidden", f"{path} may not be read; run as root")
    return Unreadable("failed", f"{path}: {error.strerror or error}")


def parts(text: str, delimiter: str) -> list[str]:
    """Split at ``delimiter``, trim, drop what is empty or starts with ``#`` (spec/snapshot.md 3.1)."""
    found = (part.strip(BLANKS) for part in text.split(delimiter))
    return [part for part in found if part and not part.startswith("#")]


def below(root: str, path: str) -> str:
    """Give the place of the absolute ``path`` under the root where the host's file system is seen."""
    return path if root in ("", "/") else root.rstrip("/") + path
