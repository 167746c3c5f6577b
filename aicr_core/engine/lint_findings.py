"""What the lint finds, and the files it looks at: findings with a place, subjects with their nodes. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.engine.lint_rules import RULES, SEVERITIES
from aicr_core.kit import yamlio

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aicr_core.kit.errors import AicrError

Document = dict[str, Any]
Steps = tuple[str | int, ...]


class Finding(NamedTuple):
    """Something wrong: the rule, the file as it is shown, line and column from 1 (0: the whole file), a hint."""

    rule: str
    severity: str
    path: str
    line: int
    column: int
    message: str
    hint: str

    @property
    def place(self) -> str:
        """``file:line:column``, as far as it is known."""
        return f"{self.path}:{self.line}:{self.column}" if self.line else self.path


class Subject:
    """One file under the lint.

    ``layer`` is the number of its layer, ``path`` its path there, ``shown`` what findings call it. ``node`` is None
    where it is not valid YAML; ``document`` is what could be read of it, ``body`` what the catalogue makes of that
    (of an overlay or a mixin only).
    """

    def __init__(self, layer: int, path: str, shown: str) -> None:
        self.layer = layer
        self.path = path
        self.shown = shown
        self.node: yamlio.Node | None = None
        self.document: Document = {}
        self.body: Document | None = None

    def at(self, steps: Steps) -> tuple[int, int]:
        """Give line and column of a field, or of the nearest thing above it that is there.

        Of a list or a mapping below a key it is the key's place.
        """
        node = self.node
        if node is None:
            return 0, 0
        place = node
        for step in steps:
            key, inner = _below(node, step)
            if inner is None:
                break
            node = inner
            place = node if key is None or node.kind == yamlio.SCALAR else key
        return place.line, place.column

    def finding(self, rule: str, steps: Steps, message: str, hint: str = "") -> Finding:
        """Make a finding at a field of the file; without ``hint`` the rule's own help is shown."""
        return make(rule, self.shown, self.at(steps), message, hint)


def _below(node: yamlio.Node, step: str | int) -> tuple[yamlio.Node | None, yamlio.Node | None]:
    """Give what is one step below a node, and its key where it has one."""
    if node.kind == yamlio.LIST and isinstance(step, int):
        return None, node.value[step] if step < len(node.value) else None
    if node.kind == yamlio.MAP:
        return next(((key, value) for key, value in node.value if key.value == step), (None, None))
    return None, None


def make(rule: str, path: str, place: tuple[int, int], message: str, hint: str = "") -> Finding:
    """Make a finding with the severity of its rule."""
    known = RULES[rule]
    return Finding(rule, known.severity, path, *place, message, hint or known.help)


def of_error(rule: str, error: AicrError, path: str) -> Finding:
    """Make a finding of an error of the engine; its place is taken from ``where``, if that is in the file."""
    place = (0, 0)
    numbers = (error.where or "").rsplit(":", 2)[1:]
    if len(numbers) == 2 and all(number.isdecimal() for number in numbers):
        place = (int(numbers[0]), int(numbers[1]))
    elif numbers and numbers[-1].isdecimal():
        place = (int(numbers[-1]), 1)
    return make(rule, path, place, error.message, error.hint or "")


class LintReport(NamedTuple):
    """The result: findings in order of files and places, how many files were looked at, what could not be judged.

    ``allowed`` is how many findings comments in the files allow; ``threshold`` is the severity from which on the
    command fails.
    """

    findings: tuple[Finding, ...]
    files: int
    notes: tuple[str, ...]
    threshold: str
    allowed: int = 0

    @property
    def failing(self) -> int:
        """How many findings are at or above the threshold."""
        worse = SEVERITIES[: SEVERITIES.index(self.threshold) + 1]
        return sum(finding.severity in worse for finding in self.findings)

    def counts(self) -> Mapping[str, int]:
        """How many findings there are of each severity."""
        return {word: sum(f.severity == word for f in self.findings) for word in SEVERITIES}


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Give each finding once, by file, place and rule."""
    return tuple(sorted(set(findings), key=lambda f: (f.path, f.line, f.column, f.rule, f.message)))


def document(report: LintReport) -> Document:
    """Give the result as JSON has it."""
    return {
        "kind": "RecipeLint",
        "apiVersion": "aicr.run/v1",
        "files": report.files,
        "findings": [finding._asdict() for finding in report.findings],
        "notes": list(report.notes),
        "summary": {**report.counts(), "allowed": report.allowed, "failing": report.failing},
    }
