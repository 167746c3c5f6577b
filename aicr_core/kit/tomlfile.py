"""Small TOML files that people write: read them with the place of each fault, and change one list without the rest.

Parsing is ``tomllib``'s. It keeps no positions, so the line of a key is looked for in the text: right for the plain
files this is for, none at all (0) where a key is written in a way the search does not know. Nothing here knows what
a file means.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MAX_BYTES = 1 << 20
_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"\\]*"|'[^']*')"""
_KEYS = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_TABLE = re.compile(rf"\s*(\[\[?)\s*({_KEYS})\s*\]\]?\s*(?:#.*)?$")
_PAIR = re.compile(rf"\s*({_KEYS})\s*=")
_PART = re.compile(_KEY)
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'')
_AT = re.compile(r" \(at line (\d+), column (\d+)\)$")

Place = tuple[str, ...]


class TomlFile:
    """A parsed file: ``document``, and where things stand in it."""

    def __init__(self, path: str, text: str, document: dict[str, Any]) -> None:
        self.path = path
        self.text = text
        self.document = document

    def where(self, *keys: str | int) -> str:
        """Give ``path:line`` of a key, or of the nearest one above it that is found, else the path alone."""
        wanted = tuple(str(key) for key in keys)
        known: dict[Place, int] = {}
        for place, number in _places(self.text):
            for length in range(1, len(place) + 1):
                known.setdefault(place[:length], number)
        while wanted and wanted not in known:
            wanted = wanted[:-1]
        return f"{self.path}:{known[wanted]}" if wanted else self.path


def read(path: str, what: str) -> TomlFile | None:
    """Read a file; None when it is not there. ``what`` is its name in messages (``the manifest``).

    Raises AicrError(INVALID_REQUEST) with the line where it is no TOML; for what is no regular file of up to 1 MiB.
    """
    import tomllib

    try:
        with open(path, "rb", opener=_without_waiting) as stream:
            data = stream.read(MAX_BYTES + 1)
        text = data.decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error.strerror)
        raise AicrError(Code.INVALID_REQUEST, f"cannot read {what}: {reason}", where=path) from None
    if len(data) > MAX_BYTES:
        raise AicrError(Code.INVALID_REQUEST, f"{what} is over the limit of 1 MiB", where=path)
    try:
        return TomlFile(path, text, tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        said = str(error) or "it is nested too deep"
        at = _AT.search(said)
        place = f"{path}:{at[1]}:{at[2]}" if at else path
        message = f"cannot read {what}: {said[: at.start()] if at else said}"
        raise AicrError(Code.INVALID_REQUEST, message, where=place) from None


def texts(names: Iterable[str]) -> str:
    """Write a list of texts in one line."""
    # A TOML basic string escapes as JSON does, as far as texts without surrogates go; DEL is JSON's to leave alone.
    return f"[{', '.join(quoted(name) for name in names)}]"


def quoted(text: str) -> str:
    """Write a basic string."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _without_waiting(path: str, flags: int) -> int:
    # What is a pipe must not hold the command.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def parsed(text: str) -> dict[str, Any] | None:
    """Give the document of a text, None where it is no TOML."""
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def with_list(text: str, key: str, names: Sequence[str]) -> str:
    """Give ``text`` with the top-level list ``key`` set to ``names``; all else stays, comments too.

    A list that is not there is put before the first table. Whoever writes the result parses it first: in a file
    that uses unusual ways of TOML the list may not be found.
    """
    value = f"{key} = {texts(names)}"
    lines = text.splitlines(keepends=True)
    top = next((n for n, line in enumerate(lines) if _TABLE.match(line)), len(lines))
    for start, line in enumerate(lines[:top]):
        pair = _PAIR.match(line)
        if pair and _split(pair[1]) == (key,):
            end = next((n for n in range(start + 1, top) if _closed(lines[start:n])), top)
            ending = "\n" if lines[end - 1].endswith("\n") else ""
            # A comment inside a list of several lines goes with the list; one behind it stays.
            lines[start:end] = [f"{value}{_behind(lines[end - 1])}{ending}"]
            return "".join(lines)
    above = "".join(lines[:top])
    above += "\n" if above and not above.endswith("\n") else ""
    return f"{above}{value}\n" + ("\n" if top < len(lines) else "") + "".join(lines[top:])


def _closed(lines: Sequence[str]) -> bool:
    """Tell whether a list that begins in these lines has ended; brackets in texts and comments do not count."""
    bare = _QUOTED.sub("", "".join(lines).partition("=")[2])
    bare = "".join(line.partition("#")[0] for line in bare.splitlines())
    return "]" in bare and bare.count("[") <= bare.count("]")


def _behind(line: str) -> str:
    """Give the comment behind the bracket that ends a list, with the space before it."""
    bare = _QUOTED.sub(lambda found: "x" * len(found[0]), line)
    comment = bare.find("#", bare.find("]"))
    return f"  {line[comment:].rstrip()}" if "]" in bare and comment >= 0 else ""


def _split(keys: str) -> Place:
    return tuple(part.strip("\"'") for part in _PART.findall(keys))


def _places(text: str) -> Iterator[tuple[Place, int]]:
    """Give the keys of a file with their lines; elements of an array of tables are counted from 0."""
    table: Place = ()
    counts: dict[Place, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        header = _TABLE.match(line)
        pair = None if header else _PAIR.match(line)
        if header:
            table = _split(header[2])
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, str(counts[table]))
            yield table, number
        elif pair:
            yield (*table, *_split(pair[1])), number
