r"""Halves of characters: what escapes such as ``\ud83d`` name, and no UTF-8 text can hold.

JSON writes characters beyond U+FFFF as two such escapes. A half alone is no character: in JSON it becomes U+FFFD, as
bytes do that are no UTF-8 (spec/server.md 6), in YAML it is an error.
"""

from __future__ import annotations

import re

_HALF = re.compile("[\ud800-\udfff]")
_ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")
# One escape after the other, so that in \\ud800 the backslash is one and the rest a word.
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)", re.DOTALL)


def joined(text: str) -> str:
    """Give a text with pairs of halves as the characters they mean. Raises ValueError for a half alone."""
    if text.isascii() or not _HALF.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")


def whole_json(text: str) -> str:
    r"""Give a text of JSON in which no escape names a half alone: such a one becomes ``\ufffd``."""
    if not _ESCAPED_HALF.search(text):
        return text
    return _ESCAPE.sub(lambda found: r"\ufffd" if found[1] else found[0], text)
