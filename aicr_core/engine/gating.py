"""Hold candidate overlays to a snapshot, and fall back to what still holds.

An overlay is usable when its own constraints and those of its whole chain pass. One that is not is dropped
in favour of its nearest usable ancestor, and never comes back through a child (spec/recipe.md 11, B5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.engine import match
from aicr_core.kit.constraints import evaluate
from aicr_core.kit.errors import AicrError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Document = dict[str, Any]


def failures(owner: str, constraints: Iterable[Document], snapshot: Document) -> list[Document]:
    """Give one warning record for each constraint that the snapshot does not satisfy."""
    found = []
    for constraint in constraints:
        name, expected = constraint["name"], constraint.get("value", "")
        actual = ""
        try:
            actual = match.reading(snapshot, name)
            if evaluate(expected, actual):
                continue
            reason = f"expected {expected}, got {actual}"
        except AicrError as error:
            reason = str(error)
        record = {
            "overlay": owner,
            "constraint": name,
            "expected": expected,
            "actual": actual,
            "reason": reason,
        }
        found.append({key: value for key, value in record.items() if value})
    return found


class Gate:
    """The verdicts of one snapshot over overlays; each overlay's constraints are evaluated once."""

    def __init__(
        self,
        snapshot: Document,
        overlay: Callable[[str], Document],
        chain: Callable[[str], tuple[str, ...]],
    ) -> None:
        self._snapshot = snapshot
        self._overlay = overlay
        self._chain = chain
        self._failed: dict[str, list[Document]] = {}

    def own_failures(self, name: str) -> list[Document]:
        """Failed constraints of the overlay itself."""
        if name not in self._failed:
            constraints = self._overlay(name)["constraints"]
            self._failed[name] = failures(name, constraints, self._snapshot)
        return self._failed[name]

    def usable(self, name: str) -> bool:
        """Tell whether the overlay and all its ancestors pass."""
        return not any(self.own_failures(member) for member in self._chain(name))

    def filter(self, candidates: list[str]) -> tuple[list[str], list[str], list[Document]]:
        """Give usable candidates (fallbacks included), excluded names, and the warnings, all sorted."""
        kept: set[str] = set()
        excluded: set[str] = set()
        warnings: dict[str, list[Document]] = {}
        for name in candidates:
            if self.usable(name):
                kept.add(name)
                continue
            excluded.add(name)
            for member in self._chain(name):
                if self.own_failures(member):
                    warnings[member] = self.own_failures(member)
            fallback = next((m for m in reversed(self._chain(name)[:-1]) if self.usable(m)), None)
            if fallback is not None:
                kept.add(fallback)
        records = [record for name in sorted(warnings) for record in warnings[name]]
        return sorted(kept), sorted(excluded), records
