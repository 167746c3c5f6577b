"""Read the plain block style that machines write, several times faster than a full YAML parser.

Snapshots of large clusters are tens of megabytes, and a full parser in Python takes a minute for them. This one knows
mappings, sequences, quoted and plain scalars on one line and literal blocks, as our emitter and the reference's write
them. Anything else (flow style, anchors, tags, comments, folded text, odd indentation) it refuses, and the caller takes
``kit.yamlio``: what this module does accept has the same value there, which a property test holds.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from aicr_core.kit.scalars import plain_value

# In block style a plain key ends at the first colon before a blank; a # starts a comment only behind a blank.
_KEY = re.compile(
    r"""(?:([A-Za-z0-9_/.+-](?:[^:#]|:(?=\S)|(?<=\S)#)*)|"([^"\\]*)"|'([^']*)'):(?: (.*))?""",
)
_PLAIN = re.compile(r"[A-Za-z0-9_/.+(<~$^;=-]")
_MEMO_WIDTH = 200
"""Lines up to this long are remembered: the files of a fleet's nodes are mostly the same lines."""
_JSON_TEXT = re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4})*"')


class Unsupported(Exception):
    """The text is not of the plain style; it may be YAML all the same."""


def load(text: str) -> Any:
    """Give the value of the only document in ``text``. Raises Unsupported."""
    reader = _Reader(text.split("\n"))
    try:
        value = reader.block(0)
    except RecursionError:
        raise Unsupported from None
    if reader.number < len(reader.lines):
        raise Unsupported
    return value


class _Reader:
    """A position in the lines; blank lines are skipped where they mean nothing."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.number = 0

    def _indent(self) -> int:
        """Give the indentation of the next line that holds something, -1 at the end."""
        while self.number < len(self.lines):
            line = self.lines[self.number]
            if line:
                width = len(line) - len(line.lstrip(" "))
                if width < len(line):
                    return width
                raise Unsupported
            self.number += 1
        return -1

    def block(self, indent: int) -> Any:
        if self._indent() != indent:
            raise Unsupported
        line = self.lines[self.number]
        if line.startswith("- ", indent) or line[indent:] == "-":
            return self._sequence(indent)
        return self._mapping(indent)

    def _mapping(self, indent: int, found: dict[str, Any] | None = None) -> dict[str, Any]:
        found = {} if found is None else found
        lines, size = self.lines, len(self.lines)
        while True:
            while self.number < size:
                # Nearly every line of a snapshot is a reading: those take the short way.
                line = lines[self.number]
                known = _remembered(line) if len(line) <= _MEMO_WIDTH else _reading(line)
                if known is None or known[0] != indent or known[1] in found:
                    break
                found[known[1]] = known[2]
                self.number += 1
            width = self._indent()
            if width != indent:
                break
            line = lines[self.number]
            if line.startswith("-", indent):
                raise Unsupported
            self._pair(line[indent:], indent, found)
        if width > indent:
            raise Unsupported
        return found

    def _pair(self, text: str, indent: int, found: dict[str, Any]) -> None:
        key, rest = _split(text)
        if key in found:
            raise Unsupported
        self.number += 1
        if rest:
            found[key] = self._value(rest, indent)
            return
        if rest is not None:
            raise Unsupported
        width = self._indent()
        if width > indent:
            found[key] = self.block(width)
        elif width == indent and self.lines[self.number].startswith("- ", indent):
            found[key] = self._sequence(indent)
        else:
            found[key] = None

    def _sequence(self, indent: int) -> list[Any]:
        found: list[Any] = []
        while self._indent() == indent and self.lines[self.number].startswith("- ", indent):
            rest = self.lines[self.number][indent + 2 :]
            if rest.startswith((" ", "- ")) or not rest:
                raise Unsupported
            if _KEY.fullmatch(rest):
                item: dict[str, Any] = {}
                self._pair(rest, indent + 2, item)
                found.append(self._mapping(indent + 2, item))
            else:
                self.number += 1
                found.append(self._value(rest, indent))
        return found

    def _value(self, text: str, indent: int) -> Any:
        if text in ("[]", "{}"):
            return [] if text == "[]" else {}
        if text in ("|", "|-", "|+"):
            return self._literal(text, indent)
        return _scalar(text)

    def _literal(self, mark: str, indent: int) -> str:
        start = self.number
        while start < len(self.lines) and not self.lines[start]:
            start += 1
        if start != self.number or start == len(self.lines):
            raise Unsupported
        width = len(self.lines[start]) - len(self.lines[start].lstrip(" "))
        if width <= indent:
            raise Unsupported
        body = []
        while self.number < len(self.lines):
            line = self.lines[self.number]
            if line and not line.startswith(" " * width):
                if len(line) - len(line.lstrip(" ")) > indent:
                    raise Unsupported
                break
            if not line.replace("\t", "").isprintable():
                raise Unsupported
            body.append(line[width:])
            self.number += 1
        trailing = 0
        while body and not body[-1]:
            body.pop()
            trailing += 1
        # The lines were split at every line end, so the last empty one is no line of its own.
        if self.number == len(self.lines):
            trailing -= 1
        text = "\n".join(body)
        if mark == "|-" or trailing < 0:
            return text
        return text + "\n" * (1 if mark == "|" else 1 + trailing)


def _split(text: str) -> tuple[str, str | None]:
    """Give key and value text of a line without its indentation; None for a key alone. Raises Unsupported."""
    match = _KEY.fullmatch(text)
    if match is None:
        raise Unsupported
    plain, double, single, rest = match.groups()
    if plain is not None and (
        plain != plain.rstrip() or not isinstance(plain_value(plain), str) or plain == "<<"
    ):
        # A key such as 12 or true keeps its text in the full parser as well, but let that be its business.
        raise Unsupported
    key = plain if plain is not None else double if double is not None else single
    if not key.isprintable():
        raise Unsupported
    return key, rest


def _reading(line: str) -> tuple[int, str, Any] | None:
    """Give indentation, key and value of a line that is a key with a scalar; None for any other line."""
    text = line.lstrip(" ")
    if text.startswith("-"):
        return None
    try:
        key, rest = _split(text)
        if not rest or rest in ("[]", "{}", "|", "|-", "|+"):
            return None
        return len(line) - len(text), key, _scalar(rest)
    except Unsupported:
        return None


_remembered = functools.lru_cache(maxsize=32768)(_reading)


def _scalar(text: str) -> Any:
    first = text[0]
    if first == '"':
        if not _JSON_TEXT.fullmatch(text):
            raise Unsupported
        if "\\" not in text:
            return _printable(text[1:-1])
        import json

        return json.loads(text)
    if first == "'":
        body = text[1:-1]
        if len(text) < 2 or text[-1] != "'" or "'" in body.replace("''", ""):
            raise Unsupported
        return _printable(body.replace("''", "'"))
    if (
        not _PLAIN.match(text)
        or text != text.rstrip()
        or ": " in text
        or " #" in text
        or text.endswith(":")
        or text.startswith(("- ", "-\t"))
        or text in ("-", "---", "...")
    ):
        raise Unsupported
    return plain_value(_printable(text))


def _printable(text: str) -> str:
    if not text.isprintable():
        raise Unsupported
    return text
