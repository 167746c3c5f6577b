"""Hold what lies in a bundle to what its lists say: a closed world, so nothing is missing, changed or added.

``checksums.txt`` names every file but itself and the attestations; ``inventory.json``, where there is one, says the
same and modes besides (spec/bundle.md 8.2, B-31; spec/beyond.md F9, F10). A bundle without an inventory, made by
another tool, is held to its checksums alone. Pure: whoever looked at the files says what he saw.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.engine.bundle_names import (
    BUNDLE_ATTESTATION,
    CHECKSUMS,
    HISTORY,
    INVENTORY,
    LISTS_MODE,
    TOOL_ATTESTATION,
    UNLISTED,
)
from aicr_core.kit.errors import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE, LINK, OTHER = "file", "link", "other"
_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](\S.*)")


class Seen(NamedTuple):
    """What lies at a path: a plain ``file``, a ``link``, or something ``other``; ``problem`` if it cannot be read."""

    kind: str
    mode: int = 0o600
    size: int = 0
    sha256: str = ""
    problem: str = ""


class Integrity(NamedTuple):
    """What is wrong with the files; how many lines hold (0 when anything is wrong); which lists were there."""

    errors: tuple[str, ...]
    files: int
    coverage: str


def integrity(
    seen: Mapping[str, Seen],
    checksums: bytes | None,
    inventory: bytes | None,
    *,
    modes: bool = True,
) -> Integrity:
    """Compare; ``checksums`` and ``inventory`` are the bytes of these two files, None for one that is not there.

    Without ``modes`` only the owner's right to execute has to be what it was: Git keeps no other.
    """
    coverage = "inventory" if INVENTORY in seen else "checksums"
    if checksums is None:
        state = f"{CHECKSUMS} is no plain file" if CHECKSUMS in seen else f"{CHECKSUMS} is missing"
        return Integrity((state,), 0, coverage)
    lines, errors = _lines(checksums)
    if not lines and not errors:
        return Integrity((f"{CHECKSUMS} lists nothing",), 0, coverage)
    listed = dict(lines)
    readable = not errors
    for path, digest in lines:
        errors.extend(_differs(path, digest, seen.get(path)))
    errors.extend(_same_but_for_case(listed))
    if readable:
        # With lines that nobody can read it is unknown what the list names.
        errors.extend(_strangers(seen, listed))
    if inventory is not None and not errors:
        if hashlib.sha256(inventory).hexdigest() != seen[INVENTORY].sha256:
            # Read once to be held to its checksum and once to be read: it has to be the same twice.
            errors.append(f"{INVENTORY} changed while it was looked at")
        errors.extend(_inventory(inventory, listed, seen, modes))
    if TOOL_ATTESTATION in seen and BUNDLE_ATTESTATION not in seen and not errors:
        errors.append(f"{TOOL_ATTESTATION} is there without {BUNDLE_ATTESTATION}")
    return Integrity(tuple(errors), 0 if errors else len(lines), coverage)


def _lines(data: bytes) -> tuple[list[tuple[str, str]], list[str]]:
    """Read the lines of ``sha256sum``: (path, digest as written), and what is wrong with the others."""
    lines: list[tuple[str, str]] = []
    errors: list[str] = []
    text = data.decode("utf-8", "surrogateescape")
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.strip()
        found = _LINE.fullmatch(line)
        if found is not None:
            path = posixpath.normpath(found[2])
            if path.startswith(("/", "../")) or path in ("..", "."):
                errors.append(f"{CHECKSUMS}:{number}: {shown(path)} leads out of the bundle")
            else:
                lines.append((path, found[1]))
        elif line:
            errors.append(f"{CHECKSUMS}:{number}: this is no checksum and path")
    return lines, errors


def _differs(path: str, digest: str, found: Seen | None) -> Iterator[str]:
    if found is None:
        yield f"{shown(path)} is missing"
    elif found.kind == FILE and found.problem:
        yield f"{shown(path)} cannot be read: {found.problem}"
    elif found.kind == FILE and found.sha256 != digest:
        yield f"{shown(path)} is not what {CHECKSUMS} says"


def _same_but_for_case(listed: Mapping[str, str]) -> Iterator[str]:
    """Name paths, and folders in them, that would be one where names differ in case or composition alone."""
    first: dict[str, str] = {}
    told = set()
    for path in (*listed, *UNLISTED):
        parts = path.split("/")
        for end in range(1, len(parts) + 1):
            place = "/".join(parts[:end])
            other = first.setdefault(_folded(place), place)
            if other != place and place not in told:
                told.add(place)
                yield f"{shown(other)} and {shown(place)} are one file on some systems"
                break


def _folded(path: str) -> str:
    if path.isascii():
        return path.lower()
    from unicodedata import normalize

    return normalize("NFD", normalize("NFD", path).casefold())


def _history(path: str) -> str:
    """Give the first folder in a path that is a checkout's history on some system, empty for none."""
    parts = path.split("/")
    for number, part in enumerate(parts, start=1):
        # Systems that fold names skip what does not show, or a dot or blank at the end; git~1 is .git's short name.
        name = _folded("".join(c for c in part if c.isprintable())).rstrip(". ")
        if name in HISTORY or name == "git~1":
            return "/".join(parts[:number])
    return ""


def _strangers(seen: Mapping[str, Seen], listed: Mapping[str, str]) -> Iterator[str]:
    histories = set()
    for path, found in sorted(seen.items()):
        top = _history(path)
        if top:
            # One complaint about a checkout is enough. Being listed does not help: whoever publishes a bundle writes
            # its list as well, and version control runs what the configuration of a checkout names.
            if top not in histories:
                histories.add(top)
                yield f"{shown(top)} is no part of a bundle: verify an export (git archive), or a clean copy"
        elif found.kind == LINK:
            yield f"{shown(path)} is a link"
        elif found.kind != FILE:
            yield f"{shown(path)} is no plain file"
        elif path not in listed and path not in UNLISTED:
            yield f"{shown(path)} is not listed in {CHECKSUMS}"


def _inventory(
    data: bytes, listed: Mapping[str, str], seen: Mapping[str, Seen], modes: bool
) -> Iterator[str]:
    entries = _entries(data)
    if entries is None:
        yield f"{INVENTORY} is no inventory of a bundle"
        return
    here = {path for path in listed if path != INVENTORY}
    for path in sorted(here.symmetric_difference(entries)):
        has, lacks = (CHECKSUMS, INVENTORY) if path in here else (INVENTORY, CHECKSUMS)
        yield f"{shown(path)} is in {has} and not in {lacks}"
    for path in sorted(here.intersection(entries)):
        entry, found = entries[path], seen[path]
        if (entry.get("sha256"), entry.get("size")) != (found.sha256, found.size):
            yield f"{shown(path)} is not what {INVENTORY} says"
        want = entry.get("mode")
        if not isinstance(want, str) or not re.fullmatch("[0-7]{3,5}", want):
            yield f"{INVENTORY} has no mode of {shown(path)}"
        else:
            yield from _mode(path, found, int(want, 8), modes)
    for path in (INVENTORY, CHECKSUMS, BUNDLE_ATTESTATION):
        if path in seen:
            yield from _mode(path, seen[path], LISTS_MODE, modes)


def _mode(path: str, found: Seen, want: int, modes: bool) -> Iterator[str]:
    if (found.mode ^ want) & (0o7777 if modes else 0o100):
        yield f"{shown(path)} has the mode {found.mode:04o}, not {want:04o}"


def _entries(data: bytes) -> dict[str, dict[str, Any]] | None:
    try:
        files = json.loads(data)["files"]
        found = {entry["path"]: entry for entry in files}
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    # The same path twice would let one entry hide the other.
    sound = len(found) == len(files) and all(isinstance(path, str) for path in found)
    return found if sound else None


def shown(path: str) -> str:
    """Give a path as one printable line, whatever bytes it is made of."""
    return one_line(path.encode("utf-8", "backslashreplace").decode("utf-8"))
