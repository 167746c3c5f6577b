"""``SHA256SUMS``: as ``sha256sum`` writes it, sorted by name, and read back without trust."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from .failure import Kind, ReleaseError
from .layout import SUMS, UNLISTED

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping

# One name, no folder: what is listed lies beside the list and nowhere else.
_LINE = re.compile(r"(?P<digest>[0-9a-f]{64})  (?P<name>[A-Za-z0-9][A-Za-z0-9._+!-]*)")
LIMIT = 10 * 1024 * 1024
"""Bytes above which a text file of a release is not read."""


def digest(path: pathlib.Path) -> str:
    """Give the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def text(sums: Mapping[str, str]) -> str:
    """Give the contents of ``SHA256SUMS`` for name -> digest."""
    return "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))


def read_text(path: pathlib.Path) -> str:
    """Read a small text file of a release; ReleaseError when it is absent, too large or no text."""
    if path.is_symlink() or not path.is_file():
        raise ReleaseError(Kind.MISSING, "no such file in the release", where=path.name)
    if path.stat().st_size > LIMIT:
        raise ReleaseError(Kind.INVALID, f"larger than {LIMIT} bytes", where=path.name)
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ReleaseError(Kind.INVALID, f"is no UTF-8 text: {error}", where=path.name) from None


def read(folder: pathlib.Path) -> dict[str, str]:
    """Read ``SHA256SUMS`` as name -> digest; ReleaseError names the first line that is wrong."""
    sums: dict[str, str] = {}
    for number, line in enumerate(read_text(folder / SUMS).splitlines(), 1):
        found = _LINE.fullmatch(line)
        if found is None or found["name"] in UNLISTED:
            raise ReleaseError(
                Kind.INVALID, "is no line 'DIGEST  NAME' of a release", where=f"{SUMS}:{number}"
            )
        if found["name"] in sums:
            raise ReleaseError(
                Kind.INVALID, f"lists {found['name']} again", where=f"{SUMS}:{number}"
            )
        sums[found["name"]] = found["digest"]
    if not sums:
        raise ReleaseError(Kind.INVALID, "lists no file", where=SUMS)
    return sums
