"""Use cases ``recipe`` and ``query``: requests in, documents out. Prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core._version import __version__
from aicr_core.engine import criteria as criteria_of
from aicr_core.engine.recipes import Resolution, resolve
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.app.environment import Environment
    from aicr_core.engine.catalogue import Catalogue

Document = dict[str, Any]


class RecipeRequest(NamedTuple):
    """What a user asks for. ``flags`` holds the texts of the criteria flags that were given."""

    flags: Mapping[str, str] = {}
    nodes: int = 0
    criteria: str = ""
    snapshot: str = ""
    data: tuple[str, ...] = ()
    external_only: bool = False
    allow_partial: bool = False
    lenient: bool = False
    criteria_strict: bool = False
    kubeconfig: str = ""


def catalogue_for(environment: Environment, request: RecipeRequest) -> Catalogue:
    """Give the catalogue a request asks for. Raises AicrError for bad data."""
    return environment.catalogue(
        request.data, external_only=request.external_only, lenient=request.lenient
    )


def known_values(
    environment: Environment, catalogue: Catalogue, *, strict: bool
) -> Mapping[str, Mapping[str, Document]]:
    """Give the criteria values a user may name; when strict, none that only ``--data`` declares."""
    values = catalogue.criteria_values()
    if not (strict or environment.settings.criteria_strict):
        return values
    return {
        dimension: {value: entry for value, entry in known.items() if not entry["external"]}
        for dimension, known in values.items()
    }


def build_recipe(environment: Environment, request: RecipeRequest) -> Resolution:
    """Resolve a request to a recipe.

    The snapshot's or file's criteria come first, flags override them field by field. Raises AicrError.
    """
    catalogue = catalogue_for(environment, request)
    wanted, stated, snapshot, notes = _criteria(environment, catalogue, request)
    resolution = resolve(
        catalogue,
        wanted,
        snapshot=snapshot,
        stated=stated,
        allow_partial=request.allow_partial,
        tool_version=__version__,
    )
    unknown = [
        ref["name"]
        for ref in resolution.document["componentRefs"]
        if ref["name"] not in catalogue.registry()
    ]
    notes.extend(catalogue.warnings)
    notes.extend(_unregistered(environment, name) for name in unknown)
    if environment.manager_needed("aicr_policy"):
        notes.extend(apply_policy(environment, _copy(resolution.document), "recipe"))
    if environment.manager_needed("aicr_recipe_built"):
        environment.manager.event("aicr_recipe_built", recipe=_copy(resolution.document))
    return Resolution(resolution.document, (*notes, *resolution.warnings))


def _copy(document: Document) -> Document:
    """Copy a document for a plugin: ours shares parts with the catalogue, and a hook decides nothing here."""
    from copy import deepcopy

    return deepcopy(document)


def apply_policy(environment: Environment, document: Document, stage: str) -> list[str]:
    """Ask the policy hooks; give warnings.

    Raises AicrError(INVALID_REQUEST) for a denial, and for a policy that failed: what was not judged was not
    allowed.
    """
    notes = []
    manager = environment.manager
    answers = manager.providers("aicr_policy", subject=document, stage=stage)
    for problem in manager.unanswered("aicr_policy"):
        raise AicrError(
            Code.INVALID_REQUEST,
            f"its policy failed, so nothing is allowed: {problem.message}",
            plugin=problem.plugin,
            hint=f"mend the plugin, or leave it out: --no-plugin {problem.plugin}",
        )
    for plugin, finding in answers:
        if finding["verdict"] == "deny":
            raise AicrError(Code.INVALID_REQUEST, f"refused: {finding['message']}", plugin=plugin)
        notes.append(f"{plugin}: {finding['message']}")
    return notes


def _unregistered(environment: Environment, name: str) -> str:
    how = environment.index.way_to("component", name) or "add it to a registry.yaml"
    return f"component {name} is in no registry, so it gets no defaults: {how}"


def _criteria(
    environment: Environment, catalogue: Catalogue, request: RecipeRequest
) -> tuple[Document, set[str], Document | None, list[str]]:
    from aicr_core.engine.criteria import ANY

    values = known_values(environment, catalogue, strict=request.criteria_strict)
    way_to = environment.index.way_to
    notes: list[str] = []
    snapshot = None
    wanted: Document = {}
    stated: set[str] = set()
    if request.snapshot:
        from aicr_core.app.drift import read_snapshot

        snapshot, odd = read_snapshot(environment, request.snapshot, kubeconfig=request.kubeconfig)
        notes.extend(odd)
        from aicr_core.engine.match import detect

        wanted, _ = detect(snapshot, values)
    elif request.criteria:
        wanted = _criteria_file(environment, values, request, notes)
        stated = set(wanted)
    for dimension, text in request.flags.items():
        if not text.strip():
            continue
        value = criteria_of.parse(values, way_to, dimension, text, f"--{dimension}")
        known = wanted.pop(dimension, None)
        if value != ANY:
            wanted[dimension] = value
            stated.add(dimension)
        if snapshot is not None and known not in (None, value):
            notes.append(f"--{dimension} {value} overrides {known} of the snapshot")
    if request.nodes > 0:
        wanted["nodes"] = request.nodes
    if not wanted and not request.snapshot and not request.criteria:
        raise AicrError(
            Code.INVALID_REQUEST,
            "no criteria given",
            hint="give at least one of --service, --accelerator, --intent, --os, --platform, --nodes",
        )
    return wanted, stated, snapshot, notes


def _criteria_file(
    environment: Environment,
    values: Mapping[str, Mapping[str, Document]],
    request: RecipeRequest,
    notes: list[str],
) -> Document:
    from aicr_core.app import sources
    from aicr_core.engine import schemas

    source = sources.read(environment, request.criteria, kubeconfig=request.kubeconfig)
    schema, kind = schemas.CRITERIA_FILE, "RecipeCriteria"
    dropped = notes if request.lenient else None
    document = schemas.decode_document(
        source.data, source.name, schema, kind, fmt=source.fmt, dropped=dropped
    )
    spec = document.get("spec", {})
    way_to = environment.index.way_to
    found: Document = {}
    for dimension in criteria_of.TEXT_DIMENSIONS:
        if dimension in spec:
            where = f"{source.name}: spec.{dimension}"
            found[dimension] = criteria_of.parse(values, way_to, dimension, spec[dimension], where)
    if spec.get("nodes", 0) < 0:
        raise AicrError(
            Code.INVALID_REQUEST, f"nodes is {spec['nodes']}", where=f"{source.name}: spec.nodes",
            hint="give a positive number, or leave it out",
        )  # fmt: skip
    found["nodes"] = spec.get("nodes", 0)
    return criteria_of.concrete(found)


def query(
    environment: Environment, request: RecipeRequest, selector: str, *, empty: Any = None
) -> tuple[Any, tuple[str, ...]]:
    """Give the value that ``selector`` names in the hydrated recipe, and the warnings."""
    from aicr_core.engine.query import hydrated, select

    resolution = build_recipe(environment, request)
    catalogue = catalogue_for(environment, request)
    document = hydrated(catalogue, resolution.document, empty=empty)
    return select(document, selector), resolution.warnings
