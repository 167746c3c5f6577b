"""The leaves of overlays, mixins and recipes, told apart by name where merging goes by name; for ``engine.explain``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.engine.explain_origin import Origin, Source, parts
from aicr_core.engine.explain_trail import Path, Step, Trail, leaves

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Document = dict[str, Any]
Said = dict[Path, list[Trail]]
"""What a source says: each leaf with the trails that led to it, where it says something twice the later one first."""


def spec_leaves(spec: Document, prefix: Path = ()) -> Iterator[tuple[Path, Any, Path]]:
    """Give the leaves of a spec (of an overlay, or of a recipe): by name, the value, and the way to it in the file.

    Constraints and components are told apart by name, whatever their position.
    """
    yield from _named(spec.get("constraints"), ("constraints",), (*prefix, "constraints"))
    yield from _named(spec.get("componentRefs"), ("components",), (*prefix, "componentRefs"))
    for phase, settings in (spec.get("validation") or {}).items():
        at, there = ("validation", phase), (*prefix, "validation", phase)
        if not settings:
            yield at, settings, there
        for field, value in settings.items():
            if field == "constraints" and value:
                yield from _named(value, (*at, field), (*there, field))
            else:
                for path, leaf in leaves(value, (field,)):
                    yield (*at, *path), leaf, (*there, *path)


def _named(items: Any, at: Path, there: Path) -> Iterator[tuple[Path, Any, Path]]:
    # Of components only one of a name is ever shown, the last.
    alike = at == ("components",)
    for number, (name, item) in enumerate(zip(names_of(items), items or (), strict=True)):
        for path, value in leaves(item):
            yield (*at, item["name"] if alike else name, *path), value, (*there, number, *path)


def names_of(items: Sequence[Document] | None) -> list[str]:
    """Give what items are told apart by: names; the second of one name, which some lists keep, is not the first."""
    met: dict[str, int] = {}
    found = []
    for item in items or ():
        name = str(item["name"])
        twins = met[name] = met.get(name, -1) + 1
        found.append(f"{name}\0{twins}" if twins else name)
    return found


def said_by(spec: Document, source: Source, prefix: Path = ()) -> Said:
    """Give what a source's spec says; of two entries of one name the later first."""
    said: Said = {}
    for path, value, there in spec_leaves(spec, prefix):
        trail = (Step(value, Origin(source, parts(there))),)
        said.setdefault(path, []).insert(0, trail)
        # Of two entries of one name the later counts where entries are merged by name.
        plain = tuple(s.partition("\0")[0] if isinstance(s, str) else s for s in path)
        if plain != path:
            said.setdefault(plain, []).insert(0, trail)
    return said


def spec_after(spec: Document) -> dict[Path, Any]:
    """Give the leaves of a spec that was merged."""
    return {path: value for path, value, _ in spec_leaves(spec)}
