"""Use cases ``recipe`` and ``query``: requests in, documents out. Prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core._version import __version__
from aicr_core.app import criteria
from aicr_core.engine.recipes import Resolution, resolve
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.app.environment import Environment
    from aicr_core.app.sources import Source
    from aicr_core.engine.catalogue import Catalogue

Document = dict[str, Any]


class RecipeRequest(NamedTuple):
    """What a user asks for. ``flags`` holds the texts of the criteria flags that were given."""

    flags: Mapping[str, str] = {}
    nodes: int = 0
    criteria: str | Source = ""
    snapshot: str | Source = ""
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


def build_recipe(environment: Environment, request: RecipeRequest) -> Resolution:
    """Resolve a request to a recipe.

    The snapshot's or file's criteria come first, flags override them field by field. Raises AicrError.
    """
    asked = criteria.gather(environment, catalogue_for(environment, request), request)
    return recipe_for(environment, request, asked)


def recipe_for(
    environment: Environment, request: RecipeRequest, asked: criteria.Asked
) -> Resolution:
    """Resolve criteria that were gathered for a request already. Raises AicrError."""
    catalogue = catalogue_for(environment, request)
    resolution = resolve(
        catalogue,
        asked.wanted,
        snapshot=asked.snapshot,
        stated=asked.stated,
        allow_partial=request.allow_partial,
        tool_version=__version__,
    )
    unknown = [
        ref["name"]
        for ref in resolution.document["componentRefs"]
        if ref["name"] not in catalogue.registry()
    ]
    notes = [*asked.notes, *catalogue.warnings]
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


def query(
    environment: Environment, request: RecipeRequest, selector: str, *, empty: Any = None
) -> tuple[Any, tuple[str, ...]]:
    """Give the value that ``selector`` names in the hydrated recipe, and the warnings."""
    from aicr_core.engine.query import hydrated, select

    resolution = build_recipe(environment, request)
    catalogue = catalogue_for(environment, request)
    document = hydrated(catalogue, resolution.document, empty=empty)
    return select(document, selector), resolution.warnings
