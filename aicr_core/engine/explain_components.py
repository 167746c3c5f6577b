"""Provenance by component, for pages that show a recipe's values: who names a component, who set each of its values.

A view of ``engine.explain``; the leaves are those such a page shows, with a list as one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.engine.explain import explain
from aicr_core.engine.recipediff import selector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_core.engine.catalogue import Catalogue
    from aicr_core.engine.explain_origin import Origin
    from aicr_core.engine.explain_trail import Path

Document = dict[str, Any]


def by_component(catalogue: Catalogue, recipe: Document) -> Document:
    """Give, by component: the ``overlays`` and mixins that name it, in the order of merging, and the origin of each
    value by selector.

    The first key of an origin tells its kind: ``{overlay: name, file, line}``, ``{file: path, line}`` of a values file,
    or ``{recipe: true}`` for what only the document itself says. Raises AicrError as ``explain``.
    """
    found = explain(catalogue, recipe)
    shown: dict[str, Document] = {
        name: {"overlays": found.mentions.get(name, []), "values": {}}
        for name in found.document["components"]
    }
    for path, trail in found.trails.items():
        if path[0] == "components" and path[2:3] == ("values",):
            # A list is one leaf here: what its first item says stands for it.
            keys = list(_keys(path[3:]))
            shown[str(path[1])]["values"].setdefault(selector(keys), _origin(trail[-1].origin))
    return shown


def _keys(path: Path) -> Iterator[str]:
    for step in path:
        if isinstance(step, int):
            return
        yield step


def _origin(origin: Origin) -> Document:
    facts = origin.document()
    if "file" not in facts or facts["layer"] == "document":
        return {"recipe": True}
    place = {"line": facts["line"]} if "line" in facts else {}
    if "overlay" in facts:
        return {"overlay": facts["overlay"], "file": facts["file"], **place}
    return {"file": facts["file"], **place}
