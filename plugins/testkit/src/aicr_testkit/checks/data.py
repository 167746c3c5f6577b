"""A plugin's recipe data: overlays, values, constraints, what others bring too; recorded results (T13 T14 T17 T20)."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Any

from aicr_testkit.golden import cases, compare
from aicr_testkit.model import Check
from aicr_testkit.subject import files_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_testkit.subject import Subject

Document = dict[str, Any]
_NAMES = frozenset({"R016", "R017", "R018", "R020", "R021"})
"""Rules of `aicr recipe validate` about constraints and checks (T14)."""
_TWICE = frozenset({"R040", "R011"})
_COLLIDE = frozenset({"overlays", "components", "checks", "mixins", "validators"})


def _no_data(subject: Subject) -> str:
    return "" if any(True for _ in subject.data_files()) else "it brings no data"


def _findings(subject: Subject) -> list[Document]:
    """Errors and warnings of the lint, once for a subject."""
    if "lint" not in subject.__dict__:
        found: list[Document] = []
        if subject.usable:
            found = list(subject.session.lint(plugin=subject.name, severity="warning")["findings"])
        subject.__dict__["lint"] = found
    return list(subject.__dict__["lint"])


def _said(finding: Document) -> str:
    place = finding.get("file") or finding.get("path") or ""
    line = f":{finding['line']}" if finding.get("line") else ""
    return f"{place}{line}: {finding.get('rule', '')} {finding['message']}"


def _counts(finding: Document) -> bool:
    return bool(finding.get("severity") == "error" and not finding.get("allowed"))


def overlays(subject: Subject) -> Iterator[str]:
    """T13: overlays resolve, charts are pinned, values are mappings, every file that is named is there."""
    from aicr_core.api import AicrError

    if not subject.usable:
        if subject.row["state"] == "broken" and not list(collisions(subject)):
            yield subject.row["reason"]
        return
    for finding in _findings(subject):
        if _counts(finding) and finding.get("rule") not in _NAMES | _TWICE:
            yield _said(finding)
    for path, file in subject.data_files():
        if (
            path.startswith("components/")
            and file.name.startswith("values")
            and file.suffix == ".yaml"
        ):
            yield from _values(path, file)
    try:
        found = subject.session.overlays()
    except AicrError as error:
        # A catalogue that cannot be made because two bring the same is T17's.
        if not list(collisions(subject)):
            yield str(error)
        return
    for item in found:
        if item["source"] == subject.row["distribution"] and item["criteria"]:
            try:
                subject.session.recipe(item["criteria"], allow_partial=True)
            except AicrError as error:
                yield f"overlay {item['name']}: {error}"


def _values(path: str, file: pathlib.Path) -> Iterator[str]:
    from aicr_core.api import AicrError, load

    try:
        if not isinstance(load(file.read_bytes(), path) or {}, dict):
            yield f"{path} is no mapping"
    except AicrError as error:
        yield str(error)


def names(subject: Subject) -> Iterator[str]:
    """T14: constraints name readings, phases name checks that exist."""
    for finding in _findings(subject):
        if finding.get("rule") in _NAMES and _counts(finding):
            yield _said(finding)


def collisions(subject: Subject) -> Iterator[str]:
    """T17: no file, overlay or component of another plugin comes from this one, unless `overrides` lists it."""
    mine = dict(files_of(subject.row))
    for other in subject.session.plugins():
        if other["name"] == subject.name:
            continue
        row = subject.session.plugin(other["name"])
        allowed = {*subject.row["overrides"], *row["overrides"]}
        for path, _ in files_of(row):
            top = path.split("/")[0]
            if path in mine and top in _COLLIDE and not _listed(path, allowed):
                yield f"{path} comes from {row['distribution']} too"
        both = _registered(mine.get("registry.yaml")) & _registered(
            dict(files_of(row)).get("registry.yaml")
        )
        yield from (
            f"component {name} comes from {row['distribution']} too"
            for name in sorted(both - allowed)
        )


def _listed(path: str, allowed: set[str]) -> bool:
    return path in allowed or pathlib.PurePosixPath(path).stem in allowed


def _registered(file: pathlib.Path | None) -> set[str]:
    from aicr_core.api import AicrError, load

    if file is None:
        return set()
    try:
        document: Any = load(file.read_bytes(), str(file))
        return {str(entry["name"]) for entry in document["components"] or ()}
    except (AicrError, TypeError, KeyError):
        return set()


def _golden_folder(subject: Subject) -> pathlib.Path:
    return pathlib.Path(subject.golden) if subject.golden else subject.root / "golden"


def golden(subject: Subject) -> Iterator[str]:
    """T20: recorded cases come out as they were recorded."""
    for case in cases(_golden_folder(subject)):
        yield from (f"{case.name}: {problem}" for problem in compare(case))


CHECKS = (
    Check("T13", "Recipe data can be used",
          "every overlay resolves, charts have one exact version, values files are mappings, every file that is "
          "named is there (rules of `aicr recipe validate`)",
          "a fault in data is found by the user who asks for that very combination",
          "run `aicr recipe validate --plugin NAME`", overlays, _no_data),
    Check("T14", "Constraints and checks exist",
          "a constraint names a reading or a constraint that a check reads, and can be evaluated; a phase names "
          "checks that are installed",
          "a constraint that names nothing is an error on every cluster",
          "run `aicr recipe validate --plugin NAME`", names, _no_data),
    Check("T17", "No collision with other plugins",
          "no catalogue file and no component of another installed plugin, unless `overrides` lists it",
          "which of two wins must not depend on the order of installation",
          "rename it, or list it under overrides in the manifest", collisions, _no_data),
    Check("T20", "Recorded results",
          "each case in golden/ (or --golden DIR) gives what was recorded",
          "a change of output is to be seen by its author, before users see it",
          "look at the difference; record again with `pytest --aicr-update`", golden,
          lambda s: "" if cases(_golden_folder(s)) else "it has no golden/ with recorded cases"),
)  # fmt: skip
