"""Rules that say what a difference between two snapshots means: nothing, a note, a warning, an alarm.

A rule is a set of path patterns and a class. ``volatile`` readings change all the time and ``identity`` ones differ
between nodes: neither is drift, though another identity of the same node is worth a note. ``info``, ``warn`` and
``critical`` are severities. The last rule that fits decides; a path no rule fits is ``info``. The rules themselves are
data of the plugins (``drift/*.yaml``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.schema import TEXT, ListOf, Record

if TYPE_CHECKING:
    from collections.abc import Iterable

Document = dict[str, Any]
SEVERITIES = ("info", "warn", "critical")
SILENT = ("volatile", "identity")
CLASSES = (*SILENT, *SEVERITIES)
SCHEMA = Record(
    "the drift rules",
    {
        "kind": TEXT,
        "apiVersion": TEXT,
        "rules": ListOf(
            Record(
                "a rule",
                {"class": TEXT, "paths": ListOf(TEXT), "why": TEXT},
                required=("class", "paths"),
            )
        ),
    },
    required=("rules",),
)


class Rules:
    """An ordered list of rules; what a path means is worked out once."""

    def __init__(self, rules: Iterable[Document] = (), source: str = "") -> None:
        self._rules: list[tuple[re.Pattern[str], str]] = []
        self._known: dict[str, str] = {}
        self.add(rules, source)

    def add(self, rules: Iterable[Document], source: str) -> None:
        """Append rules, which decide over earlier ones. Raises AicrError for an unknown class."""
        for rule in rules:
            if rule["class"] not in CLASSES:
                raise AicrError(
                    Code.INVALID_REQUEST, f'unknown class "{rule["class"]}"', where=source,
                    hint=f"known: {', '.join(CLASSES)}",
                )  # fmt: skip
            pattern = "|".join(f"(?:{_regex(path)})" for path in rule["paths"])
            self._rules.append((re.compile(pattern, re.DOTALL), rule["class"]))
        self._known.clear()

    def of(self, path: str) -> str:
        """Give the class of a path ``Type.subtype.key``."""
        known = self._known.get(path)
        if known is None:
            known = "info"
            for pattern, name in reversed(self._rules):
                if pattern.fullmatch(path):
                    known = name
                    break
            self._known[path] = known
        return known

    def is_stable(self, path: str) -> bool:
        """Tell whether a path is neither volatile nor identity: what equal nodes have in common."""
        return self.of(path) not in SILENT


def _regex(pattern: str) -> str:
    # Several stars in a row say what one says, and cost a backtracking matcher dearly.
    pattern = re.sub(r"\*+", "*", pattern)
    return "".join(
        ".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern
    )


# Behind the arguments of an Exec* entry stand times, process number and status of its last run.
_NUMBERS = re.compile(r"(?<=[\]e])(?: \d+){4,}")
_TIMES = re.compile(r"SystemD\..*\.Exec\w+")
_MARK = re.compile(r"<redacted:[0-9a-f]{8}>")


def normal(path: str, text: str, node: str = "") -> str:
    """Give a reading without what says nothing about settings.

    That is: times and process numbers inside ``Exec*`` entries, the digests of redacted values (each snapshot has a
    key of its own), and the name of the node itself.
    """
    if "<redacted:" in text:
        text = _MARK.sub("<redacted>", text)
    if "Exec" in path and _TIMES.fullmatch(path):
        text = _NUMBERS.sub("", text)
    return text.replace(node, "<node>") if len(node) > 2 and node in text else text


def alike(path: str, old: str, new: str, nodes: tuple[str, str]) -> bool:
    """Tell whether two readings mean the same. A redacted part is taken to be like any other text in its place."""
    before, after = normal(path, old, nodes[0]), normal(path, new, nodes[1])
    if before == after:
        return True
    for marked, other in ((before, after), (after, before)):
        if "<redacted>" in marked and "<redacted>" not in other:
            pattern = ".+".join(re.escape(part) for part in marked.split("<redacted>"))
            return re.fullmatch(pattern, other, re.DOTALL) is not None
    return False
