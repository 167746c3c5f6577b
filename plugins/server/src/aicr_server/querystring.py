"""Query strings as spec/server.md 6 reads them: what cannot be decoded is dropped, the first of a name counts.

The standard library's parser would accept ``;`` and broken escapes otherwise, so the rules stand here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_to_bytes

from aicr_core.api import AicrError, Code
from aicr_server.settings import DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_server.vocabulary import Vocabulary

_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})")
_INTEGER = re.compile(r"[0-9]{1,10}\Z")
MOST_NODES = 2**31 - 1


class Asked(NamedTuple):
    """Criteria of a request: canonical values, ``any`` spelled out, and the number of nodes."""

    criteria: Mapping[str, str]
    nodes: int

    @property
    def stated(self) -> dict[str, str]:
        """The criteria that say anything."""
        return {name: value for name, value in self.criteria.items() if value != "any"}

    @property
    def key(self) -> tuple[str | int, ...]:
        """What tells two of them apart."""
        return (*(self.criteria[name] for name in DIMENSIONS), self.nodes)


def parameters(raw: str) -> dict[str, list[str]]:
    """Give the parameters of a query string, every value of each, in order."""
    found: dict[str, list[str]] = {}
    for piece in raw.split("&"):
        if not piece or ";" in piece or _BROKEN.search(piece):
            continue
        name, _, value = piece.replace("+", " ").partition("=")
        found.setdefault(_decoded(name), []).append(_decoded(value))
    return found


def switch(given: Mapping[str, list[str]], name: str) -> bool:
    """Read a parameter that switches something on. Raises AicrError(INVALID_REQUEST) for anything but true or false."""
    text = given.get(name, [""])[0].strip().lower()
    if text in ("true", "1"):
        return True
    if text in ("", "false", "0"):
        return False
    raise AicrError(Code.INVALID_REQUEST, f'{name} is "{text}", not true or false')


def _decoded(text: str) -> str:
    return unquote_to_bytes(text).decode("utf-8", "replace")


def nodes(text: str) -> int:
    """Give the number of nodes a text means. Raises AicrError; only plain decimal digits count (D18)."""
    if re.fullmatch(r"-[0-9]+", text):
        raise (
            AicrError(Code.INVALID_REQUEST, f"invalid nodes count: {int(text)} (must be >= 0)")
            if len(text) < 20
            else _no_nodes(text)
        )
    if not _INTEGER.match(text) or int(text) > MOST_NODES:
        raise _no_nodes(text)
    return int(text)


def _no_nodes(text: str) -> AicrError:
    return AicrError(Code.INVALID_REQUEST, f"invalid nodes value: {text}")


def criteria(given: Mapping[str, list[str]], vocabulary: Vocabulary) -> Asked:
    """Read the criteria of a query. Raises AicrError(INVALID_REQUEST) for the first that is wrong."""

    def first(name: str) -> str:
        return given[name][0] if name in given else ""

    def text(dimension: str) -> str:
        return first(dimension) or (first("gpu") if dimension == "accelerator" else "")

    found = vocabulary.criteria(text, " parameter")
    return Asked(found, nodes(first("nodes")) if first("nodes") else 0)
