"""Origins: what a value was said by, and where that is written. Places are looked up when an origin is shown.

An origin has a ``layer``: ``built-in`` (the catalogue that brings the base recipe), ``pack`` (another plugin's),
``data`` (a directory of the user's), ``registry`` (a default of the component registry), ``document`` (the recipe file
itself), ``flag``, ``snapshot``, ``injected`` (written into values when a bundle is made) or ``computed`` (follows from
other values, as the deployment order does).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.engine.catalogue import registry_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aicr_core.engine.catalogue import Catalogue, Positions

Document = dict[str, Any]
Parts = tuple[str, ...]


class Source:
    """What says values: ``facts`` as an origin shows them, ``places`` of what it says, its ``root`` folder."""

    __slots__ = ("facts", "places", "root")

    def __init__(self, facts: Document, places: Positions, root: str = "") -> None:
        self.facts = facts
        self.places = places
        self.root = root


class Origin(NamedTuple):
    """One value's place in a source: the keys and list positions that lead to it there."""

    source: Source
    parts: Parts = ()

    @property
    def place(self) -> tuple[int, int] | None:
        """Line and column, from 1: of the value, else of the first thing below it, else of what holds it."""
        places = self.source.places
        for length in range(len(self.parts), 0, -1):
            key = "\0".join(self.parts[:length])
            found = places.get(key)
            if found is None:
                below = f"{key}\0"
                found = min((at for k, at in places.items() if k.startswith(below)), default=None)
            if found is not None:
                return found
        return None

    def document(self, *, absolute: bool = False) -> Document:
        """Give it as a document: ``layer``, and what is known of pack, version, overlay, file, line and column.

        ``file`` is relative to its layer; with ``absolute``, ``path`` is where it lies on this machine.
        """
        found = dict(self.source.facts)
        if "file" in found:
            at = self.place
            if at is not None:
                found.update(line=at[0], column=at[1])
            if absolute and self.source.root:
                found["path"] = os.path.abspath(f"{self.source.root}/{found['file']}")
        return found


COMPUTED = Origin(Source({"layer": "computed"}, {}))


def flag(text: str, **more: Any) -> Origin:
    """Give the origin of what a flag says; ``text`` is the flag as it was given."""
    return Origin(Source({"layer": "flag", "flag": text, **more}, {}))


class Sources:
    """The sources of one catalogue; each is made once."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._layers = {layer["name"]: layer for layer in catalogue.layers}
        self._built_in = catalogue.base()["layer"]
        self._known: dict[tuple[str, str], Source] = {}

    def overlay(self, name: str, body: Document) -> Source:
        """Give the source that an overlay or a mixin is."""
        key = ("overlay", name)
        if key not in self._known:
            layer = self._layers[body["layer"]]
            facts = {**self._facts(layer), "overlay": name, "file": body["file"]}
            places = self._catalogue.positions(body["file"])
            self._known[key] = Source(facts, places, layer["root"].rstrip("/"))
        return self._known[key]

    def values(self, path: str) -> Source:
        """Give the source that a values file is."""
        key = ("values", path)
        if key not in self._known:
            layer = self._layers[self._catalogue.file_origin(path)["layer"]]
            facts = {**self._facts(layer), "file": path}
            places = self._catalogue.positions(path)
            self._known[key] = Source(facts, places, layer["root"].rstrip("/"))
        return self._known[key]

    def registry(self, component: str) -> Source:
        """Give the source that the registry entry of a component is."""
        key = ("registry", component)
        if key not in self._known:
            layer = self._catalogue.registrant(component)
            assert layer is not None, component
            facts = {**self._facts(layer), "layer": "registry", "file": "registry.yaml"}
            places = self._catalogue.positions(registry_key(component))
            self._known[key] = Source(facts, places, layer["root"].rstrip("/"))
        return self._known[key]

    def _facts(self, layer: Document) -> Document:
        external = not layer["distribution"]
        kind = "data" if external else "built-in" if layer["name"] == self._built_in else "pack"
        if external:
            return {"layer": kind, "pack": layer["name"]}
        named = {"pack": layer["name"], "distribution": layer["distribution"]}
        return {"layer": kind, **named, "version": layer["version"]}


def parts(path: Iterable[str | int]) -> Parts:
    """Give a path as positions know it: list positions as text."""
    return tuple(str(step) for step in path)
