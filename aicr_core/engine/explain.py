"""Provenance: for every value of a hydrated recipe, who said it, where, and what was said before (spec/beyond.md 4.5).

The merge itself is done by the functions that make recipes (``engine.recipes``, ``engine.refs``, ``engine.hydrate``),
step by step, and followed from outside (``engine.explain_trail``). So this module cannot come to another value than
``aicr query``; if it ever did, it says so instead of naming an origin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.engine import hydrate
from aicr_core.engine.explain_origin import COMPUTED, Origin, Source, Sources, parts
from aicr_core.engine.explain_spec import Said, names_of, said_by, spec_after
from aicr_core.engine.explain_trail import Path, Step, Trail, Trails, leaves, same
from aicr_core.engine.query import hydrated
from aicr_core.engine.recipes import merging
from aicr_core.engine.refs import default_keys, with_defaults
from aicr_core.engine.rules import rules_for
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from aicr_core.engine.catalogue import Catalogue

Document = dict[str, Any]


class Explanation(NamedTuple):
    """A hydrated recipe with the trail of each of its leaves."""

    document: Document
    """The hydrated recipe, as ``aicr query`` shows it."""
    trails: dict[Path, Trail]
    """The trail of every leaf of the document, by its keys and list positions."""
    gone: dict[Path, Trail]
    """The trails of leaves that something took away; each ends in ``delete``."""
    mentions: dict[str, list[str]]
    """By component, the overlays and mixins that name it, in the order of merging."""
    notes: tuple[str, ...]
    """What could not be followed."""
    spec: Trails
    """The trails of the recipe document itself, overrides included, constraints and components by name."""

    def row(self, path: Path, *, absolute: bool = False) -> Document:
        """Give ``selector``, ``value`` (absent where it was taken away), ``origin`` and ``history`` of one leaf."""
        trail = self.trails.get(path) or self.gone[path]
        row: Document = {"selector": selector(path)}
        if path in self.trails:
            row["value"] = trail[-1].value
        row["origin"] = trail[-1].origin.document(absolute=absolute)
        row["history"] = [_step(step, absolute) for step in trail]
        return row


def origins(catalogue: Catalogue, recipe: Document) -> dict[str, Document]:
    """Give the origin of every value of a recipe, by selector of ``aicr query``.

    ``recipe`` is a recipe document, as ``aicr recipe`` prints it; the keys are those of the hydrated recipe:
    ``components.NAME.version``, ``components.NAME.values.driver.enabled``, ``constraints[0].value``.
    An origin has ``layer`` and, where they are known, ``pack``, ``distribution``, ``version``, ``overlay``, ``file``
    (relative to its layer), ``line`` and ``column``: see :mod:`aicr_core.engine.explain_origin`.

    Raises AicrError for a values file that is not there.
    """
    found = explain(catalogue, recipe)
    return {selector(path): trail[-1].origin.document() for path, trail in found.trails.items()}


def explain(
    catalogue: Catalogue,
    recipe: Document,
    *,
    criteria: Mapping[str, Origin] | None = None,
    document: Source | None = None,
) -> Explanation:
    """Give the provenance of a recipe document.

    ``criteria`` are the origins of its criteria, ``document`` the file it was read from: both are what it is made
    from where it was resolved just now. Overlays are those that the document lists; what they do not explain has the
    layer ``document``. Raises AicrError for a values file or a mixin that is not there.
    """
    sources = Sources(catalogue)
    spec, mentions, notes = _followed(catalogue, recipe, sources)
    given = document or Source({"layer": "document"}, {})
    _compare(spec, recipe, given)
    values = _values(catalogue, recipe, spec, sources)
    whole = hydrated(catalogue, recipe)
    alone = _alone(given if document else None, criteria or {})
    in_spec = _in_spec(whole)
    trails = {}
    for path, value in leaves(whole):
        if path[0] == "components" and path[2:3] == ("values",):
            trail = values[str(path[1])].live.get(path[3:])
        else:
            trail = spec.live.get(in_spec(path))
        if trail is None or not same(trail[-1].value, value):
            origin = alone(path, value)
            if origin is None:
                raise AicrError(
                    Code.INTERNAL, f"nothing that was merged says {selector(path)}: {value!r}",
                    hint="please report it, with the recipe and the --data directories",
                )  # fmt: skip
            trail = (Step(value, origin),)
        trails[path] = trail
    gone = {path: trail for path, trail in _gone(spec, values) if path not in trails}
    return Explanation(whole, trails, gone, mentions, notes, spec)


def selector(path: Path) -> str:
    """Give the selector of ``aicr query`` for keys and list positions."""
    from aicr_core.engine.recipediff import selector as of_keys

    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            key = of_keys([step])
            text += key if not text or key.startswith("[") else f".{key}"
    return text


def _step(step: Step, absolute: bool) -> Document:
    row: Document = {} if step.action == "delete" else {"value": step.value}
    return {**row, "origin": step.origin.document(absolute=absolute), "action": step.action}


def _followed(
    catalogue: Catalogue, recipe: Document, sources: Sources
) -> tuple[Trails, dict[str, list[str]], tuple[str, ...]]:
    """Make the recipe's spec once more, and follow it."""
    listed = (recipe.get("metadata") or {}).get("appliedOverlays") or []
    trails = Trails()
    mentions: dict[str, list[str]] = {}
    if not listed:
        return trails, {}, ("the recipe lists no appliedOverlays: its own text is all there is",)
    lost = [name for name in listed if name != "base" and catalogue.overlay(name) is None]
    notes = tuple(
        f'overlay "{name}" of the recipe is not in the catalogue: what it said has the recipe for its origin'
        for name in lost
    )
    spec: Document = {}
    for name, body, spec in merging(
        catalogue, [n for n in listed if n != "base" and n not in lost]
    ):
        trails.follow(spec_after(spec), said_by(body, sources.overlay(name, body), ("spec",)))
        for ref in body["componentRefs"]:
            known = mentions.setdefault(ref["name"], [])
            if name not in known:
                known.append(name)
    _fill(catalogue, spec, trails, sources)
    return trails, mentions, notes


def _fill(catalogue: Catalogue, spec: Document, trails: Trails, sources: Sources) -> None:
    """Follow the registry's defaults."""
    rules = rules_for(catalogue.api_version)
    registry = catalogue.registry()
    said: Said = {}
    refs = []
    for ref in spec["componentRefs"]:
        entry = registry.get(ref["name"])
        filled = with_defaults(ref, entry, rules)
        refs.append(filled)
        for field, value in filled.items():
            path = ("components", ref["name"], field)
            if not value or value == ref.get(field):
                continue
            if ref.get(field):
                # The type in another case: the same word, written where it always was.
                origin = trails.live[path][-1].origin
            else:
                keys = default_keys(entry or {}, filled["type"], field)
                origin = Origin(sources.registry(ref["name"]), keys)
            said[path] = [(Step(value, origin),)]
    trails.follow(spec_after({**spec, "componentRefs": refs}), said)


def _compare(trails: Trails, recipe: Document, source: Source) -> None:
    """Take over what the recipe document itself says differently, or alone."""
    after = spec_after(recipe)
    # A recipe shows no empty fields: those are neither said by it nor taken away by it.
    for path, trail in list(trails.live.items()):
        if path not in after and not trail[-1].value and "overrides" not in path[2:3]:
            del trails.live[path]
            if path[0] == "validation" and path[:2] in after:
                # A phase of empty fields is shown as an empty phase.
                trails.live[path[:2]] = (Step({}, trail[-1].origin),)
    shown = {path: v for path, v in after.items() if path in trails.live or v not in ("", [], {})}
    trails.follow(shown, said_by(recipe, source), last_word=False)


def _values(
    catalogue: Catalogue, recipe: Document, spec: Trails, sources: Sources
) -> dict[str, Trails]:
    deletes = rules_for(recipe["apiVersion"]).null_deletes
    found = {}
    for ref in recipe.get("componentRefs") or ():
        layers = hydrate.component_layers(catalogue, ref)
        made = hydrate.merging(layers, null_deletes=deletes)
        found[ref["name"]] = value_trails(catalogue, ref, spec, sources, made)
    return found


def value_trails(
    catalogue: Catalogue, ref: Document, spec: Trails, sources: Sources, made: Iterable[Document]
) -> Trails:
    """Follow the values of a component: its files, then its overrides, whose trails are among those of ``spec``.

    ``made`` are the values after each of these layers, as whoever merges them has them.
    """
    trails = Trails()
    files = hydrate.values_files(catalogue, ref)
    said = [_file_said(catalogue.values(path), sources.values(path)) for path in files]
    overrides = ("components", ref["name"], "overrides")
    ours = {path: (*overrides, *path) for path, _ in leaves(ref.get("overrides") or {})}
    said.append({path: [spec.live[at]] for path, at in ours.items() if at in spec.live})
    for says, values in zip(said, made, strict=False):
        trails.follow(dict(leaves(values)), says)
    return trails


def _file_said(values: Document, source: Source) -> Said:
    return {path: [(Step(value, Origin(source, parts(path))),)] for path, value in leaves(values)}


def _in_spec(whole: Document) -> Callable[[Path], Path]:
    """Give the function that turns a path of the hydrated recipe into one of its spec: constraints go by name."""
    lists: dict[Path, list[str]] = {("constraints",): names_of(whole.get("constraints"))}
    for phase, settings in (whole.get("validation") or {}).items():
        lists["validation", phase, "constraints"] = names_of(settings.get("constraints"))

    def turned(path: Path) -> Path:
        for length in (1, 3):
            names, number = lists.get(path[:length]), path[length : length + 1]
            if names and number and isinstance(number[0], int):
                return (*path[:length], names[number[0]], *path[length + 1 :])
        return path

    return turned


def below(component: str, trails: Mapping[Path, Trail]) -> Iterator[tuple[Path, Trail]]:
    """Give the trails of a component's values with their paths in the hydrated recipe."""
    for path, trail in trails.items():
        if path:
            yield ("components", component, "values", *path), trail


def _gone(spec: Trails, values: Mapping[str, Trails]) -> Iterator[tuple[Path, Trail]]:
    for path, trail in spec.gone.items():
        # What became of overrides is said by the values.
        if path[0] == "components" and path[2] != "overrides":
            yield path, trail
    for name, trails in values.items():
        yield from below(name, trails.gone)


def _alone(given: Source | None, criteria: Mapping[str, Origin]) -> Any:
    """Give the function that finds the origin of what no overlay says; None for what should have one."""

    def origin(path: Path, value: Any) -> Origin | None:
        if path[0] == "criteria" and path[1] in criteria:
            return criteria[str(path[1])]
        if path[0] in ("components", "constraints", "validation"):
            # Some fields are shown empty where nobody fills them.
            return None if value else COMPUTED
        if given is not None and "\0".join(parts(path)) in given.places:
            return Origin(given, parts(path))
        return COMPUTED

    return origin
