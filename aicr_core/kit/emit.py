"""Write plain values as YAML and JSON: block style, deterministic, safe for YAML 1.1 and 1.2 readers.

Helm reads values with YAML 1.1 rules, we read YAML 1.2: a string is written plain only where no reader
of either can take it for something else (spec/bundle.md 2.7). Comments and anchors are not written.
"""

from __future__ import annotations

import functools
import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# Plain: starts with a letter, '/' or '_'; no YAML syntax inside. Everything else is quoted.
_PLAIN = re.compile(r"[A-Za-z/_](?:[A-Za-z0-9_./@+()-]|:(?=[^\s:])|[ ,=](?=[A-Za-z0-9/_.(+-]))*$")
# Also plain: a number with a unit, as Kubernetes writes quantities (500m, 1Gi). No reader takes digits followed
# by such a letter for a number: e, x, o, b and the underscore are what numbers may hold.
_QUANTITY = re.compile(r"[0-9]+(?:\.[0-9]+)?[AC-DF-NP-WYZac-df-np-wyz][A-Za-z]*$")
_WORDS = frozenset(
    {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan", "inf"}
)
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\xa0\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")


def to_yaml(value: Any, *, indent: int = 2, sort_keys: bool = False) -> str:
    """Give ``value`` as a YAML text that ends with a newline.

    ``indent`` is the width of one level; sequences are indented under their key.
    """
    if isinstance(value, dict) and value:
        lines: list[str] = []
        _map(value, "", indent, sort_keys, lines)
        return "\n".join(lines) + "\n"
    if isinstance(value, (list, tuple)) and value:
        lines = []
        _list(value, "", indent, sort_keys, lines)
        return "\n".join(lines) + "\n"
    return scalar(value) + "\n"


def _map(value: dict[str, Any], pad: str, indent: int, sort: bool, lines: list[str]) -> None:
    step = pad + " " * indent
    for key in sorted(value) if sort else value:
        item = value[key]
        name = f"{pad}{_text(str(key))}:"
        if item.__class__ is str and "\n" not in item:
            # Most are, and each of the questions below costs as much as the answer.
            lines.append(f"{name} {_text(item)}")
        elif isinstance(item, dict) and item:
            lines.append(name)
            _map(item, step, indent, sort, lines)
        elif isinstance(item, (list, tuple)) and item:
            lines.append(name)
            _list(item, step, indent, sort, lines)
        elif isinstance(item, str) and "\n" in item and _is_block(item):
            lines.append(f"{name} {_block(item, step)}")
        else:
            lines.append(f"{name} {scalar(item)}")


def _list(value: Any, pad: str, indent: int, sort: bool, lines: list[str]) -> None:
    inner = pad + "  "
    for item in value:
        if isinstance(item, (dict, list, tuple)) and item:
            start = len(lines)
            if isinstance(item, dict):
                _map(item, inner, indent, sort, lines)
            else:
                _list(item, inner, indent, sort, lines)
            lines[start] = f"{pad}- {lines[start][len(inner) :]}"
        elif isinstance(item, str) and "\n" in item and _is_block(item):
            lines.append(f"{pad}- {_block(item, inner)}")
        else:
            lines.append(f"{pad}- {scalar(item)}")


def scalar(value: Any) -> str:
    """Give a scalar, or an empty collection, as YAML."""
    if isinstance(value, str):
        return _text(value)
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return float_text(value)
    return "{}" if isinstance(value, dict) else "[]"


def float_text(value: float) -> str:
    """Give a float as the reference prints it: whole ones without a fraction, large ones as 1e+30."""
    if value != value:
        return ".nan"
    if value in (float("inf"), float("-inf")):
        return ".inf" if value > 0 else "-.inf"
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    return repr(value)


def as_text(value: Any) -> str:
    """Give a reading as text: booleans in lower case, whole floats without a fraction, nothing for None."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value)
    return "" if value is None else str(value)


def _text(value: str) -> str:
    """Give a text as YAML, plain or quoted."""
    return _known(value) if len(value) <= _SHORT else _spelled(value)


_SHORT = 48
"""Characters of the texts whose form is kept: keys and words, which come again and again."""


@functools.lru_cache(maxsize=4096)
def _known(value: str) -> str:
    return _spelled(value)


def _spelled(value: str) -> str:
    if _PLAIN.match(value) and "\n" not in value and value.lower() not in _WORDS:
        return value
    if _QUANTITY.match(value) and "\n" not in value:
        return value
    if (not value.isascii() and _UNSAFE.search(value)) or not value.isprintable() or "'" in value:
        body = "".join(_escape(char) for char in value)
        return f'"{body}"'
    if "\\" in value or '"' in value:
        return f"'{value}'"
    return f'"{value}"'


def _escape(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    code = ord(char)
    if char.isprintable():
        return char
    if 0xD800 <= code <= 0xDFFF:
        # Half of a character, which no document can hold (kit.surrogates): JSON reads the same for it.
        return "\\ufffd"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _is_block(value: str) -> bool:
    """Tell whether a literal block shows ``value`` exactly and better than a quoted line."""
    if "\n" not in value.rstrip("\n") or value[0] in " \n\t" or _UNSAFE.search(value):
        return False
    if any(not line.isprintable() for line in value.replace("\t", "").split("\n")):
        return False
    return not any(line != line.rstrip() for line in value.split("\n"))


def _block(value: str, pad: str) -> str:
    body = value.rstrip("\n")
    trailing = len(value) - len(body)
    head = "|-" if trailing == 0 else "|" if trailing == 1 else "|+"
    lines = [head, *(pad + line if line else "" for line in body.split("\n"))]
    lines.extend([""] * (trailing - 1))
    return "\n".join(lines)


def to_json(value: Any, *, indent: int = 2) -> str:
    """Give ``value`` as JSON with a final newline; whole floats print as integers.

    Raises ValueError for infinity and NaN, which JSON cannot hold.
    """
    from json.encoder import encode_basestring

    parts: list[str] = []
    _json(value, "\n", " " * indent, parts, encode_basestring)
    parts.append("\n")
    return "".join(parts)


def _json(value: Any, line: str, step: str, parts: list[str], quoted: Callable[[str], str]) -> None:
    """Add a value; ``line`` begins a line of it. The standard library indents in Python too, in thrice the time."""
    if isinstance(value, str):
        parts.append(quoted(value))
    elif isinstance(value, dict) and value:
        inner, start = line + step, "{"
        for key, item in value.items():
            parts.append(f"{start}{inner}{quoted(str(key))}: ")
            _json(item, inner, step, parts, quoted)
            start = ","
        parts.append(f"{line}}}")
    elif isinstance(value, (list, tuple)) and value:
        inner, start = line + step, "["
        for item in value:
            parts.append(start + inner)
            _json(item, inner, step, parts, quoted)
            start = ","
        parts.append(f"{line}]")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"JSON cannot hold {value}")
        whole = abs(value) < 1e21 and value == int(value)
        parts.append(str(int(value)) if whole else float.__repr__(value))
    elif isinstance(value, int):
        parts.append(
            {True: "true", False: "false"}[value]
            if isinstance(value, bool)
            else int.__repr__(value)
        )
    elif value is None:
        parts.append("null")
    elif isinstance(value, dict):
        parts.append("{}")
    elif isinstance(value, (list, tuple)):
        parts.append("[]")
    else:
        raise TypeError(f"a {type(value).__name__} is no value of JSON")
