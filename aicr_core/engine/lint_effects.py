"""Lint: what an overlay says without effect, as the same stands there already or something else replaces it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.engine.explain_trail import same
from aicr_core.engine.hydrate import component_values
from aicr_core.engine.merge import APPEND, DEPENDENCIES, FIELDS, OR, OVERRIDES, REPLACE
from aicr_core.engine.recipes import resolve
from aicr_core.kit.errors import AicrError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_core.engine.catalogue import Catalogue
    from aicr_core.engine.lint_findings import Finding, Steps, Subject
    from aicr_core.engine.lint_project import Project
    from aicr_core.engine.rules import Rules

Document = dict[str, Any]
Key = tuple[str, ...]
_IDENTITY = ("name", "type")
"""Fields that say which component is meant; a reference is read more easily with them."""
_ABSENT: Any = object()


def rules(project: Project) -> Iterator[Finding]:
    """Give the findings of R032 and R033."""
    if project.catalogue is None:
        return
    for subject, body in project.overlays():
        yield from _repeated(project, project.catalogue, subject, body)
    yield from _shadowed(project, project.catalogue)


def _repeated(
    project: Project, catalogue: Catalogue, subject: Subject, body: Document
) -> Iterator[Finding]:
    """Compare references with what the base of the overlay has come to.

    A constraint that repeats an inherited one has an effect: a snapshot is held to an overlay's own.
    """
    above = project.spec(body["base"])
    if above is None:
        return
    former = {ref["name"]: ref for ref in above.spec["componentRefs"]}
    generation = project.rules(body)
    for number, ref in enumerate(body["componentRefs"]):
        steps: Steps = ("spec", "componentRefs", number)
        known = former.get(ref["name"])
        if known is not None:
            if not any(value for field, value in ref.items() if field not in _IDENTITY):
                message = f"{ref['name']} is there already, and nothing more is said of it"
                yield subject.finding("R033", (*steps, "name"), message)
            for field, place in _fields(known, ref, generation):
                message = f"{field} of {ref['name']} is that already"
                yield subject.finding("R033", (*steps, *place), message)
        for path in _values(catalogue, known, ref, generation):
            message = f"{'.'.join(path)} of {ref['name']} is set to that already"
            yield subject.finding("R033", (*steps, "overrides", *path), message)


def _fields(known: Document, ref: Document, rules: Rules) -> Iterator[tuple[str, Steps]]:
    for field, value in ref.items():
        how = FIELDS[field]
        if field in _IDENTITY or how == OVERRIDES or not value or not known.get(field):
            continue
        if how == APPEND or (how == DEPENDENCIES and rules.union_dependencies):
            for number, item in enumerate(value):
                if item in known[field]:
                    yield f"{item} in {field}", (field, number)
        elif same_tree(known[field], value):
            yield field, (field,)


def same_tree(one: Any, other: Any) -> bool:
    """Compare two values as documents do."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_tree(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_tree, one, other))
    return same(one, other)


def _values(
    catalogue: Catalogue, known: Document | None, ref: Document, rules: Rules
) -> Iterator[Key]:
    """Give the paths of overrides whose values stand there without them."""
    overrides = ref.get("overrides") or {}
    base = {**(known or {"name": ref["name"]})}
    if ref.get("valuesFile"):
        base["valuesFile"] = ref["valuesFile"]
    try:
        values = component_values(catalogue, base, null_deletes=rules.null_deletes) or {}
    except AicrError:
        return
    inherited = base.get("overrides") or {}
    for key, value in overrides.items():
        if not rules.deep_overrides and key in inherited:
            # The whole key is replaced, so that a part of it which is equal is needed all the same.
            if same_tree(inherited[key], value):
                yield (key,)
        else:
            yield from _equal(values.get(key, _ABSENT), value, (key,))


def _equal(before: Any, value: Any, path: Key) -> Iterator[Key]:
    """Give what is equal, maps as a whole: a part that is equal beside one that is not completes a statement."""
    if before is _ABSENT:
        return
    if not isinstance(value, dict):
        if len(path) == 1 and same_tree(before, value):
            yield path
    elif isinstance(before, dict) and _within(value, before):
        yield path
    elif isinstance(before, dict):
        for key, item in value.items():
            yield from _equal(before.get(key, _ABSENT), item, (*path, key))


def _within(part: Any, whole: Any) -> bool:
    """Tell whether all that a map says is said by another."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and _within(item, whole[key]) for key, item in part.items())
    return same_tree(part, whole)


def _shadowed(project: Project, catalogue: Catalogue) -> Iterator[Finding]:
    """Look for wildcards, applied beside the chains of others, of which nothing is left in any recipe."""
    for subject, body in project.overlays():
        name, own = body["name"], body["criteria"]
        if own is None or name in project.parents:
            continue
        beside = [
            other
            for other, theirs in sorted(project.bodies.items())
            if theirs["criteria"] is not None
            and own.items() < theirs["criteria"].items()
            and name not in (project.chain(other) or (name,))
        ]
        if beside and not any(_left(project, catalogue, name, other) for other in beside):
            message = f"all it says is replaced in every recipe, such as that of {beside[0]}"
            yield subject.finding("R032", ("metadata", "name"), message)


def _left(project: Project, catalogue: Catalogue, name: str, other: str) -> bool:
    """Tell whether anything an overlay says counts in the recipe of another's criteria."""
    body = project.bodies[name]
    said = set(_settings(body, project.rules(body)))
    if not said or body["mixins"]:
        return True
    try:
        document = resolve(catalogue, project.bodies[other]["criteria"]).document
    except AicrError:
        return True
    applied = document["metadata"]["appliedOverlays"]
    if name not in applied:
        return True
    later = (project.bodies[one] for one in applied[applied.index(name) + 1 :])
    replaced = {
        key for one in later for key in _settings(one, project.rules(one)) if key[-1] != "*"
    }
    return any(not _below(key, replaced) for key in said)


def _below(key: Key, replaced: set[Key]) -> bool:
    return any(key[:length] in replaced for length in range(1, len(key) + 1))


def _settings(body: Document, rules: Rules) -> Iterator[Key]:
    """Give what an overlay sets; a key that ends in ``*`` is added to what is there, and replaces nothing."""
    for item in body["constraints"]:
        yield "constraint", item["name"]
    for ref in body["componentRefs"]:
        for field, value in ref.items():
            how = FIELDS[field]
            if how == OVERRIDES:
                for key, item in value.items():
                    deep = _paths(item) if rules.deep_overrides else [()]
                    yield from (("ref", ref["name"], field, key, *path) for path in deep)
            elif how in (APPEND, OR) or (how == DEPENDENCIES and rules.union_dependencies):
                yield "ref", ref["name"], field, str(value), "*"
            elif how == REPLACE or value:
                yield "ref", ref["name"], field
    for name, settings in (body["validation"] or {}).items():
        if rules.merge_phases:
            yield from (
                ("phase", name, field, str(value), "*") for field, value in settings.items()
            )
        else:
            yield "phase", name


def _paths(value: Any) -> Iterator[Key]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from ((key, *path) for path in _paths(item))
    else:
        yield ()
