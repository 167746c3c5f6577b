"""The catalogue as the engine sees it: overlays by criteria, registry, mixins, files. Read only.

A catalogue is made from *sections* (``engine.catalogue_build``), plain values that the plugin index stores.
What every command needs is held hot; overlay bodies and values files are fetched one by one through loader
functions, so that a catalogue of ten thousand overlays costs a recipe no more than a few dictionaries.
Documents handed out are shared: nobody may change them.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

from aicr_core.engine import layers
from aicr_core.engine.criteria import DIMENSIONS, concrete
from aicr_core.kit.errors import AicrError, Code, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Document = dict[str, Any]
Key = tuple[Any, ...]
Positions = dict[str, tuple[int, int]]


def criteria_key(criteria: Mapping[str, Any]) -> Key:
    """Give the index key of concrete criteria: one slot a dimension, None where unset."""
    return tuple(criteria.get(name) for name in DIMENSIONS)


def registry_key(component: str) -> str:
    """Give the name under which the positions of a registry entry are kept; no file is called so."""
    return f"registry.yaml:{component}"


class Catalogue:
    """A view of one set of layers; cheap to make, safe to share between threads."""

    def __init__(
        self,
        hot: Document,
        load_body: Callable[[str], Document | None],
        load_values: Callable[[str], Document | None],
        load_positions: Callable[[str], Positions | None] = lambda _path: None,
    ) -> None:
        self._hot = hot
        self._load_body = load_body
        self._load_values = load_values
        self._load_positions = load_positions
        self._bodies: dict[str, Document] = {}
        self._values: dict[str, Document] = {}
        # Results that depend on the catalogue alone, kept by the resolver (engine.recipes).
        self.memo: dict[Any, Any] = {}

    @classmethod
    def from_sections(cls, sections: Document) -> Catalogue:
        """Make a catalogue whose cold parts are in memory as well."""
        values, places = sections["values"], sections["positions"]
        return cls(sections["hot"], sections["bodies"].get, values.get, places.get)

    @property
    def api_version(self) -> str:
        """apiVersion of the base: it decides the rules for candidates (engine.rules)."""
        return str(self._hot["base"]["apiVersion"])

    @property
    def fingerprint(self) -> str:
        """Digest of everything the catalogue was built from."""
        return str(self._hot["fingerprint"])

    @property
    def layers(self) -> tuple[Document, ...]:
        """The layers in order: name, distribution, version, root."""
        return tuple(self._hot["layers"])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was ignored or inactive while loading."""
        return tuple(self._hot["warnings"])

    def base(self) -> Document:
        """The root overlay."""
        base: Document = self._hot["base"]
        return base

    def names(self) -> Sequence[str]:
        """Names of all overlays but the base, in byte order."""
        return sorted(self._hot["parents"])

    def overlay(self, name: str) -> Document | None:
        """The overlay of that name, or None."""
        body = self._bodies.get(name)
        if body is None and name in self._hot["parents"]:
            body = self._load_body(name)
            if body is not None:
                self._bodies[name] = body
        return body

    def parent_of(self, name: str) -> str | None:
        """Name of the parent, "" for the root, None for an overlay that is not there."""
        parent: str | None = self._hot["parents"].get(name)
        return parent

    def criteria_of(self, name: str) -> Document | None:
        """Concrete criteria of an overlay; None when it never matches by itself."""
        # The builder stores them concrete and canonical already.
        overlay = self.overlay(name)
        return None if overlay is None else overlay["criteria"]

    def matching(self, criteria: Mapping[str, Any]) -> list[str]:
        """Names of the overlays that match, in byte order.

        The rule is asymmetric (spec/recipe.md 8): each dimension of the overlay is unset, or equal to the
        query's. So the candidates are those indexed under a subset of the query's dimensions.
        """
        index = self._hot["index"]
        wanted = [(DIMENSIONS.index(name), value) for name, value in concrete(criteria).items()]
        found: list[str] = []
        for size in range(len(wanted) + 1):
            for chosen in combinations(wanted, size):
                key: list[Any] = [None] * len(DIMENSIONS)
                for slot, value in chosen:
                    key[slot] = value
                found.extend(index.get(tuple(key), ()))
        found.sort()
        return found

    def inactive(self) -> Mapping[str, str]:
        """Overlays of plugins that are set aside, each with the base that is in no installed plugin."""
        inactive: Mapping[str, str] = self._hot["inactive"]
        return inactive

    def shadowed(self) -> Mapping[str, Document]:
        """Overlays and mixins whose file, or name, a later layer took: {file, layer, by: {file, layer}}."""
        shadowed: Mapping[str, Document] = self._hot["shadowed"]
        return shadowed

    def mixin(self, name: str) -> Document | None:
        """The mixin of that name, or None."""
        mixin: Document | None = self._hot["mixins"].get(name)
        return mixin

    def registry(self) -> Mapping[str, Document]:
        """Registry entries by component name."""
        registry: Mapping[str, Document] = self._hot["registry"]
        return registry

    def registrant(self, component: str) -> Document | None:
        """The layer whose registry has the entry of a component, or None."""
        number = self._hot["registered"].get(component)
        return None if number is None else self._hot["layers"][number]

    def criteria_values(self) -> Mapping[str, Mapping[str, Document]]:
        """Dimension -> value -> {layer, aliases, external}."""
        values: Mapping[str, Mapping[str, Document]] = self._hot["criteria"]
        return values

    def hints(self, kind: str) -> Mapping[str, str]:
        """Names of ``kind`` that are not installed, with the distribution that has them."""
        hints: Mapping[str, str] = self._hot["hints"].get(kind, {})
        return hints

    def has_file(self, path: str) -> bool:
        """Tell whether a layer holds the file."""
        return path in self._hot["files"]

    def file_origin(self, path: str) -> Document:
        """The layer that supplies a file and its place on disk: {layer, file}."""
        layer = self._layer_of(path)
        return {"layer": layer["name"], "file": f"{layer['root']}/{path}"}

    def read_file(self, path: str) -> bytes:
        """The bytes of a catalogue file. Raises AicrError(NOT_FOUND)."""
        return layers.read(self._layer_of(path)["root"], path)

    def values(self, path: str) -> Document:
        """A parsed values file. Raises AicrError: NOT_FOUND, or INVALID_REQUEST when malformed."""
        known = self._values.get(path)
        if known is None:
            layer = self._layer_of(path)
            known = self._load_values(path) if layer["distribution"] else None
            if known is None:
                known = parse_values(layers.read(layer["root"], path), f"{layer['root']}/{path}")
            self._values[path] = known
        return known

    def positions(self, path: str) -> Positions:
        """Line and column of what a catalogue file says, by the keys and list positions that lead there, joined by NUL.

        For overlays, mixins, values files and, under :func:`registry_key`, entries of the registry; nothing for others.
        """
        known = self._load_positions(path)
        if known is None and self.has_file(path) and not self._layer_of(path)["distribution"]:
            from aicr_core.engine.catalogue_build import positions
            from aicr_core.kit import yamlio

            node = yamlio.compose(self.read_file(path), path)
            known = {} if node is None else positions(node)
        return known or {}

    def data_files(self) -> Sequence[str]:
        """Relative paths of the files that external layers supply, sorted."""
        external = {i for i, layer in enumerate(self._hot["layers"]) if not layer["distribution"]}
        return sorted(path for path, layer in self._hot["files"].items() if layer in external)

    def files_below(self, prefix: str) -> Sequence[str]:
        """Relative paths of all layers' files that start with ``prefix``, in the order of layers, then by name."""
        found = (
            (layer, path) for path, layer in self._hot["files"].items() if path.startswith(prefix)
        )
        return [path for _, path in sorted(found)]

    def _layer_of(self, path: str) -> Document:
        number = self._hot["files"].get(path)
        if number is None:
            close = nearest(path, self._hot["files"])
            raise AicrError(
                Code.NOT_FOUND,
                "no layer of the catalogue holds this file",
                where=path,
                hint=f"did you mean {close}?" if close else None,
            )
        layer: Document = self._hot["layers"][number]
        return layer


def parse_values(data: bytes, source: str) -> Document:
    """Parse a values file: a mapping, or nothing. Raises AicrError(INVALID_REQUEST)."""
    from aicr_core.kit import yamlio

    node = yamlio.compose(data, source)
    if node is None or node.is_null():
        return {}
    if node.kind != yamlio.MAP:
        raise yamlio.fail(source, node, "a values file must be a mapping")
    values: Document = yamlio.plain(node, source)
    return values
