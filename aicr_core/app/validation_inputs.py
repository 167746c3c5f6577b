"""What a validation works on: recipe, snapshot, checks that there are, data of the catalogue.

Everything that is wrong with the inputs is found here, before the cluster is touched, and said with file and line.
Nothing is run and nothing is printed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core._version import __version__
from aicr_core.app import sources
from aicr_core.app.validation_recipe import Recipe, open_recipe
from aicr_core.engine import remedies, selection, snapshots, validators
from aicr_core.kit import yamlio
from aicr_core.kit.errors import AicrError, Code, nearest, together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aicr_core.app.environment import Environment
    from aicr_core.engine.catalogue import Catalogue
    from aicr_core.plugins.providers import Phase

Document = dict[str, Any]
PROFILES = "validators/profiles/"


class Inputs(NamedTuple):
    """Everything that a run needs to know, checked."""

    recipe: Recipe
    phases: tuple[Phase, ...]
    entries: tuple[selection.Entry, ...]
    chosen: Mapping[str, Sequence[selection.Entry]]
    """The checks that the recipe names, by phase."""
    catalogue: Catalogue
    asserts: Mapping[str, str]
    warnings: tuple[str, ...] = ()

    @property
    def gates(self) -> tuple[Phase, ...]:
        """The phases that hold constraints against the snapshot."""
        return tuple(phase for phase in self.phases if phase.gate)

    def of_phase(self, phase: str) -> list[selection.Entry]:
        """All checks that there are of a phase."""
        return [entry for entry in self.entries if entry.phase == phase]

    def selected(self, phase: str) -> Sequence[selection.Entry]:
        """The checks that the recipe names under a phase."""
        return self.chosen.get(phase, ())

    def settings(self, phase: str) -> Mapping[str, Any]:
        """What the recipe says of a phase."""
        found: Mapping[str, Any] = (self.recipe.document.get("validation") or {}).get(phase) or {}
        return found

    def constraints(self, phase: str) -> dict[str, str]:
        """The expressions of a phase's constraints by name."""
        items = self.settings(phase).get("constraints") or ()
        return {item["name"]: item.get("value", "") for item in items}

    def own_constraints(self, phase: str) -> list[tuple[int, Mapping[str, Any]]]:
        """The constraints of a phase on readings, with their numbers in its list: those that no check of it reads.

        A gate runs no checks: all of its constraints are.
        """
        readers = () if phase in (gate.name for gate in self.gates) else self.of_phase(phase)
        read = {name for entry in readers for name in entry.constraints}
        items = enumerate(self.settings(phase).get("constraints") or ())
        return [(number, item) for number, item in items if item["name"] not in read]

    def with_asserts(self) -> Document:
        """The recipe, its components with the assertions that count for them."""
        refs = [
            {**ref, "healthCheckAsserts": self.asserts[ref["name"]]}
            if ref["name"] in self.asserts
            else ref
            for ref in self.recipe.document.get("componentRefs") or ()
        ]
        return {**self.recipe.document, "componentRefs": refs}


def gather(
    environment: Environment,
    uri: str | sources.Source,
    *,
    data: Sequence[str] = (),
    kubeconfig: str = "",
) -> Inputs:
    """Read the recipe and join it with what is installed. Raises AicrErrors that list everything wrong in it."""
    recipe = open_recipe(environment, uri, data=data, kubeconfig=kubeconfig)
    return join(environment, recipe, data=data)


def join(environment: Environment, recipe: Recipe, *, data: Sequence[str] = ()) -> Inputs:
    """Join a recipe with phases, checks and catalogue data. Raises as :func:`gather`."""
    phases = phases_of(environment)
    entries = entries_of(environment, phases, data)
    catalogue = environment.catalogue(data)
    problems = [
        AicrError(
            Code.INVALID_REQUEST, found.message, where=recipe.where(found.steps), hint=found.hint
        )
        for found in selection.findings(recipe.document, entries, phases)
    ]
    if problems:
        raise together(f"the recipe asks for {len(problems)} things that cannot be", problems)
    asserts = {}
    for ref in recipe.document.get("componentRefs") or ():
        text = assertions_of(catalogue, ref)
        if text:
            asserts[ref["name"]] = text
    chosen = selection.selected(recipe.document, entries)
    warnings = (*recipe.notes, *catalogue.warnings)
    return Inputs(recipe, phases, entries, chosen, catalogue, asserts, warnings)


def phases_of(environment: Environment) -> tuple[Phase, ...]:
    """Give the installed phases in their order. Raises AicrError(NOT_FOUND) when there is none."""
    found = environment.manager.named("aicr_phases", "name")
    if not found:
        way = environment.index.way_to("check", "*")
        raise AicrError(
            Code.NOT_FOUND,
            "no validation phase is installed",
            hint=way or "install a plugin of checks",
        )
    phases = sorted(
        (phase for _, phase in found.values()), key=lambda phase: (phase.order, phase.name)
    )
    return tuple(phases)


def entries_of(
    environment: Environment, phases: Sequence[Phase], data: Sequence[str]
) -> tuple[selection.Entry, ...]:
    """Give the checks that there are, in catalogue order. Raises AicrError for a malformed catalogue."""
    from attrs import evolve

    checks = environment.manager.named("aicr_checks", "name", settings=environment.settings)
    known = [phase.name for phase in phases]
    for name, (plugin, check) in checks.items():
        if check.phase not in known:
            close = nearest(check.phase, known)
            raise AicrError(
                Code.INVALID_REQUEST, f'check {name} is of a phase "{check.phase}" that nobody registers',
                plugin=plugin, hint=f'did you mean "{close}"?' if close else "register the phase",
            )  # fmt: skip
    found = []
    for layer in environment.catalogue(data).layers:
        content = _file_of(layer, validators.PATH)
        if content is not None:
            source = f"{layer['root'].rstrip('/')}/{validators.PATH}"
            strict = not layer["distribution"]
            found.append(validators.read(content, source, known, strict=strict))
    env = environment.settings.env
    version = "" if __version__.startswith("0.") else __version__
    entries = selection.merged(
        checks, validators.merge(found),
        lambda entry: evolve(entry, image=validators.image(entry.image, version, env)),
    )  # fmt: skip
    return tuple(entries)


def _file_of(layer: Mapping[str, Any], path: str) -> bytes | None:
    """Give a file of one layer: of the others' files of that name nothing is lost."""
    from aicr_core.engine import layers

    try:
        return layers.read(layer["root"], path)
    except AicrError as error:
        if error.code is Code.NOT_FOUND:
            return None
        raise


def assertions_of(catalogue: Catalogue, ref: Mapping[str, Any]) -> str:
    """Give the assertions on a component's health: the recipe's own, else those of its registry entry."""
    own = ref.get("healthCheckAsserts")
    if own:
        return str(own)
    if ref.get("healthCheckSkip"):
        return ""
    entry = catalogue.registry().get(ref.get("name", "")) or {}
    path = (entry.get("healthCheck") or {}).get("assertFile") or ""
    return catalogue.read_file(path).decode("utf-8") if path and catalogue.has_file(path) else ""


def profiles_of(catalogue: Catalogue, check: str) -> tuple[Document, ...]:
    """Give the documents below ``validators/profiles/`` that are for a check, by path, which they get as ``file``."""
    found = ({**_data(catalogue, path), "file": path} for path in catalogue.files_below(PROFILES))
    return tuple(document for document in found if document.get("check") == check)


def _data(catalogue: Catalogue, path: str) -> Document:
    value = yamlio.load(catalogue.read_file(path), path)
    if not isinstance(value, dict):
        raise AicrError(Code.INVALID_REQUEST, "not a mapping", where=path, hint="write key: value")
    return value


def remedies_of(catalogue: Catalogue, service: str) -> Mapping[str, str]:
    """Give what to do about a constraint that does not hold, by its name. Raises AicrError for a malformed file."""
    files = ((path, catalogue.read_file(path)) for path in catalogue.files_below(remedies.FOLDER))
    return remedies.by_constraint(files, service)


def read_snapshot(
    environment: Environment, uri: str, *, kubeconfig: str = ""
) -> tuple[Document, bool, list[str]]:
    """Read a snapshot; give it, whether its numbers are JSON's, and what to warn of. Raises AicrError."""
    source = sources.read(
        environment, uri, kubeconfig=kubeconfig, limit=snapshots.MAX_BYTES
    )  # fmt: skip
    document, warnings = snapshots.load(source.data, source.name, source.fmt, merge=False)
    return document, source.fmt == "json", warnings
