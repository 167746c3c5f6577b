"""Say where the order of two overlays decides, though neither is more specific than the other (B2).

Overlays of one chain override each other on purpose. Two that are unrelated and equally specific are applied in
the order of their names, which is deterministic but says nothing: whoever wrote them should know. Nothing is
merged here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.engine.merge import FIELDS, OVERRIDES, SET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Document = dict[str, Any]


def conflicts(
    applied: Sequence[Document], chain: Callable[[str], Sequence[str]]
) -> tuple[str, ...]:
    """Give one warning for each setting that two such overlays of ``applied`` make differently."""
    found: list[str] = []
    for position, later in enumerate(applied):
        for earlier in applied[:position]:
            names = earlier["name"], later["name"]
            if (
                not _equal(earlier, later)
                or names[0] in chain(names[1])
                or names[1] in chain(names[0])
            ):
                continue
            known = dict(_settings(earlier))
            found.extend(
                f"overlays {names[0]} and {names[1]} are equally specific and both set {what}: "
                f"{names[1]} counts, by its name"
                for what, value in _settings(later)
                if what in known and known[what] != value
            )
    return tuple(found)


def _equal(one: Document, other: Document) -> bool:
    return len(one["criteria"] or {}) == len(other["criteria"] or {})


def _settings(overlay: Document) -> Iterator[tuple[str, Any]]:
    """Give what an overlay sets of the things where the last one counts alone."""
    for constraint in overlay["constraints"]:
        yield f"constraint {constraint['name']}", constraint
    for ref in overlay["componentRefs"]:
        for field, value in ref.items():
            if FIELDS[field] == SET and field != "name" and value:
                yield f"{field} of component {ref['name']}", value
            elif FIELDS[field] == OVERRIDES:
                for key, item in value.items():
                    yield f"override {key} of component {ref['name']}", item
    yield from (
        (f"validation phase {name}", phase) for name, phase in (overlay["validation"] or {}).items()
    )
