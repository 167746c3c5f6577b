"""Use case of comparing two recipes: each is given as a document or as criteria. Prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.app.recipe import RecipeRequest, build_recipe
from aicr_core.engine import recipediff
from aicr_core.engine.hydrate import component_values
from aicr_core.engine.rules import rules_for

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment
    from aicr_core.app.sources import Source

Document = dict[str, Any]


class RecipeDiff(NamedTuple):
    """What a user asks for: each side is a recipe's source, or a request that is resolved."""

    before: str | Source | RecipeRequest
    after: str | Source | RecipeRequest
    data: tuple[str, ...] = ()
    kubeconfig: str = ""


def compare(environment: Environment, request: RecipeDiff) -> tuple[Document, list[str]]:
    """Give the differences (``engine.recipediff``) and what to warn of.

    Raises AicrError for a side that is no recipe, and for values files that no catalogue holds.
    """
    warnings: list[str] = []
    sides = []
    for side in (request.before, request.after):
        recipe = _recipe(environment, side, request, warnings)
        sides.append((recipe, _values(environment, recipe, request.data)))
    (before, old), (after, new) = sides
    return recipediff.compare(before, after, old, new), warnings


def _recipe(
    environment: Environment,
    side: str | Source | RecipeRequest,
    request: RecipeDiff,
    warnings: list[str],
) -> Document:
    if isinstance(side, RecipeRequest):
        made = build_recipe(environment, side)
        warnings += made.warnings
        return made.document
    from aicr_core.app.bundle_plan import load_recipe

    return load_recipe(environment, side, kubeconfig=request.kubeconfig)


def _values(
    environment: Environment, recipe: Document, data: tuple[str, ...]
) -> dict[str, Document | None]:
    catalogue = environment.catalogue(data)
    deletes = rules_for(recipe.get("apiVersion") or catalogue.api_version).null_deletes
    return {
        ref["name"]: component_values(catalogue, ref, null_deletes=deletes)
        for ref in recipe.get("componentRefs") or ()
    }
