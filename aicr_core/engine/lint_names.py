"""Lint: names of overlays and mixins, what they are based on, which criteria they have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.engine.catalogue import criteria_key
from aicr_core.engine.criteria import ANY, TEXT_DIMENSIONS, lookup, text
from aicr_core.engine.recipes import resolve
from aicr_core.kit.errors import AicrError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_core.engine.lint_findings import Finding, Subject
    from aicr_core.engine.lint_project import Project

Document = dict[str, Any]
_BASE = ("spec", "base")
_CRITERIA = ("spec", "criteria")


def rules(project: Project) -> Iterator[Finding]:
    """Give the findings of R005, R007 to R015 and R031, and of R002 for what a type does not say."""
    for subject, body in project.documents():
        if body is project.reader.base:
            continue
        yield from _stem(subject, body)
        yield from _mixins(project, subject, body)
    for subject, body in project.overlays():
        yield from _base(project, subject, body)
        yield from _equal(project, subject, body)
        yield from _values(project, subject)
        yield from _of_ancestors(project, subject, body)
        yield from _itself(project, subject, body)


def _stem(subject: Subject, body: Document) -> Iterator[Finding]:
    stem = body["file"].rpartition("/")[2].rpartition(".")[0]
    if body["name"] and body["name"] != stem:
        message = f'"{body["name"]}" lies in a file called {stem}'
        yield subject.finding("R005", ("metadata", "name"), message)


def _mixins(project: Project, subject: Subject, body: Document) -> Iterator[Finding]:
    known = project.reader.mixins
    for number, name in enumerate(body["mixins"]):
        steps = ("spec", "mixins", number)
        if name in body["mixins"][:number]:
            yield subject.finding("R041", steps, f'mixin "{name}" stands twice')
        if name not in known:
            close = nearest(name, known)
            hint = f'did you mean "{close}"?' if close else ""
            yield subject.finding("R009", steps, f'no mixin "{name}"', hint)


def _base(project: Project, subject: Subject, body: Document) -> Iterator[Finding]:
    names = [body["name"]]
    current = body["base"]
    while current:
        if current == body["name"]:
            path = " -> ".join([*names, current])
            yield subject.finding("R008", _BASE, f"overlays inherit from each other: {path}")
            return
        if current in names:
            return
        if current not in project.bodies:
            if len(names) == 1:
                close = nearest(current, [*project.bodies, "base"])
                hint = f'did you mean "{close}"?' if close else ""
                yield subject.finding("R007", _BASE, f'no overlay "{current}"', hint)
            return
        names.append(current)
        current = project.bodies[current]["base"]


def _equal(project: Project, subject: Subject, body: Document) -> Iterator[Finding]:
    if body["criteria"] is None:
        return
    for name in project.equals[criteria_key(body["criteria"])]:
        other = project.bodies[name]
        # Of two that are both looked at, the second by name is told of.
        if other is body or (name in project.focused and name > body["name"]):
            continue
        same = other["layer"] == body["layer"]
        where = "" if same else f" of {other['layer']}"
        message = f'overlay "{name}"{where} has the same criteria: {text(body["criteria"])}'
        yield subject.finding("R010" if same else "R011", _CRITERIA, message)


def _values(project: Project, subject: Subject) -> Iterator[Finding]:
    criteria = (subject.document.get("spec") or {}).get("criteria") or {}
    if criteria.get("nodes", 0) < 0:
        message = f"nodes is {criteria['nodes']}"
        yield subject.finding("R002", (*_CRITERIA, "nodes"), message, "give a positive number")
    for dimension in TEXT_DIMENSIONS:
        value = criteria.get(dimension, "")
        if lookup(project.reader.declared, dimension, value) is not None:
            continue
        steps = (*_CRITERIA, dimension)
        known = sorted(name for name in project.reader.declared[dimension] if name != ANY)
        close = nearest(value.strip().lower(), known)
        if close:
            message = f'no plugin declares {dimension} "{value}"'
            yield subject.finding("R012", steps, message, f'did you mean "{close}"?')
        else:
            yield subject.finding("R013", steps, f'{dimension} "{value}" is new')


def _of_ancestors(project: Project, subject: Subject, body: Document) -> Iterator[Finding]:
    chain = project.chain(body["name"])
    if chain is None or body["criteria"] is None:
        return
    own = body["criteria"]
    left: dict[str, Any] = {}
    for name in chain[:-1]:
        for dimension, value in (project.bodies[name]["criteria"] or {}).items():
            if dimension in own and own[dimension] != value:
                message = f'its base "{name}" is for {dimension} {value}, this for {own[dimension]}'
                yield subject.finding("R014", (*_CRITERIA, dimension), message)
            elif dimension not in own:
                left[dimension] = value
    if left:
        message = f"its base is for {text(left)} only, this for any"
        yield subject.finding("R015", _CRITERIA, message)


def _itself(project: Project, subject: Subject, body: Document) -> Iterator[Finding]:
    name = body["name"]
    if body["criteria"] is None:
        if name not in project.parents:
            message = "it has no criteria and is no overlay's base: no recipe has it"
            yield subject.finding("R031", ("metadata", "name"), message)
        return
    found = project.spec(name)
    if project.catalogue is None or found is None or found.error is not None:
        return
    try:
        document = resolve(project.catalogue, body["criteria"]).document
    except AicrError as error:
        yield from _unresolved(subject, error)
        return
    applied = document["metadata"]["appliedOverlays"]
    if applied[-1] not in project.equals[criteria_key(body["criteria"])]:
        message = f'its criteria give a recipe that ends in "{applied[-1]}"'
        yield subject.finding("R031", _CRITERIA, message)


def _unresolved(subject: Subject, error: AicrError) -> Iterator[Finding]:
    """Tell of an error only when no other rule tells of it better."""
    known = {
        "depends on", "depend on each other", "cannot be deployed", "already",
        "inherit from each other",
    }  # fmt: skip
    if not any(words in error.message for words in known):
        yield subject.finding("R031", _CRITERIA, error.message, error.hint or "")
