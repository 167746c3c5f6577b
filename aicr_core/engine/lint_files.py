"""Lint: the registry, files that nobody names, and what manifests of plugins claim to override."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.engine.catalogue_files import Role, role, unused
from aicr_core.engine.lint_components import unpinned
from aicr_core.engine.lint_findings import make
from aicr_core.kit.errors import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_core.engine.lint_findings import Finding, Subject
    from aicr_core.engine.lint_project import Project

Document = dict[str, Any]
_CHARTS = (("helm", "defaultVersion"), ("kustomize", "defaultTag"))


def rules(project: Project) -> Iterator[Finding]:
    """Give the findings of R036, R038, R039, and of R024 and R025 in the registry."""
    for subject in project.subjects:
        if role(subject.path) is Role.REGISTRY:
            for number, entry in enumerate(subject.document.get("components") or ()):
                yield from _entry(project, subject, number, entry)
    yield from _unused(project)
    yield from _overrides(project)


def _entry(project: Project, subject: Subject, number: int, entry: Document) -> Iterator[Finding]:
    steps = ("components", number)
    path = (entry.get("healthCheck") or {}).get("assertFile") or ""
    if path and path not in project.reader.files:
        close = nearest(path, project.reader.files)
        hint = f"did you mean {close}?" if close else ""
        place = (*steps, "healthCheck", "assertFile")
        yield subject.finding("R024", place, f"no layer holds {path}", hint)
    for section, field in _CHARTS:
        version = (entry.get(section) or {}).get(field) or ""
        if version and unpinned(version):
            message = f'{field} "{version}" of {entry["name"]} is no exact version'
            yield subject.finding("R025", (*steps, section, field), message)
    if entry.get("helm") and entry.get("kustomize"):
        message = f"{entry['name']} has both helm and kustomize"
        yield subject.finding("R029", (*steps, "kustomize"), message, "leave one of them out")
    yield from _aliases(project, subject, number, entry)


def _aliases(project: Project, subject: Subject, number: int, entry: Document) -> Iterator[Finding]:
    own = entry["name"]
    taken: dict[str, str] = {}
    for name, (other, _) in project.reader.registry.items():
        if name != own:
            taken.update(dict.fromkeys(other.get("valueOverrideKeys") or (), name))
    taken.update({name: name for name in project.reader.registry if name != own})
    for position, alias in enumerate(entry.get("valueOverrideKeys") or ()):
        if alias in taken:
            message = f'"{alias}" of {own} also means {taken[alias]}'
            yield subject.finding(
                "R038", ("components", number, "valueOverrideKeys", position), message
            )


def _unused(project: Project) -> Iterator[Finding]:
    """Name files of the layers under the lint that nothing refers to."""
    named = _named(project)
    mixins = {name for body in project.everything() for name in body["mixins"]}
    for subject in project.subjects:
        purpose = role(subject.path)
        layer = project.reader.layers[subject.layer]
        if purpose in (Role.VALUES, Role.CHECK) or (
            purpose is Role.COMPONENT and "/manifests/" in subject.path
        ):
            if subject.path.removesuffix(".j2") not in named and subject.path not in named:
                message = "no overlay, mixin or registry entry names the file"
                yield subject.finding("R036", (), message)
        elif purpose is Role.UNUSED and layer.external:
            for text in unused("", (subject.path,)):
                message = text.partition(": ")[2]
                yield subject.finding("R036", (), message)
        body = subject.body
        known = project.reader.mixins.get(body["name"]) if body is not None else None
        if known is not None and known[0] is body and body["name"] not in mixins:
            yield subject.finding("R036", ("metadata", "name"), "no overlay names the mixin")


def _named(project: Project) -> set[str]:
    named = set()
    for body in project.everything():
        for ref in body["componentRefs"]:
            named |= {ref.get("valuesFile") or "", f"components/{ref['name']}/values.yaml"}
            named.update(ref.get("manifestFiles") or (), ref.get("preManifestFiles") or ())
    for name, (entry, _) in project.reader.registry.items():
        named |= {
            (entry.get("healthCheck") or {}).get("assertFile") or "",
            f"components/{name}/values.yaml",
        }
    return named


def _overrides(project: Project) -> Iterator[Finding]:
    """Look for what a manifest overrides in the layers before its own."""
    reader = project.reader
    before: set[str] = set()
    for number, layer in enumerate(reader.layers):
        manifest = project.manifests.get(layer.name, "")
        focused = [s for s in project.subjects if s.layer == number]
        for name in layer.overrides if focused and manifest else ():
            if name not in before:
                message = f'no package before this one brings "{name}"'
                yield make("R039", manifest, _line(manifest, name), message)
        for (owner, path), subject in reader.subjects.items():
            if owner == number:
                before.add(path)
                if subject.body is not None:
                    before.add(subject.body["name"])
                before.update(e["name"] for e in subject.document.get("components") or ())


def _line(manifest: str, name: str) -> tuple[int, int]:
    """Find an entry in a TOML file, which is read without places."""
    try:
        with open(manifest, encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):
                for quote in "\"'":
                    column = line.find(f"{quote}{name}{quote}")
                    if column > -1:
                        return number, column + 1
    except OSError:
        pass
    return 0, 0
