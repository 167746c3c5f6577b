"""Where a recipe's components and values come from: the overlays that name a component, and who wrote each value.

The later of two layers decides, as in hydration (``engine.hydrate``); nothing is merged here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.engine.hydrate import component_values, values_files
from aicr_core.engine.recipediff import selector
from aicr_core.engine.rules import rules_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_core.engine.catalogue import Catalogue

Document = dict[str, Any]


def origins(catalogue: Catalogue, recipe: Document) -> Document:
    """Give, by component: the ``overlays`` and mixins that name it, in the order of merging, and the origin of each
    value by selector: ``{file}``, ``{overlay}``, or ``{recipe: true}`` for what only the document itself says.
    """
    sources = _sources(catalogue, recipe["metadata"]["appliedOverlays"])
    deletes = rules_for(recipe["apiVersion"]).null_deletes
    found = {}
    for ref in recipe["componentRefs"]:
        name = ref["name"]
        mentions = [
            (source, item.get("overrides") or {})
            for source, refs in sources
            for item in refs
            if item["name"] == name
        ]
        layers: list[tuple[Document, Document]] = [
            ({"file": path}, catalogue.values(path)) for path in values_files(catalogue, ref)
        ]
        if ref.get("overrides"):
            layers.append(({"recipe": True}, ref["overrides"]))
        layers += [({"overlay": source}, overrides) for source, overrides in mentions]
        values = component_values(catalogue, ref, null_deletes=deletes) or {}
        found[name] = {
            "overlays": [source for source, _ in mentions],
            "values": {
                selector(steps): next(
                    origin for origin, tree in reversed(layers) if _holds(tree, steps)
                )
                for steps in _leaves(values, ())
            },
        }
    return found


def _sources(catalogue: Catalogue, applied: list[str]) -> list[tuple[str, list[Document]]]:
    """Give who names components, in the order of merging: the base, the applied overlays, their mixins."""
    found = []
    mixins: dict[str, None] = {}
    for name in applied:
        body = catalogue.base() if name == "base" else catalogue.overlay(name)
        if body is not None:
            found.append((name, body["componentRefs"]))
            mixins.update(dict.fromkeys(body.get("mixins") or ()))
    for name in mixins:
        mixin = catalogue.mixin(name)
        if mixin is not None:
            found.append((name, mixin["componentRefs"]))
    return found


def _leaves(tree: Document, steps: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*steps, key))
        else:
            yield (*steps, key)


def _holds(tree: Any, steps: tuple[str, ...]) -> bool:
    for step in steps:
        if not isinstance(tree, dict) or step not in tree:
            return False
        tree = tree[step]
    return True
