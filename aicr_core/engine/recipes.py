"""The resolver: criteria (and perhaps a snapshot) in, one deterministic recipe document out.

Matching, gating, inheritance, merging, mixins, registry defaults, dependency order and the coverage check come
together here (spec/recipe.md 8 to 14 and 22). Nothing is read from disk but overlay bodies through the
catalogue, nothing is changed in place, and what depends on the applied overlays alone is kept for the next
request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.engine import coverage, merge
from aicr_core.engine.conflicts import conflicts
from aicr_core.engine.criteria import TEXT_DIMENSIONS, concrete, spelled_out, text
from aicr_core.engine.gating import Gate, failures
from aicr_core.engine.order import check_dependencies, deployment_order, is_disabled, no_switches
from aicr_core.engine.refs import check_coherence, with_defaults
from aicr_core.engine.rules import Rules, rules_for
from aicr_core.kit.errors import AicrError, Code, nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from aicr_core.engine.catalogue import Catalogue

Document = dict[str, Any]


class Resolution(NamedTuple):
    """A recipe document and what a person should know about it."""

    document: Document
    warnings: tuple[str, ...]


class _Composed(NamedTuple):
    """What one sequence of applied overlays gives; shared between requests, never changed."""

    constraints: list[Document]
    components: list[Document]
    order: list[str]
    validation: Document | None
    notes: tuple[str, ...]


class Merged(NamedTuple):
    """One step on the way to a recipe: the name of what was merged, its body, and the spec that came of it."""

    name: str
    body: Document
    spec: Document


def merging(catalogue: Catalogue, applied: Iterable[str]) -> Iterator[Merged]:
    """Make the spec of applied overlays (without the base) once more, and give every step, the base first.

    Raises AicrError for an overlay or a mixin that is not there.
    """
    return _Resolver(catalogue, None).merging(tuple(applied))


def resolve(
    catalogue: Catalogue,
    criteria: Mapping[str, Any],
    *,
    snapshot: Document | None = None,
    stated: Collection[str] = TEXT_DIMENSIONS,
    allow_partial: bool = False,
    tool_version: str = "",
) -> Resolution:
    """Resolve ``criteria`` (canonical values; absent or ``any`` = not set) to a recipe.

    ``snapshot`` gates overlays by their constraints. ``stated`` names the dimensions the user gave: one
    that no applied overlay carries is an error, or a warning with ``allow_partial``. Dimensions that are
    set but not stated (detected) are dropped with a warning when nothing covers them. What the snapshot
    excludes is told in every case.

    Raises AicrError(INVALID_REQUEST) for broken inheritance, dependencies or coverage.
    """
    wanted = concrete(criteria)
    resolver = _Resolver(catalogue, snapshot)
    outcome = resolver.run(wanted)
    notes: list[str] = []
    missing = coverage.uncovered(wanted, outcome.applied_bodies, TEXT_DIMENSIONS)
    asked = [name for name in missing if name in stated]
    excluded = coverage.Excluded([r["name"] for r in outcome.excluded], outcome.warnings)
    if missing and allow_partial:
        notes.extend(coverage.warn(catalogue, wanted, missing, excluded))
    elif asked:
        # What was merely detected, and is in the way, is not what the user has to add to.
        told = {name: v for name, v in wanted.items() if name not in missing or name in asked}
        raise coverage.refuse(catalogue, told, asked, excluded)
    elif missing:
        # No overlay that applies carries them, so without them the same overlays apply.
        dropped = {name: wanted.pop(name) for name in missing}
        notes.append(f"detected {text(dropped)} is covered by no overlay that applies: left out")
    notes.extend(_notes(outcome))
    return Resolution(_document(wanted, outcome, resolver.rules, tool_version), tuple(notes))


class _Outcome(NamedTuple):
    applied: tuple[str, ...]
    applied_bodies: list[Document]
    excluded: list[Document]
    warnings: list[Document]
    composed: _Composed


class _Resolver:
    def __init__(self, catalogue: Catalogue, snapshot: Document | None) -> None:
        self.catalogue = catalogue
        self.snapshot = snapshot
        self.rules = rules_for(catalogue.api_version)

    def overlay(self, name: str) -> Document:
        body = self.catalogue.overlay(name)
        if body is None:
            close = nearest(name, self.catalogue.names())
            raise AicrError(
                Code.INVALID_REQUEST,
                f'no overlay "{name}"',
                hint=f'did you mean "{close}"?' if close else None,
            )
        return body

    def chain(self, name: str) -> tuple[str, ...]:
        """Names from below the root down to ``name``. Raises on an unknown parent or a cycle."""
        known: tuple[str, ...] | None = self.catalogue.memo.get(("chain", name))
        if known is not None:
            return known
        names: list[str] = []
        current = name
        while current:
            if current in names:
                path = " -> ".join([*names, current])
                raise AicrError(
                    Code.INVALID_REQUEST, f"overlays inherit from each other: {path}", where=name
                )
            parent = self.catalogue.parent_of(current)
            if parent is None:
                child = names[-1] if names else name
                known_names = [*self.catalogue.names(), "base"]
                close = nearest(current, known_names)
                raise AicrError(
                    Code.INVALID_REQUEST,
                    f'its base "{current}" is no overlay of the catalogue',
                    where=f"overlay {child} ({self.overlay(child)['file']})",
                    hint=f'did you mean "{close}"?' if close else None,
                )
            names.append(current)
            current = parent
        chain = tuple(reversed(names))
        self.catalogue.memo[("chain", name)] = chain
        return chain

    def run(self, criteria: Document) -> _Outcome:
        candidates = self.catalogue.matching(criteria)
        excluded: list[str] = []
        warnings: list[Document] = []
        if self.snapshot is not None:
            gate = Gate(self.snapshot, self.overlay, self.chain)
            candidates, excluded, warnings = gate.filter(candidates)
        reasons = dict.fromkeys(excluded, "constraint-failed")
        while True:
            applied = self.applied(candidates)
            composed = self.composed(applied)
            if self.snapshot is None or not self.mixins(applied):
                break
            failed = self.failed_mixins(applied, warnings)
            if not failed:
                break
            lost = [n for n in candidates if failed & set(self.mixins(self.chain(n)))]
            reasons.update(dict.fromkeys(lost, "mixin-constraint-failed"))
            candidates = [name for name in candidates if name not in lost]
        names = sorted(reasons)
        records = [{"name": n, "reason": reasons[n]} for n in names]
        bodies = [self.overlay(name) for name in applied]
        return _Outcome(applied, bodies, records, warnings, composed)

    def applied(self, candidates: list[str]) -> tuple[str, ...]:
        """Order the candidates and spell out their chains, each overlay once."""
        if self.rules.maximal_leaves:
            ancestors = {member for name in candidates for member in self.chain(name)[:-1]}
            candidates = [name for name in candidates if name not in ancestors]

        def specificity(name: str) -> tuple[int, bytes]:
            criteria = self.overlay(name)["criteria"] or {}
            return len(criteria), name.encode("utf-8", "surrogatepass")

        order: dict[str, None] = {}
        for name in sorted(candidates, key=specificity):
            order.update(dict.fromkeys(self.chain(name)))
        return tuple(order)

    def mixins(self, applied: tuple[str, ...]) -> tuple[str, ...]:
        """Names of the mixins of the applied overlays, first mention first."""
        names: dict[str, None] = {}
        for name in applied:
            names.update(dict.fromkeys(self.overlay(name)["mixins"]))
        return tuple(names)

    def failed_mixins(self, applied: tuple[str, ...], warnings: list[Document]) -> set[str]:
        failed = set()
        for name in self.mixins(applied):
            records = failures(name, self.mixin(name)["constraints"], self.snapshot or {})
            if records:
                failed.add(name)
                for record in records:
                    reason = f"mixin-constraint-failed: {record['reason']}"
                    warnings.append({**record, "reason": reason})
        return failed

    def mixin(self, name: str) -> Document:
        body = self.catalogue.mixin(name)
        if body is None:
            naming = [
                f'"{overlay["name"]}" of {overlay["layer"]}'
                for overlay in map(self.catalogue.overlay, sorted(self.catalogue.names()))
                if overlay is not None and name in overlay["mixins"]
            ]
            hint = f"mixins lie in mixins/*.yaml; it is named by overlay {', '.join(naming)}"
            raise AicrError(Code.INVALID_REQUEST, f'no mixin "{name}"', hint=hint)
        return body

    def merging(self, applied: tuple[str, ...]) -> Iterator[Merged]:
        """Merge the base, the applied overlays and their mixins, one after the other."""
        base = self.catalogue.base()
        spec: Document = {
            "constraints": base["constraints"],
            "componentRefs": base["componentRefs"],
            "validation": base["validation"],
        }
        yield Merged("base", base, spec)
        for name in applied:
            body = self.overlay(name)
            spec = merge.overlay(spec, body, rules_for(body["apiVersion"]))
            yield Merged(name, body, spec)
        for name in self.mixins(applied):
            body = self.mixin(name)
            spec = merge.mixin(spec, body, self.rules)
            yield Merged(name, body, spec)

    def composed(self, applied: tuple[str, ...]) -> _Composed:
        key = ("composed", applied)
        known: _Composed | None = self.catalogue.memo.get(key)
        if known is None:
            known = self.catalogue.memo[key] = self._compose(applied)
        return known

    def _compose(self, applied: tuple[str, ...]) -> _Composed:
        *_, (_, _, spec) = self.merging(applied)
        refs: list[Document] = spec["componentRefs"]
        check_dependencies(refs)
        registry = self.catalogue.registry()
        refs = [with_defaults(ref, registry.get(ref["name"]), self.rules) for ref in refs]
        if self.rules.coherent_refs:
            check_coherence([ref for ref in refs if not is_disabled(ref)])
        order = deployment_order(refs, disabled_in_order=self.rules.disabled_in_order)
        shown = [merge.output(ref) for ref in refs]
        ties = conflicts([self.overlay(name) for name in applied], self.chain)
        notes = (*ties, *no_switches(refs))
        return _Composed(spec["constraints"], shown, order, spec["validation"], notes)


def _notes(outcome: _Outcome) -> list[str]:
    notes = list(outcome.composed.notes)
    if not outcome.applied:
        notes.append("only the base recipe applies: no overlay matches the criteria")
    if outcome.excluded:
        names = ", ".join(record["name"] for record in outcome.excluded)
        notes.append(f"the snapshot excludes {names}")
        notes.extend(
            f"{record['overlay']}: {record['constraint']}: {record['reason']}"
            for record in outcome.warnings
        )
    return notes


def _document(criteria: Document, outcome: _Outcome, rules: Rules, version: str) -> Document:
    """Give the recipe in the order of spec/recipe.md 14."""
    metadata: Document = {"version": version, "appliedOverlays": ["base", *outcome.applied]}
    if outcome.excluded:
        metadata["excludedOverlays"] = (
            outcome.excluded
            if rules.excluded_as_records
            else [record["name"] for record in outcome.excluded]
        )
    if outcome.warnings:
        metadata["constraintWarnings"] = outcome.warnings
    document: Document = {
        "kind": "RecipeResult",
        "apiVersion": "aicr.run/v1alpha2" if rules.excluded_as_records else _FIRST,
        "metadata": metadata,
        "criteria": spelled_out(criteria),
    }
    composed = outcome.composed
    if composed.constraints:
        document["constraints"] = [_constraint(item) for item in composed.constraints]
    document["componentRefs"] = composed.components
    document["deploymentOrder"] = composed.order
    if composed.validation is not None:
        document["validation"] = {
            name: _phase(settings) for name, settings in composed.validation.items()
        }
    return document


_FIRST = "aicr.nvidia.com/v1alpha1"


def _constraint(item: Document) -> Document:
    shown = {key: value for key, value in item.items() if value}
    return {"name": item["name"], "value": item.get("value", ""), **shown}


def _phase(settings: Document) -> Document:
    shown: Document = {}
    for field, value in settings.items():
        if field == "constraints" and value:
            shown[field] = [_constraint(item) for item in value]
        elif field == "nodeSelection":
            shown[field] = {key: item for key, item in value.items() if item}
        elif value:
            shown[field] = value
    return shown
