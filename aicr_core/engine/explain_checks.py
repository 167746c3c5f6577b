"""Constraints and checks of a recipe, each with who asked for it; and what a snapshot says of a constraint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.engine import match
from aicr_core.engine.explain import selector
from aicr_core.engine.gating import failures
from aicr_core.kit.errors import AicrError, Code, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_core.engine.explain import Explanation
    from aicr_core.engine.explain_trail import Path

Document = dict[str, Any]


def constraint(
    found: Explanation, name: str, snapshot: Document | None, *, absolute: bool = False
) -> list[Document]:
    """Give the constraints called ``name``: the recipe's own, and those of phases.

    A row has ``constraint``, ``phase`` where it is one's, and ``selector``, ``value``, ``origin`` and ``history`` as
    any value has; with a snapshot ``actual`` (absent where the snapshot says nothing), ``holds``, and ``reason`` where
    it does not. A phase's constraint is for the checks of that phase, which measure it themselves: no snapshot says
    whether it holds (spec/validate.md 4). Raises AicrError(NOT_FOUND) for a name that the recipe does not have.
    """
    rows = []
    known = []
    for path, phase, item in _constraints(found.document):
        known.append(item["name"])
        if item["name"] != name:
            continue
        stated = (*path, "value")
        row: Document = {"constraint": name, **({"phase": phase} if phase else {})}
        place = stated if stated in found.trails else (*path, "name")
        row.update(found.row(place, absolute=absolute))
        row["selector"] = selector(path)
        if snapshot is not None and not phase:
            row.update(_held(item, snapshot))
        rows.append(row)
    if not rows:
        raise _unknown("constraint", name, known, "--constraint")
    return rows


def check(found: Explanation, name: str, *, absolute: bool = False) -> list[Document]:
    """Give where the recipe asks for the check ``name``: ``phase``, and ``selector``, ``origin``, ``history``."""
    rows = []
    for phase, settings in (found.document.get("validation") or {}).items():
        for number, asked in enumerate(settings.get("checks") or ()):
            if asked == name:
                row = found.row(("validation", phase, "checks", number), absolute=absolute)
                rows.append({"phase": phase, **row})
    return rows


def unknown_check(found: Explanation, name: str) -> AicrError:
    """Make the error for a check that no overlay asks for and nobody brings."""
    phases = (found.document.get("validation") or {}).values()
    known = [asked for settings in phases for asked in settings.get("checks") or ()]
    return _unknown("check", name, known, "--check")


def _constraints(document: Document) -> Iterator[tuple[Path, str, Document]]:
    for number, item in enumerate(document.get("constraints") or ()):
        yield ("constraints", number), "", item
    for phase, settings in (document.get("validation") or {}).items():
        for number, item in enumerate(settings.get("constraints") or ()):
            yield ("validation", phase, "constraints", number), phase, item


def _held(item: Document, snapshot: Document) -> Document:
    failed = failures("", [item], snapshot)
    if failed:
        return {
            "holds": False,
            **{key: failed[0][key] for key in ("actual", "reason") if key in failed[0]},
        }
    return {"actual": match.reading(snapshot, item["name"]), "holds": True}


def _unknown(what: str, name: str, known: list[str], flag: str) -> AicrError:
    close = nearest(name, known)
    listed = ", ".join(dict.fromkeys(known)) or "none"
    hint = f'did you mean "{close}"?' if close else f"those of the recipe: {listed}"
    return AicrError(Code.NOT_FOUND, f'the recipe has no {what} "{name}"', where=flag, hint=hint)
