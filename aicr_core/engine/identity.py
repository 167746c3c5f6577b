"""Patterns of signers' identities: what a pattern may say, so that it cannot say more than its author thinks.

A pattern is a regular expression that an identity has to match whole. It begins with the repository whose workflows
sign the tool, and has no alternative at its top: ``REPOSITORY/a|.*`` would let everybody in (spec/beyond.md 2.19).
Which repository that is, is plugins' data. Pure.
"""

from __future__ import annotations

import re

from aicr_core.kit.errors import AicrError, Code

FLAG = "--certificate-identity-regexp"
_UNREADABLE = re.compile(r"\(\?(?:#|[aiLmsu]*x)")
"""Comments and verbose groups: brackets in them are none, so what stands at the top could not be told by counting."""


def check_pattern(text: str, repository: str) -> None:
    """Raise AicrError(INVALID_REQUEST) unless ``text`` is a pattern below ``repository``, a literal text."""
    if not _begins(text, repository):
        raise _bad(f'"{text}" does not begin with {repository}')
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise _bad(f'"{text}" is no regular expression: {error}') from None
    if _UNREADABLE.search(text):
        raise _bad(
            f'"{text}" holds a comment, or a group in which blanks and # mean something else'
        )
    if _alternative(text):
        raise _bad(f'"{text}" has an alternative at its top: put it into parentheses')


def _bad(message: str) -> AicrError:
    return AicrError(
        Code.INVALID_REQUEST, message, where=FLAG,
        hint="a pattern is matched whole; it begins with the repository, literally or with escaped dots",
    )  # fmt: skip


def _begins(text: str, repository: str) -> bool:
    """Compare letter by letter; a dot may be escaped, and an anchor may stand before."""
    rest = text.removeprefix("^")
    for letter in repository:
        rest = rest.removeprefix("\\") if letter == "." else rest
        if not rest.startswith(letter):
            return False
        rest = rest[1:]
    # A quantifier would undo the last letter.
    return not rest.startswith(("?", "*", "+", "{"))


def _alternative(text: str) -> bool:
    """Tell whether a ``|`` stands outside of all parentheses; ``text`` compiles."""
    depth = 0
    in_class = False
    position = 0
    while position < len(text):
        letter = text[position]
        if letter == "\\":
            position += 1
        elif in_class:
            in_class = letter != "]"
        elif letter == "[":
            in_class = True
            # A bracket right at the start of a class is a member of it.
            position += text.startswith("^", position + 1)
            position += text.startswith("]", position + 1)
        elif letter == "(":
            depth += 1
        elif letter == ")":
            depth -= 1
        elif letter == "|" and depth == 0:
            return True
        position += 1
    return False
