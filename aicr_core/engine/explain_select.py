"""Selectors of ``aicr recipe explain``: those of ``aicr query``, and wildcards; they name all leaves below."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from aicr_core.engine.query import select, steps_of
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aicr_core.engine.explain import Explanation
    from aicr_core.engine.explain_trail import Path


def matching(found: Explanation, selectors: Iterable[str]) -> list[Path]:
    """Give the leaves that selectors name, those of the first selector first, each once.

    A selector names a leaf or what holds some. ``*`` stands for any text in a key, ``[*]`` for any item of a list. What
    was taken away follows what is there.

    Raises AicrError(NOT_FOUND) for a selector that matches nothing, with what is there.
    """
    paths: dict[Path, None] = {}
    for selector in selectors:
        # A name with brackets around it is a list position or a quoted key, and "*" is neither.
        pattern = steps_of(selector.replace("[*]", ".*"))
        there = [
            path
            for known in (found.trails, found.gone)
            for path in known
            if _matches(path, pattern)
        ]
        if not there:
            if not any(isinstance(step, str) and "*" in step for step in pattern):
                select(found.document, selector)
            raise AicrError(
                Code.NOT_FOUND, f'selector "{selector}" matches nothing in the recipe',
                hint="`aicr recipe explain --all` shows every value",
            )  # fmt: skip
        paths.update(dict.fromkeys(there))
    return list(paths)


def _matches(path: Path, pattern: list[str | int]) -> bool:
    return len(pattern) <= len(path) and all(map(_fits, path, pattern))


def _fits(step: str | int, wanted: str | int) -> bool:
    if step == wanted:
        return True
    return isinstance(wanted, str) and "*" in wanted and fnmatchcase(str(step), wanted)
