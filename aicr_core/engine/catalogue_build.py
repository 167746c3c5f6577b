"""Build the catalogue's sections out of layers of files: parse, check, join, index.

The rules are those of spec/recipe.md 5, 13, 17 and 22, with the defects B3, B10 to B12, B14 and B15 mended:
what two layers both bring is an error that names both, an external layer wins, and a file that is not used
is mentioned. The result is made of builtins only, so that the plugin index can store it with ``marshal``.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from aicr_core.engine import layers as layer_files
from aicr_core.engine import schemas
from aicr_core.engine.catalogue import Catalogue, criteria_key, parse_values, registry_key
from aicr_core.engine.catalogue_claims import Collision, check_keys, collision, idle_overrides
from aicr_core.engine.catalogue_files import Role, role, unused
from aicr_core.engine.criteria import (
    ANY,
    TEXT_DIMENSIONS,
    ValueTable,
    concrete,
    empty_table,
    lookup,
)
from aicr_core.engine.order import check_dependencies
from aicr_core.kit import yamlio
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.schema import decode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aicr_core.engine.layers import Layer
    from aicr_core.kit.schema import Schema

Document = dict[str, Any]


_STATE = ("files", "overlays", "mixins", "registry", "values", "positions", "shadowed")


class Builder:
    """One build; ``sections()`` gives the result. Use :func:`build`."""

    def __init__(
        self,
        criteria: ValueTable,
        hints: Mapping[str, Mapping[str, str]],
        *,
        lenient: bool = False,
    ) -> None:
        self.lenient = lenient
        self.criteria = {name: dict(criteria.get(name, {})) for name in empty_table()}
        self.hints = {kind: dict(names) for kind, names in hints.items()}
        self.layers: list[Layer] = []
        self.files: dict[str, int] = {}
        self.overlays: dict[str, tuple[Document, int]] = {}
        self.mixins: dict[str, tuple[Document, int]] = {}
        self.registry: dict[str, tuple[Document, int]] = {}
        self.base: Document | None = None
        self.values: dict[str, Document] = {}
        self.positions: dict[str, dict[str, tuple[int, int]]] = {}
        self.inactive: dict[str, str] = {}
        self.shadowed: dict[str, Document] = {}
        self.warnings: list[str] = []
        self.overriding: dict[int, set[str]] = {}
        self.digest = hashlib.sha256()

    def kept(self) -> Document:
        """Give what is there now, for :meth:`back_to`."""
        return {
            "tables": {name: dict(getattr(self, name)) for name in _STATE},
            "criteria": {name: dict(values) for name, values in self.criteria.items()},
            "counts": (len(self.layers), len(self.warnings)),
            "base": self.base,
            "digest": self.digest.copy(),
        }

    def back_to(self, kept: Document) -> None:
        """Forget the layer that was added since :meth:`kept`."""
        for name, table in kept["tables"].items():
            setattr(self, name, table)
        self.criteria = kept["criteria"]
        layers, warnings = kept["counts"]
        self.overriding.pop(layers, None)
        del self.layers[layers:], self.warnings[warnings:]
        self.base, self.digest = kept["base"], kept["digest"]

    def add(self, layer: Layer) -> None:
        """Read one layer and join it to what is there."""
        number = len(self.layers)
        self.layers.append(layer)
        self.digest.update(repr((layer.name, layer.distribution, layer.version)).encode())
        replaced: set[str] = set()
        paths = layer_files.walk(layer)
        for path in paths:
            self._claim(path, number, replaced)
        # What a replaced file said is gone with it, also when the new file says something else.
        for table in (self.overlays, self.mixins):
            for name, (body, owner) in list(table.items()):
                if owner != number and body["file"] in replaced:
                    self._overrides(number, name)
                    self._shadow(name, body, owner, body["file"], number)
                    del table[name]
        if self.base is not None and self.base["file"] in replaced:
            self.base = None
        if layer.external:
            self.warnings.extend(unused(layer.root.rstrip("/"), paths))
        for path in paths:
            self._take(layer, number, path)

    def _claim(self, path: str, number: int, replaced: set[str]) -> None:
        if path.endswith("registry.yaml") or path == "validators/catalog.yaml":
            self.files[path] = number
            return
        known = self.files.get(path)
        layer = self.layers[number]
        if known is not None:
            if not layer.external and not self._overrides(number, path):
                raise self._collision("file", path, known, number)
            replaced.add(path)
        self.files[path] = number

    def _shadow(self, name: str, body: Document, owner: int, file: str, number: int) -> None:
        """Note that what a lower layer said under a name does not count, as a file of a later layer stands above it."""
        self.shadowed[name] = {
            "file": body["file"], "layer": self.layers[owner].name,
            "by": {"file": file, "layer": self.layers[number].name},
        }  # fmt: skip

    def _overrides(self, number: int, name: str) -> bool:
        """Tell whether the manifest of a layer lists ``name`` under ``overrides``, and note that it was of use."""
        listed = name in self.layers[number].overrides
        if listed:
            self.overriding.setdefault(number, set()).add(name)
        return listed

    def _collision(self, what: str, name: str, first: int, second: int) -> AicrError:
        return collision(what, name, self.layers[first], self.layers[second])

    def _take(self, layer: Layer, number: int, path: str) -> None:
        data = layer_files.read(layer.root, path)
        self.digest.update(f"{path}\0{len(data)}\0".encode())
        self.digest.update(data)
        source = f"{layer.root.rstrip('/')}/{path}"
        purpose = role(path)
        if purpose is Role.REGISTRY:
            self._take_registry(data, source, number)
        elif purpose in (Role.BASE, Role.OVERLAY):
            self._take_metadata(data, source, path, number, is_base=purpose is Role.BASE)
        elif purpose is Role.VALUES and not layer.external:
            self.values[path] = parse_values(data, source)
            self._place(path, yamlio.compose(data, source))
        elif purpose is Role.VALUES:
            # Parsed when it is asked for; what stood in the file that it replaces is no longer there.
            self.positions.pop(path, None)

    def _first(self, data: bytes, source: str) -> yamlio.Node | None:
        node, more = yamlio.compose_first(data, source)
        if more:
            self.warnings.append(f"{source}: only its first document is read")
        return None if node is None or node.is_null() else node

    def _decoded(self, node: yamlio.Node, schema: Schema, source: str, number: int) -> Document:
        dropped: list[str] | None = [] if self.lenient and self.layers[number].external else None
        document: Document = decode(node, schema, source, dropped=dropped)
        self.warnings.extend(dropped or ())
        return document

    def _place(self, path: str, node: yamlio.Node | None) -> None:
        if node is not None:
            self.positions[path] = positions(node)

    def _take_registry(self, data: bytes, source: str, number: int) -> None:
        node = self._first(data, source)
        if node is None:
            return
        schemas.check_head(node, "ComponentRegistry", source)
        document = self._decoded(node, schemas.REGISTRY, source, number)
        external = self.layers[number].external
        entries = next((value for key, value in node.items() if key == "components"), None)
        nodes = entries.value if entries is not None and not entries.is_null() else []
        for entry, place in zip(document.get("components", ()), nodes, strict=True):
            known = self.registry.get(entry["name"])
            owned = known is not None and self._overrides(number, entry["name"])
            if known is not None and not external and known[1] == number:
                message = f'component "{entry["name"]}" stands twice in the registry'
                where = f"{source}:{place.line}:{place.column}"
                raise AicrError(Code.INVALID_REQUEST, message, where=where)
            if known is not None and not external and not owned:
                raise self._collision("component", entry["name"], known[1], number)
            self.registry[entry["name"]] = (entry, number)
            self._place(registry_key(entry["name"]), place)

    def _take_metadata(
        self, data: bytes, source: str, path: str, number: int, *, is_base: bool
    ) -> None:
        node = self._first(data, source)
        if node is None:
            self.warnings.append(f"{source}: ignored, the file is empty")
            return
        kind = _kind(node)
        if kind == "RecipeMixin":
            schemas.check_head(node, kind, source)
            mixin = self._decoded(node, schemas.MIXIN, source, number)
            self._place(path, node)
            self._add(self.mixins, mixin, path, number, "mixin")
            return
        if kind not in ("", "RecipeMetadata"):
            self.warnings.append(f"{source}: ignored, its kind is {kind}")
            return
        schemas.check_head(node, "RecipeMetadata", source)
        document = self._decoded(node, schemas.OVERLAY, source, number)
        self._place(path, node)
        if is_base:
            self._take_base(document, path, number)
            return
        self._add(self.overlays, document, path, number, "overlay")

    def _take_base(self, document: Document, path: str, number: int) -> None:
        layer = self.layers[number]
        known = self.base
        if known is not None and not layer.external and known["layer"] != layer.name:
            first = next(n for n, other in enumerate(self.layers) if other.name == known["layer"])
            raise self._collision("the base overlay", path, first, number)
        if known is not None and known["layer"] == layer.name:
            files = f"{known['file']} and {path}"
            raise AicrError(
                Code.INVALID_REQUEST,
                f"two files are the base overlay: {files}",
                where=layer.root,
                hint="a catalogue has one overlays/base.yaml",
            )
        if known is not None:
            self.warnings.append(f"{layer.root}/{path} replaces the base overlay {known['file']}")
        self.base = self._body(document, path, number)

    def _body(self, document: Document, path: str, number: int) -> Document:
        spec = document.get("spec", {})
        parent = spec.get("base", "")
        return {
            "name": document.get("metadata", {}).get("name", ""),
            "file": path,
            "layer": self.layers[number].name,
            "apiVersion": document.get("apiVersion") or schemas.V1ALPHA1,
            "base": "" if parent == "base" else parent,
            "criteria": self._criteria(spec.get("criteria"), number),
            "constraints": spec.get("constraints", []),
            "componentRefs": spec.get("componentRefs", []),
            "validation": spec.get("validation"),
            "mixins": spec.get("mixins", []),
        }

    def _criteria(self, criteria: Document | None, number: int) -> Document | None:
        """Normalise an overlay's criteria; a value nobody declared becomes known by this (22.4)."""
        if criteria is None:
            return None
        layer = self.layers[number]
        normal = dict(criteria)
        for dimension in TEXT_DIMENSIONS:
            if dimension not in criteria:
                continue
            value = lookup(self.criteria, dimension, criteria[dimension])
            if value is None:
                value = criteria[dimension].strip().lower()
                entry = {"layer": layer.name, "aliases": [], "external": layer.external}
                self.criteria[dimension][value] = entry
            normal[dimension] = value
        return concrete(normal)

    def _add(
        self,
        table: dict[str, tuple[Document, int]],
        document: Document,
        path: str,
        number: int,
        what: str,
    ) -> None:
        body = self._body(document, path, number)
        name = body["name"]
        if not name or (name == "base" and what == "overlay"):
            raise AicrError(
                Code.INVALID_REQUEST,
                '"base" is the name of the root overlay' if name else f"the {what} has no name",
                where=f"{self.layers[number].root.rstrip('/')}/{path}",
                hint="set metadata.name",
            )
        known = table.get(name)
        if known is not None:
            layer = self.layers[number]
            same = known[1] == number
            if same or (not layer.external and not self._overrides(number, name)):
                if same:
                    files = f"{known[0]['file']} and {path}"
                    message = f'{what} "{name}" is in two files: {files}'
                    raise AicrError(
                        Code.INVALID_REQUEST,
                        message,
                        where=layer.root,
                        hint="rename one of the two",
                    )
                raise self._collision(what, name, known[1], number)
            self._shadow(name, known[0], known[1], path, number)
            if layer.external and known[0]["file"] != path:
                self.warnings.append(
                    f'{what} "{name}" of {layer.root}/{path} replaces the one of '
                    f"{self.layers[known[1]].owner}"
                )
        table[name] = (body, number)

    def sections(self) -> Document:
        """Join everything: hot part, overlay bodies, values, positions."""
        if self.base is None:
            raise AicrError(
                Code.INVALID_REQUEST,
                "the catalogue has no overlays/base.yaml",
                hint="add one, or leave out --external-only"
                if all(layer.external for layer in self.layers) and self.layers
                else "it comes with aicr-recipes: install it, or see `aicr plugins list --all`",
            )
        try:
            check_dependencies(self.base["componentRefs"])
        except AicrError as error:
            layer = next(layer for layer in self.layers if layer.name == self.base["layer"])
            error.where = f"{layer.root.rstrip('/')}/{self.base['file']}"
            raise
        check_keys(self.registry, self.layers)
        self._deactivate()
        index: dict[Any, list[str]] = {}
        for name in sorted(self.overlays):
            criteria = self.overlays[name][0]["criteria"]
            if criteria is not None:
                index.setdefault(criteria_key(criteria), []).append(name)
        external = [layer.external for layer in self.layers]
        return {
            "hot": {
                "base": self.base,
                "layers": [
                    {
                        "name": layer.name,
                        "distribution": layer.distribution,
                        "version": layer.version,
                        "root": layer.root,
                    }
                    for layer in self.layers
                ],
                "warnings": self.warnings,
                "inactive": self.inactive,
                "shadowed": self.shadowed,
                "idle_overrides": idle_overrides(self.layers, self.overriding),
                "parents": {name: body["base"] for name, (body, _) in self.overlays.items()},
                "external": sorted(
                    n for n, (_, number) in self.overlays.items() if external[number]
                ),
                "index": index,
                "mixins": {name: body for name, (body, _) in self.mixins.items()},
                "registry": {name: entry for name, (entry, _) in self.registry.items()},
                "registered": {name: number for name, (_, number) in self.registry.items()},
                "criteria": self.criteria,
                "hints": self.hints,
                "files": self.files,
                "fingerprint": self.digest.hexdigest(),
            },
            "bodies": {name: body for name, (body, _) in self.overlays.items()},
            "values": self.values,
            "positions": self.positions,
        }

    def _deactivate(self) -> None:
        """Set aside plugin overlays whose ancestor is in no installed plugin (design 10)."""
        changed = True
        while changed:
            changed = False
            for name, (body, number) in sorted(self.overlays.items()):
                parent = body["base"]
                layer = self.layers[number]
                if parent and parent not in self.overlays and not layer.external:
                    del self.overlays[name]
                    self.inactive[name] = parent
                    self.warnings.append(
                        f'overlay "{name}" of {layer.owner} is inactive: its base "{parent}" '
                        "is in no installed plugin"
                    )
                    changed = True


def _kind(node: yamlio.Node) -> str:
    if node.kind == yamlio.MAP:
        for key, value in node.items():
            if key == "kind" and value.kind == yamlio.SCALAR and not value.is_null():
                return str(value.value)
    return ""


def positions(node: yamlio.Node) -> dict[str, tuple[int, int]]:
    """Give line and column of every scalar and empty collection of a document, by path with parts joined by NUL."""
    found: dict[str, tuple[int, int]] = {}
    stack: list[tuple[str, yamlio.Node]] = [("", node)]
    while stack:
        path, item = stack.pop()
        if item.kind == yamlio.SCALAR or not item.value:
            found[path] = (item.line, item.column)
        elif item.kind == yamlio.LIST:
            stack.extend((f"{path}\0{i}" if path else str(i), x) for i, x in enumerate(item.value))
        else:
            stack.extend((f"{path}\0{key}" if path else key, x) for key, x in item.items())
    return found


def build(
    layers: Sequence[Layer],
    *,
    criteria: ValueTable | None = None,
    hints: Mapping[str, Mapping[str, str]] | None = None,
    lenient: bool = False,
) -> Document:
    """Build the sections of a catalogue from layers in order, external ones last.

    ``criteria`` is the table of values that plugins declare. ``lenient`` warns of unknown keys in external
    layers where they are an error otherwise. Raises AicrError for any file of an external layer that is not right, and
    for what two layers claim. A plugin's layer with such a file is left out whole and named under ``broken`` with the
    reason; then that is the only section: build again without it.
    """
    builder = Builder(criteria or empty_table(), hints or {}, lenient=lenient)
    broken: dict[str, str] = {}
    for layer in layers:
        kept = None if layer.external else builder.kept()
        try:
            builder.add(layer)
        except AicrError as error:
            if kept is None or isinstance(error, Collision):
                raise
            builder.back_to(kept)
            broken[layer.name] = f"{error} ({error.hint})" if error.hint else str(error)
    # Who needs the others' data has to wait until it is known who is left.
    return {"broken": broken} if broken else {**builder.sections(), "broken": broken}


def from_directories(
    roots: Sequence[str],
    *,
    plugins: Sequence[Layer] = (),
    criteria: ValueTable | None = None,
    hints: Mapping[str, Mapping[str, str]] | None = None,
    lenient: bool = False,
) -> Catalogue:
    """Make a catalogue of plugin layers and directories given by a user, which must hold a registry.

    Raises AicrError(INVALID_REQUEST or NOT_FOUND).
    """
    external = [
        layer_files.Layer(f"external:{number}", "", "", root)
        for number, root in enumerate(roots, start=1)
    ]
    for layer in external:
        if "registry.yaml" not in layer_files.walk(layer):
            raise AicrError(
                Code.INVALID_REQUEST,
                "the data directory has no registry.yaml",
                where=layer.root,
                hint="add one; `components: []` is enough",
            )
    sections = build([*plugins, *external], criteria=criteria, hints=hints, lenient=lenient)
    for plugin, reason in sections["broken"].items():
        # It was whole when the index was built.
        raise AicrError(Code.INVALID_REQUEST, reason, plugin=plugin)
    return Catalogue.from_sections(sections)


__all__ = ["ANY", "Builder", "build", "from_directories", "positions"]
