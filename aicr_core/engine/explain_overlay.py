"""Why an overlay is, or is not, part of a recipe: criteria, constraints, inheritance, layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.engine.criteria import ANY, DIMENSIONS
from aicr_core.engine.explain_origin import Origin, Sources
from aicr_core.kit.errors import AicrError, Code, nearest

if TYPE_CHECKING:
    from aicr_core.engine.catalogue import Catalogue

Document = dict[str, Any]


def why_not(
    catalogue: Catalogue, name: str, recipe: Document, *, absolute: bool = False
) -> Document:
    """Tell why the overlay ``name`` is not part of a recipe document, or that it is.

    Gives ``overlay``, ``origin`` (where it is written), ``verdict`` and what the verdict rests on:

    ``applied``
        it is part of the recipe: ``through`` names the overlays that brought it, where its own criteria do not hold.
    ``criteria``
        ``differs`` has ``{dimension, asked, wanted}`` for each criterion that does not hold.
    ``excluded``
        ``constraints`` has what the snapshot did not satisfy: ``{overlay, constraint, expected, actual?, reason}``.
    ``base-only``
        it states no criteria, so it only applies as the base of others: ``children``.
    ``inactive``
        its base is in no installed plugin: ``base``.
    ``shadowed``
        a later layer's file stands in its place: ``by``.
    ``unlisted``
        its criteria hold, yet the recipe does not list it: it was made from another catalogue.

    ``shadows`` is there too where an overlay stands in the place of a lower layer's.
    Raises AicrError(NOT_FOUND) for a name that no layer knows.
    """
    if name in catalogue.inactive():
        return {"overlay": name, "verdict": "inactive", "base": catalogue.inactive()[name]}
    body = catalogue.base() if name == "base" else catalogue.overlay(name)
    shadow = catalogue.shadowed().get(name)
    if body is None:
        if shadow is not None:
            return {"overlay": name, "verdict": "shadowed", **shadow}
        raise _unknown(catalogue, name, recipe)
    found: Document = {
        "overlay": name,
        "origin": Origin(Sources(catalogue).overlay(name, body), ("metadata", "name")).document(
            absolute=absolute
        ),
    }
    if shadow is not None:
        found["shadows"] = {key: shadow[key] for key in ("file", "layer")}
    metadata = recipe.get("metadata") or {}
    applied = metadata.get("appliedOverlays") or []
    criteria = recipe.get("criteria") or {}
    if name in applied:
        differs = [] if name == "base" else _differences(body, criteria)
        through = [] if name == "base" or (body["criteria"] is not None and not differs) else [
            other for other in applied if name in _ancestors(catalogue, other)
        ]  # fmt: skip
        return {**found, "verdict": "applied", **({"through": through} if through else {})}
    failed = _failed(catalogue, name, metadata)
    if failed:
        return {**found, "verdict": "excluded", "constraints": failed}
    if body["criteria"] is None:
        children = [other for other in catalogue.names() if catalogue.parent_of(other) == name]
        return {**found, "verdict": "base-only", "children": children}
    differs = _differences(body, criteria)
    if differs:
        return {**found, "verdict": "criteria", "differs": differs}
    return {**found, "verdict": "unlisted"}


def _unknown(catalogue: Catalogue, name: str, recipe: Document) -> AicrError:
    if name in ((recipe.get("metadata") or {}).get("appliedOverlays") or ()):
        return AicrError(
            Code.NOT_FOUND, f'the recipe lists overlay "{name}", and the catalogue does not have it',
            where="--why-not", hint="name its directory with --data, or install the package that brings it",
        )  # fmt: skip
    known = ["base", *catalogue.names(), *catalogue.inactive()]
    close = nearest(name, known)
    hint = f'did you mean "{close}"?' if close else "`aicr recipe list` has the names"
    return AicrError(Code.NOT_FOUND, f'no overlay "{name}"', where="--why-not", hint=hint)


def _differences(body: Document, asked: Document) -> list[Document]:
    """Give the criteria of an overlay that a query does not meet; every one of them has to hold."""
    wanted = body["criteria"] or {}
    return [
        {"dimension": name, "asked": asked.get(name) or ANY, "wanted": wanted[name]}
        for name in DIMENSIONS
        if name in wanted and wanted[name] != asked.get(name)
    ]


def _ancestors(catalogue: Catalogue, name: str) -> list[str]:
    found: list[str] = []
    parent = catalogue.parent_of(name)
    while parent and parent not in found:
        found.append(parent)
        parent = catalogue.parent_of(parent)
    return found


def _failed(catalogue: Catalogue, name: str, metadata: Document) -> list[Document]:
    """Give the constraints by which the snapshot excluded an overlay: its own, its ancestors', its mixins'."""
    excluded = [
        item["name"] if isinstance(item, dict) else item
        for item in metadata.get("excludedOverlays") or ()
    ]
    line = [name, *_ancestors(catalogue, name)]
    if name not in excluded:
        # Fallbacks of excluded overlays are not listed as such, but what they failed is.
        line = [name]
    bodies = (catalogue.overlay(member) or {} for member in line)
    owners = {*line, *(mixin for body in bodies for mixin in body.get("mixins") or ())}
    return [w for w in metadata.get("constraintWarnings") or () if w.get("overlay") in owners]
