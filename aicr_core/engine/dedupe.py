"""What several overlays say alike and none of them inherits: content that belongs in a mixin. Pure.

A mixin may only add (spec/recipe.md 22.3). So something is proposed only where no overlay above says anything of it,
and no overlay below says anything else; overlays below that say the same have to drop it as well.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_core.engine.catalogue import Catalogue

Document = dict[str, Any]
_LISTS = ("constraints", "componentRefs")


def proposals(catalogue: Catalogue) -> list[Document]:
    """Give what could be mixins: ``{overlays, repeated, constraints, componentRefs, saved}``, what saves most first.

    ``overlays`` would name the mixin; ``repeated`` are overlays below them that say the same and only drop it;
    ``saved`` is how many entries of lists would go. Overlays whose base is not there are left out.
    """
    bodies = {name: body for name in catalogue.names() if (body := catalogue.overlay(name))}
    chains = {name: chain for name in bodies if (chain := _chain(bodies, name)) is not None}
    below: dict[str, list[str]] = {name: [] for name in chains}
    for name, chain in chains.items():
        for above in chain[:-1]:
            below[above].append(name)
    holders: dict[tuple[str, str], list[str]] = {}
    for name, chain in sorted(chains.items()):
        said_above = [catalogue.base(), *(bodies[above] for above in chain[:-1])]
        for kind, item in _items(bodies[name]):
            if any(_entry(body, kind, item["name"]) for body in said_above):
                continue
            others = (_entry(bodies[other], kind, item["name"]) for other in below[name])
            if all(other is None or other == item for other in others):
                holders.setdefault((kind, json.dumps(item, sort_keys=True)), []).append(name)
    groups: dict[tuple[str, ...], list[tuple[str, Document]]] = {}
    for (kind, text), names in holders.items():
        if len(names) > 1:
            groups.setdefault(tuple(names), []).append((kind, json.loads(text)))
    found = [_proposal(bodies, below, names, items) for names, items in groups.items()]
    return sorted(found, key=lambda one: (-one["saved"], one["overlays"]))


def _chain(bodies: dict[str, Document], name: str) -> list[str] | None:
    names: list[str] = []
    while name:
        if name in names or name not in bodies:
            return None
        names.insert(0, name)
        name = bodies[name]["base"]
    return names


def _items(body: Document) -> Iterator[tuple[str, Document]]:
    """Give the entries whose names stand once in their list."""
    for kind in _LISTS:
        names = [item["name"] for item in body[kind]]
        yield from ((kind, item) for item in body[kind] if names.count(item["name"]) == 1)


def _entry(body: Document, kind: str, name: str) -> Document | None:
    return next((item for item in body[kind] if item["name"] == name), None)


def _proposal(
    bodies: dict[str, Document],
    below: dict[str, list[str]],
    names: tuple[str, ...],
    items: list[tuple[str, Document]],
) -> Document:
    repeated = sorted(
        {
            other
            for name in names
            for other in below[name]
            if any(_entry(bodies[other], kind, item["name"]) for kind, item in items)
        }
    )
    again = sum(
        _entry(bodies[other], kind, item["name"]) is not None
        for other in repeated
        for kind, item in items
    )
    return {
        "overlays": list(names),
        "repeated": repeated,
        **{wanted: [item for kind, item in items if kind == wanted] for wanted in _LISTS},
        "saved": (len(names) - 1) * len(items) + again,
    }
