"""Use case ``recipe validate``: which layers are read, which files are under the lint. Prints nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from aicr_core.app.layering import catalogue_inputs
from aicr_core.engine import layers as layer_files
from aicr_core.engine import validators
from aicr_core.engine.layers import Layer
from aicr_core.engine.lint import lint
from aicr_core.engine.lint_project import Checks
from aicr_core.engine.lint_reading import Reader
from aicr_core.kit.errors import AicrError, Code, nearest
from aicr_core.plugins.index import USABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aicr_core.app.environment import Environment
    from aicr_core.engine.lint_findings import LintReport
    from aicr_core.engine.selection import Entry
    from aicr_core.model.checkrun import CatalogEntry

MANIFEST = "aicr-plugin.toml"
_FOLDERS = ("overlays", "mixins", "components", "checks", "validators")


class LintRequest(NamedTuple):
    """What a user asks for: single files, or else directories, or else one plugin, or else all that is installed."""

    files: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    external_only: bool = False
    plugin: str = ""
    severity: str = "error"


class _Scope(NamedTuple):
    """The layers to read, and what of them is under the lint: ``files`` by root, else ``roots`` whole."""

    plugins: list[Layer]
    external: list[Layer]
    single: dict[str, list[str]]
    files: frozenset[tuple[str, str]]
    roots: frozenset[str]

    def focus(self, layer: Layer, path: str) -> bool:
        """Tell whether a file is under the lint."""
        if self.files:
            return (layer.root, path) in self.files
        return layer.root in self.roots


def lint_catalogue(environment: Environment, request: LintRequest) -> LintReport:
    """Look for everything that is wrong in files of a catalogue, without a cluster.

    Raises AicrError for files, directories and plugins that are not there; what is wrong in them is a finding.
    """
    # Data that cannot be used make a plugin broken: whoever asks for that plugin is told all that is wrong in them.
    rows = [
        row
        for row in environment.index.rows
        if row["state"] in USABLE
        or (row["state"] == "broken" and request.plugin in (row["name"], row["distribution"]))
    ]
    layers, criteria, hints = catalogue_inputs(rows)
    scope = _scope(request, layers)
    reader = Reader(criteria, hints, _shown, scope.focus)
    for layer in (*scope.plugins, *scope.external):
        reader.add(layer)
    for number, (folder, names) in enumerate(sorted(scope.single.items()), 1):
        reader.add_files(Layer(f"file:{number}", "", "", folder), sorted(names))
    manifests = {row["name"]: _relative(f"{row['root']}/{MANIFEST}") for row in rows if row["root"]}
    checks = _checks(environment, reader)
    return lint(reader, checks, manifests, request.severity)


def _scope(request: LintRequest, plugins: list[Layer]) -> _Scope:
    external = [
        Layer(f"external:{n}", "", "", root) for n, root in enumerate(request.data, start=1)
    ]
    for layer in external:
        if "registry.yaml" not in layer_files.walk(layer):
            raise AicrError(
                Code.INVALID_REQUEST, "the data directory has no registry.yaml", where=layer.root,
                hint="add one; `components: []` is enough",
            )  # fmt: skip
    if request.external_only and not (external or request.files):
        raise AicrError(
            Code.INVALID_REQUEST, "--external-only without --data", hint="add --data DIR"
        )
    single: dict[str, list[str]] = {}
    files: set[tuple[str, str]] = set()
    for name in request.files:
        known, path = _place_of(name, [*plugins, *external])
        if known is not None:
            files.add((known.root, path))
        else:
            folder, path = os.path.split(path)
            root = _data_root(folder)
            if root is None:
                single.setdefault(folder, [])
                single[folder] += [path] if path not in single[folder] else []
                files.add((folder, path))
                continue
            path = os.path.relpath(os.path.join(folder, path), root).replace(os.sep, "/")
            external.append(Layer(f"external:{len(external) + 1}", "", "", root))
            files.add((root, path))
    chosen = external or plugins
    if request.plugin:
        chosen = [_plugin(request.plugin, plugins)]
    roots = frozenset(layer.root for layer in chosen)
    used = [] if request.external_only else plugins
    return _Scope(used, external, single, frozenset(files), roots)


def _place_of(name: str, layers: Sequence[Layer]) -> tuple[Layer | None, str]:
    """Give the layer of a file and its path there, or None and its real path."""
    if not name:
        raise AicrError(Code.INVALID_REQUEST, "the name of a file is empty", hint="name a file")
    if not os.path.exists(name):
        link = os.path.islink(name)
        message = "a link to a file that is not there" if link else "no such file"
        raise AicrError(Code.NOT_FOUND, message, where=name)
    if os.path.isdir(name):
        raise AicrError(
            Code.INVALID_REQUEST, "a directory, where files are expected", where=name,
            hint=f"write --data {name}",
        )  # fmt: skip
    if not os.path.isfile(name):
        raise AicrError(Code.INVALID_REQUEST, "not a regular file", where=name, hint="name a file")
    real = os.path.realpath(name)
    for layer in reversed(layers):
        root = os.path.realpath(layer.root)
        if real.startswith(root + os.sep):
            return layer, os.path.relpath(real, root).replace(os.sep, "/")
    return None, real


def _data_root(folder: str) -> str | None:
    """Give the data directory that a folder is part of, None for any other folder."""
    parts = folder.split(os.sep)
    for length in range(len(parts), 0, -1):
        root = os.sep.join(parts[:length])
        below = parts[length] if length < len(parts) else ""
        if (below in _FOLDERS or not below) and os.path.isfile(f"{root}/registry.yaml"):
            return root
        if below in ("overlays", "mixins"):
            return root
    return None


def _plugin(name: str, layers: Sequence[Layer]) -> Layer:
    for layer in layers:
        if name in (layer.name, layer.distribution):
            return layer
    known = [layer.name for layer in layers]
    close = nearest(name, known)
    hint = f'did you mean "{close}"?' if close else f"plugins with data: {', '.join(known)}"
    raise AicrError(Code.NOT_FOUND, f'no plugin "{name}" brings data', where="--plugin", hint=hint)


def _shown(layer: Layer, path: str) -> str:
    return _relative(f"{layer.root.rstrip('/')}/{path}")


def _relative(path: str) -> str:
    """Give a path as code hosts count it, from where the command runs, if it is below that."""
    here = os.getcwd()
    full = os.path.abspath(path)
    inside = full.startswith(here.rstrip(os.sep) + os.sep)
    return (os.path.relpath(full, here) if inside else full).replace(os.sep, "/")


def _checks(environment: Environment, reader: Reader) -> Checks:
    """Give phases and checks: of the plugins, and of validator catalogues of the layers given by the user."""
    from aicr_core.app.validation_inputs import entries_of, phases_of

    if not environment.manager_needed("aicr_phases"):
        return Checks()
    phases = phases_of(environment)
    known = {entry.name: entry for entry in entries_of(environment, phases, ())}
    names = [phase.name for phase in phases]
    for (number, path), subject in sorted(reader.subjects.items()):
        layer = reader.layers[number]
        if path == validators.PATH and layer.external:
            try:
                found = validators.read(layer_files.read(layer.root, path), path, names)
            except AicrError as error:
                reader.refused(subject, error)
                continue
            known.update((entry.name, _entry(entry)) for entry in found if entry.name not in known)
    return Checks(tuple(known.values()), phases)


def _entry(container: CatalogEntry) -> Entry:
    from aicr_core.engine.selection import Entry

    return Entry(container.name, container.phase, None, "", container)
