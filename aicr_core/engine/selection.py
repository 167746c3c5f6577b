"""Which checks a recipe asks for, and what in it is wrong: found before anything runs, all of it at once. Pure.

A check runs when the recipe names it under its own phase. Names nobody knows, names under another phase, names twice,
constraints nobody reads and fields that would be ignored are errors with the nearest name (spec/validate.md 4, 16.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.engine import paths
from aicr_core.engine.readiness import SEVERITIES
from aicr_core.kit import constraints, durations
from aicr_core.kit.errors import AicrError, Code, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from aicr_core.model.checkrun import CatalogEntry
    from aicr_core.plugins.providers import Check, Phase

    Document = Mapping[str, Any]

Steps = tuple[str | int, ...]


class Entry(NamedTuple):
    """A check that can run: its code (None: as a container only), who brings it, and what it is as a container."""

    name: str
    phase: str
    check: Check | None
    plugin: str
    container: CatalogEntry

    @property
    def description(self) -> str:
        """What it looks at."""
        return self.check.description if self.check is not None else self.container.description

    @property
    def title(self) -> str:
        """The same in a few words."""
        return (self.check.title if self.check is not None else "") or self.name

    @property
    def mutates(self) -> bool:
        """Whether it makes objects in the cluster; of a container nobody knows that it does not."""
        return self.check is None or self.check.mutates

    @property
    def constraints(self) -> tuple[str, ...]:
        """Names of the phase constraints that it reads."""
        return self.check.constraints if self.check is not None else ()


class Finding(NamedTuple):
    """Something wrong in a recipe: the way to the field, what it is, how to mend it.

    ``kind`` is what sort of thing it is: ``phase``, ``check`` (unknown), ``place`` (of a check), ``name`` (of a
    constraint), ``value`` (of one), ``twice`` or ``setting``.
    """

    steps: Steps
    message: str
    hint: str
    kind: str


def merged(
    checks: Mapping[str, tuple[str, Check]],
    containers: Mapping[str, CatalogEntry],
    finish: Callable[[CatalogEntry], CatalogEntry],
) -> list[Entry]:
    """Join checks of plugins and entries of the validator catalogue by name, in catalogue order.

    ``finish`` resolves the image of an entry. An entry of a check states its container; its phase has to be the same.
    """
    from aicr_core.model.checkrun import CatalogEntry

    found = []
    for name, (plugin, check) in checks.items():
        container = containers.get(name) or CatalogEntry(
            name=name, phase=check.phase, description=check.description, image=check.image,
            timeout=check.timeout, args=check.args or (name,),
        )  # fmt: skip
        if container.phase != check.phase:
            raise AicrError(
                Code.INVALID_REQUEST, f"the validator catalogue has {name} in phase {container.phase}, "
                f"plugin {plugin} in {check.phase}", hint="use the same phase, or another name",
            )  # fmt: skip
        found.append(
            (check.order, name, Entry(name, check.phase, check, plugin, finish(container)))
        )
    found.sort(key=lambda row: row[:2])
    entries = [entry for *_, entry in found]
    for name, container in containers.items():
        if name not in checks:
            entries.append(Entry(name, container.phase, None, "", finish(container)))
    return entries


def selected(recipe: Document, entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Give the checks that the recipe names, by their phase, in catalogue order."""
    sections = recipe.get("validation") or {}
    wanted = {name: set((section or {}).get("checks") or ()) for name, section in sections.items()}
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.name in wanted.get(entry.phase, ()):
            found.setdefault(entry.phase, []).append(entry)
    return found


def findings(recipe: Document, entries: Sequence[Entry], phases: Sequence[Phase]) -> list[Finding]:
    """Give everything that is wrong with what a recipe asks to be validated, in its order."""
    found: list[Finding] = []
    gates = [phase.name for phase in phases if phase.gate]
    found += _constraints(recipe.get("constraints") or (), ("constraints",), ())
    known = {phase.name for phase in phases}
    for name, settings in (recipe.get("validation") or {}).items():
        steps: Steps = ("validation", name)
        if name not in known:
            close = nearest(name, known)
            hint = f'did you mean "{close}"?' if close else f"phases: {', '.join(sorted(known))}"
            found.append(Finding(steps, f'no phase "{name}"', hint, "phase"))
            continue
        found += _checks(settings.get("checks") or (), name, entries)
        read = {c for entry in entries if entry.phase == name for c in entry.constraints}
        found += _constraints(
            settings.get("constraints") or (),
            (*steps, "constraints"),
            () if name in gates else read,
        )
        found += _fields(settings, steps)
    return found


def _checks(names: Sequence[str], phase: str, entries: Sequence[Entry]) -> Iterable[Finding]:
    by_name = {entry.name: entry for entry in entries}
    for number, name in enumerate(names):
        steps: Steps = ("validation", phase, "checks", number)
        if name in names[:number]:
            yield Finding(steps, f"check {name} stands twice under {phase}", "remove one", "twice")
        elif name not in by_name:
            close = nearest(name, by_name)
            hint = f'did you mean "{close}"?' if close else (
                "see aicr validate --list; those of a data directory need --data"
            )  # fmt: skip
            yield Finding(steps, f'no check "{name}"', hint, "check")
        elif by_name[name].phase != phase:
            there = by_name[name].phase
            yield Finding(
                steps,
                f"check {name} is of phase {there}, not {phase}",
                f"move it to {there}",
                "place",
            )


def _constraints(items: Sequence[Document], steps: Steps, read: Iterable[str]) -> Iterable[Finding]:
    """Give what is wrong with constraints; those that a check reads (``read``) have names of their own."""
    seen: set[str] = set()
    for number, item in enumerate(items):
        here = (*steps, number)
        name = item["name"]
        if name in seen:
            yield Finding(here, f"constraint {name} stands twice", "remove one", "twice")
        seen.add(name)
        severity = item.get("severity") or "error"
        if severity not in SEVERITIES:
            yield Finding(
                here,
                f'{name}: no severity "{severity}"',
                f"one of {', '.join(SEVERITIES)}",
                "value",
            )
        if name in read:
            continue
        try:
            paths.parse(name)
        except AicrError as error:
            close = nearest(name, read) if read else None
            hint = f'did you mean "{close}"?' if close else error.hint or ""
            yield Finding(here, f"constraint {error.message}", hint, "name")
            continue
        try:
            constraints.parse(item.get("value", ""))
        except AicrError as error:
            yield Finding(here, f"{name}: {error.message}", error.hint or "", "value")


def _fields(settings: Document, steps: Steps) -> Iterable[Finding]:
    timeout = settings.get("timeout") or ""
    if timeout and not durations.seconds(timeout):
        yield Finding(
            (*steps, "timeout"), f'"{timeout}" is no duration', "write 90s or 5m", "setting"
        )
    if settings.get("infrastructure"):
        yield Finding(
            (*steps, "infrastructure"),
            "infrastructure is not supported",
            "leave the field out",
            "setting",
        )
    nodes = settings.get("nodeSelection") or {}
    if nodes.get("maxNodes", 0) < 0:
        yield Finding(
            (*steps, "nodeSelection", "maxNodes"),
            "maxNodes is negative",
            "write 0 for all",
            "setting",
        )


def near_misses(
    items: Sequence[Document], snapshot: Document, exempt: Iterable[str]
) -> Iterable[tuple[int, str, str]]:
    """Give (number, message, hint) of constraints on readings that are not there, where one of nearly that name is.

    Names in ``exempt`` are spelled right: constraints of the catalogue.
    """
    fleet = (snapshot.get("fleet") or {}).get("groups") or ()
    there = {} if fleet else snapshot
    spelled: set[str] | None = None
    for number, item in enumerate(items):
        if not there:
            continue
        try:
            paths.value(there, paths.parse(item["name"]))
        except AicrError as error:
            if error.code is not Code.NOT_FOUND or "did you mean" not in (error.hint or ""):
                continue
            spelled = set(exempt) if spelled is None else spelled
            if item["name"] not in spelled:
                yield number, f"constraint {item['name']}: {error.message}", str(error.hint)
