"""Lint: what overlays and mixins say of components: files, charts, dependencies, what is deployed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aicr_core.engine.order import check_dependencies, is_disabled
from aicr_core.engine.refs import problems, with_defaults
from aicr_core.engine.rules import SECOND
from aicr_core.kit.errors import AicrError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aicr_core.engine.lint_findings import Finding, Steps, Subject
    from aicr_core.engine.lint_project import Project

Document = dict[str, Any]
_REFS = ("spec", "componentRefs")
_MANIFESTS = ("manifestFiles", "preManifestFiles")
_RANGE = re.compile(r"[\^~<>=*|,\s]|(^|\.)[xX](\.|$)")
_MOVING = ("latest", "main", "master", "head", "stable", "nightly", "edge")
NO_VERSION = "it has a source but no version"


def rules(project: Project) -> Iterator[Finding]:
    """Give the findings of R023 to R030, R034, R035, and of R041 in lists of components."""
    for subject, body in project.documents():
        names = [ref["name"] for ref in body["componentRefs"]]
        for number, ref in enumerate(body["componentRefs"]):
            steps = (*_REFS, number)
            if ref["name"] in names[:number]:
                text = f'component "{ref["name"]}" stands twice'
                yield subject.finding("R041", (*steps, "name"), text)
            yield from _files(project, subject, steps, ref)
            yield from _pins(subject, steps, ref)
            yield from _switch(subject, steps, ref)
        yield from _unregistered(project, subject, body)
        yield from _merged(project, subject, body)


def unpinned(version: str) -> bool:
    """Tell whether a version or tag may mean another chart tomorrow."""
    text = version.strip().lower()
    return text in _MOVING or text == "v" or bool(_RANGE.search(text))


def _files(project: Project, subject: Subject, steps: Steps, ref: Document) -> Iterator[Finding]:
    files = project.reader.files
    path = ref.get("valuesFile") or ""
    if path and path not in files:
        close = nearest(path, files)
        hint = f"did you mean {close}?" if close else ""
        yield subject.finding("R023", (*steps, "valuesFile"), f"no layer holds {path}", hint)
    for field in _MANIFESTS:
        for number, path in enumerate(ref.get(field) or ()):
            if path not in files and f"{path}.j2" not in files:
                close = nearest(path, files)
                hint = f"did you mean {close}?" if close else ""
                place = (*steps, field, number)
                yield subject.finding("R024", place, f"no layer holds {path}", hint)


def _pins(subject: Subject, steps: Steps, ref: Document) -> Iterator[Finding]:
    for field in ("version", "tag"):
        if ref.get(field) and unpinned(ref[field]):
            message = f'{field} "{ref[field]}" of {ref["name"]} is no exact version'
            yield subject.finding("R025", (*steps, field), message)


def _switch(subject: Subject, steps: Steps, ref: Document) -> Iterator[Finding]:
    value = (ref.get("overrides") or {}).get("enabled")
    if value is not None and not isinstance(value, bool):
        message = f"{ref['name']} stays enabled: overrides.enabled is {value!r}"
        yield subject.finding("R035", (*steps, "overrides", "enabled"), message)


def _unregistered(project: Project, subject: Subject, body: Document) -> Iterator[Finding]:
    """Name components that nobody registers, in the file that brings them in."""
    above = _inherited(project, body)
    registry = project.reader.registry
    for number, ref in enumerate(body["componentRefs"]):
        name, steps = ref["name"], (*_REFS, number)
        if name in registry or name in above:
            continue
        if set(ref) <= {"name", "type", "overrides"} and is_disabled(ref):
            yield subject.finding("R034", (*steps, "name"), f'nothing brings "{name}"')
            continue
        close = nearest(name, registry)
        way = project.reader.hints.get("component", {}).get(name)
        hint = f"install {way}" if way else f'did you mean "{close}"?' if close else ""
        message = f'component "{name}" is in no registry'
        yield subject.finding("R028", (*steps, "name"), message, hint)


def _inherited(project: Project, body: Document) -> set[str]:
    """Give the components that the base of an overlay has already."""
    if project.bodies.get(body["name"]) is not body:
        return set()
    found = project.spec(body["base"])
    return {ref["name"] for ref in found.spec["componentRefs"]} if found else set()


def _merged(project: Project, subject: Subject, body: Document) -> Iterator[Finding]:
    """Judge what an overlay comes to, and leave out what is wrong with its base already."""
    is_base = body is project.reader.base
    if not is_base and project.bodies.get(body["name"]) is not body:
        return
    if is_base and project.catalogue is None:
        yield from _dependencies(subject, body, body["componentRefs"], ())
        return
    found = project.spec("" if is_base else body["name"])
    if found is None:
        return
    above = None if is_base else project.spec(body["base"])
    if found.error is not None:
        # A mixin that is not there is told of as such.
        if (above is None or above.error is None) and "no mixin" not in found.error.message:
            yield subject.finding("R030", ("spec", "mixins"), _with_place(found.error))
        return
    former = above.spec["componentRefs"] if above else ()
    yield from _dependencies(subject, body, found.spec["componentRefs"], former)
    yield from _coherence(project, subject, body, found.spec["componentRefs"], former)


def _with_place(error: AicrError) -> str:
    return f"{error.where}: {error.message}" if error.where else error.message


def _dependencies(
    subject: Subject,
    body: Document,
    refs: Sequence[Document],
    former: Sequence[Document],
) -> Iterator[Finding]:
    names = {ref["name"] for ref in refs}
    broken = False
    for number, ref in enumerate(body["componentRefs"]):
        for position, other in enumerate(ref.get("dependencyRefs") or ()):
            if other not in names:
                broken = True
                close = nearest(other, names)
                steps = (*_REFS, number, "dependencyRefs", position)
                message = f'"{ref["name"]}" depends on "{other}", which is not in the recipe'
                hint = f'did you mean "{close}"?' if close else ""
                yield subject.finding("R026", steps, message, hint)
    if broken or _circle(former):
        return
    circle = _circle(refs)
    if circle:
        yield subject.finding("R027", _place(body, circle), circle)


def _circle(refs: Sequence[Document]) -> str:
    """Give what is said of a circle of dependencies, empty where there is none."""
    try:
        check_dependencies(list(refs))
    except AicrError as error:
        return error.message if "each other" in error.message else ""
    return ""


def _place(body: Document, message: str) -> Steps:
    for number, ref in enumerate(body["componentRefs"]):
        if ref.get("dependencyRefs") and f" {ref['name']}" in message:
            return (*_REFS, number, "dependencyRefs")
    return _REFS


def _coherence(
    project: Project,
    subject: Subject,
    body: Document,
    refs: Sequence[Document],
    former: Sequence[Document],
) -> Iterator[Finding]:
    known = {(ref["name"], text) for ref in former for text in _problems(project, ref)}
    own = {ref["name"]: number for number, ref in enumerate(body["componentRefs"])}
    for ref in refs:
        for text in _problems(project, ref):
            if (ref["name"], text) not in known:
                steps = (
                    (*_REFS, own[ref["name"]], "name") if ref["name"] in own else ("spec", "mixins")
                )
                rule = "R025" if text.startswith(NO_VERSION) else "R029"
                yield subject.finding(rule, steps, f"{ref['name']}: {text}")


def _problems(project: Project, ref: Document) -> list[str]:
    """Give what does not hang together in a reference that is enabled and whose component is registered."""
    entry = project.reader.registry.get(ref["name"])
    if entry is None or is_disabled(ref):
        return []
    return problems(with_defaults(ref, entry[0], SECOND))


__all__ = ["rules", "unpinned"]
