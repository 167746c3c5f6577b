"""Comments that allow a finding where it is meant: ``# aicr: allow R033 because ...``.

Such a comment counts for its line, or alone on a line for the next one that is no comment. ``# aicr: allow-file R036``
counts for the whole file. One that allows nothing is a finding itself, so that it goes when its reason has gone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aicr_core.engine.layers import read
from aicr_core.engine.lint_findings import Finding, Subject, make
from aicr_core.kit.errors import AicrError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aicr_core.engine.lint_reading import Reader

_COMMENT = re.compile(r"#\s*aicr: allow(?P<file>-file)?\s+(?P<rules>R\d{3}(?:,\s*R\d{3})*)")
_TEXTS = (".yaml", ".yml", ".j2")


class Allowance:
    """One rule that a comment allows: in a line (0: everywhere) of a file; ``at`` is where the comment stands."""

    __slots__ = ("at", "line", "rule", "used")

    def __init__(self, rule: str, line: int, at: tuple[int, int]) -> None:
        self.rule = rule
        self.line = line
        self.at = at
        self.used = False


def allowances(text: str) -> list[Allowance]:
    """Give what the comments of a file allow."""
    found = []
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        comment = _COMMENT.search(line)
        if comment is None:
            continue
        target = 0 if comment["file"] else number
        if target and not line[: comment.start()].strip():
            target = next(
                (n for n, below in enumerate(lines[number:], number + 1) if _says(below)), number
            )
        rules = re.findall(r"R\d{3}", comment["rules"])
        found += [Allowance(rule, target, (number, comment.start() + 1)) for rule in rules]
    return found


def _says(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def without(
    reader: Reader, subjects: Iterable[Subject], findings: Iterable[Finding]
) -> tuple[list[Finding], int]:
    """Give the findings that no comment allows, with those about comments, and how many were allowed."""
    known = {subject.shown: _of(reader, subject) for subject in subjects}
    left, allowed = [], 0
    for finding in findings:
        fitting = [
            one
            for one in known.get(finding.path, ())
            if one.rule == finding.rule and one.line in (0, finding.line)
        ]
        for one in fitting:
            one.used = True
        allowed += bool(fitting)
        if not fitting:
            left.append(finding)
    for path, comments in known.items():
        left += [
            make("R042", path, one.at, f"nothing here breaks {one.rule}")
            for one in comments
            if not one.used
        ]
    return left, allowed


def _of(reader: Reader, subject: Subject) -> list[Allowance]:
    if not subject.path.endswith(_TEXTS):
        return []
    try:
        data = read(reader.layers[subject.layer].root, subject.path)
    except AicrError:
        return []
    return allowances(data.decode("utf-8", "replace")) if b"aicr: allow" in data else []
