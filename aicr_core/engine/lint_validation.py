"""Lint: constraints of overlays and mixins, and what they ask to be validated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.engine import paths, selection
from aicr_core.engine.reading_names import doubt
from aicr_core.kit import constraints
from aicr_core.kit.errors import AicrError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_core.engine.lint_findings import Finding, Steps, Subject
    from aicr_core.engine.lint_project import Project

Document = dict[str, Any]
_RULES = {
    "phase": "R022", "setting": "R022", "check": "R020", "place": "R021", "name": "R016", "value": "R018",
    "twice": "R041",
}  # fmt: skip
_DIRECTION = {">=": 1, ">": 1, "<=": -1, "<": -1}


def rules(project: Project) -> Iterator[Finding]:
    """Give the findings of R016 to R022, and of R041 in lists of constraints and checks."""
    for subject, body in project.documents():
        yield from _selection(project, subject, body)
        for steps, items, named in _lists(project, body):
            for number, item in enumerate(items):
                if item["name"] not in named:
                    yield from _expression(subject, (*steps, number), item)
        yield from _loosened(project, subject, body)


def _selection(project: Project, subject: Subject, body: Document) -> Iterator[Finding]:
    """Say what ``aicr validate`` would refuse in a recipe of this file alone."""
    entries, phases = project.checks
    validation = body["validation"] if phases else None
    recipe = {"constraints": body["constraints"], "validation": validation}
    for found in selection.findings(recipe, entries, phases):
        rule = "R021" if found.kind == "twice" and "checks" in found.steps else _RULES[found.kind]
        yield subject.finding(rule, ("spec", *found.steps), found.message, found.hint)


def _lists(
    project: Project, body: Document
) -> Iterator[tuple[Steps, list[Document], frozenset[str]]]:
    """Give the lists of constraints with the names that are no readings."""
    yield ("spec", "constraints"), body["constraints"], frozenset()
    entries, phases = project.checks
    gates = {phase.name for phase in phases if phase.gate}
    for name, settings in (body["validation"] or {}).items() if phases else ():
        read = {c for entry in entries if entry.phase == name for c in entry.constraints}
        named = frozenset() if name in gates else frozenset(read)
        yield ("spec", "validation", name, "constraints"), settings.get("constraints") or [], named


def _expression(subject: Subject, steps: Steps, item: Document) -> Iterator[Finding]:
    """Doubt a constraint that can be read: its path, and what it is compared with."""
    try:
        path = paths.parse(item["name"])
        parsed = constraints.parse(item.get("value", ""))
    except AicrError:
        return
    message, hint = doubt(path)
    if message:
        yield subject.finding("R017", (*steps, "name"), f"{item['name']}: {message}", hint)
    if parsed.operator in constraints.ORDERING:
        try:
            constraints.parse_version(parsed.value)
        except AicrError as error:
            hint = f"{parsed.operator} compares versions such as 1.32 or v1.32.4"
            message = f"{item['name']}: {error.message}"
            yield subject.finding("R018", (*steps, "value"), message, hint)


def _loosened(project: Project, subject: Subject, body: Document) -> Iterator[Finding]:
    """Compare the bounds of an overlay with those it inherits."""
    if project.bodies.get(body["name"]) is not body:
        return
    inherited = project.spec(body["base"])
    if inherited is None:
        return
    bounds = {item["name"]: item.get("value", "") for item in inherited.spec["constraints"]}
    for number, item in enumerate(body["constraints"]):
        former, own = bounds.get(item["name"]), item.get("value", "")
        if former is not None and _less(own, former):
            message = f"{item['name']}: {own} demands less than {former} of its base"
            yield subject.finding("R019", ("spec", "constraints", number, "value"), message)


def _less(own: str, former: str) -> bool:
    """Tell whether a bound lets through what the former one did not."""
    try:
        new, old = constraints.parse(own), constraints.parse(former)
        direction = _DIRECTION[old.operator]
        if _DIRECTION[new.operator] != direction:
            return False
        order = constraints.compare(
            constraints.parse_version(new.value), constraints.parse_version(old.value)
        )
    except (AicrError, KeyError):
        return False
    return order == -direction
