"""Use case of comparing two recipes: each is a document, a bundle, or criteria. Prints nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.app.recipe import RecipeRequest, build_recipe
from aicr_core.engine import recipediff
from aicr_core.engine.hydrate import component_values
from aicr_core.engine.rules import rules_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.app.environment import Environment
    from aicr_core.app.sources import Source

Document = dict[str, Any]


class RecipeDiff(NamedTuple):
    """What a user asks for: each side is a recipe's source, or a request that is resolved.

    With ``origins`` each value that differs comes with who said it on either side.
    """

    before: str | Source | RecipeRequest
    after: str | Source | RecipeRequest
    data: tuple[str, ...] = ()
    kubeconfig: str = ""
    origins: bool = False


def compare(environment: Environment, request: RecipeDiff) -> tuple[Document, list[str]]:
    """Give the differences (``engine.recipediff``), the images that the values name, and what to warn of.

    Raises AicrError for a side that is no recipe, and for values files that no catalogue holds.
    """
    warnings: list[str] = []
    sides = []
    for side in (request.before, request.after):
        recipe = _recipe(environment, side, request, warnings)
        sides.append((recipe, _values(environment, recipe, request.data)))
    (before, old), (after, new) = sides
    result = recipediff.compare(before, after, old, new)
    result["images"] = recipediff.moved(*(_images(environment, values) for values in (old, new)))
    if request.origins:
        known = [_origins(environment, recipe, request.data) for recipe in (before, after)]
        recipediff.with_origins(result, known[0], known[1])
    return result, warnings


def side_of(environment: Environment, text: str, data: tuple[str, ...]) -> str | RecipeRequest:
    """Give what a word of the command line means: a bundle's recipe, a file or URL, or else criteria.

    Raises AicrError for criteria that cannot be read.
    """
    from aicr_core.app.criteria import known_values
    from aicr_core.engine.bundle_names import RECIPE
    from aicr_core.engine.criteria_text import parse_text
    from aicr_core.kit.errors import AicrError, Code

    if text == "-" or "://" in text:
        return text
    if os.path.isdir(text):
        path = os.path.join(text, RECIPE)
        if not os.path.exists(path):
            raise AicrError(
                Code.NOT_FOUND, f"the directory has no {RECIPE}, so it is no bundle", where=text,
                hint="give a bundle, a recipe file, or criteria such as a/b/c",
            )  # fmt: skip
        return path
    if os.path.exists(text) or text.endswith((".yaml", ".yml", ".json")):
        return text
    if text.startswith(("/", "./", "../")):
        raise AicrError(
            Code.NOT_FOUND, "no such file or directory", where=text,
            hint="give a bundle, a recipe file, or criteria such as a/b/c",
        )  # fmt: skip
    values = known_values(environment, environment.catalogue(data), strict=False)
    try:
        criteria = parse_text(text, values, environment.index.way_to)
    except AicrError as error:
        error.message += ", and no file is called so"
        raise
    nodes = int(criteria.pop("nodes", 0))
    return RecipeRequest(flags=criteria, nodes=nodes, data=data)


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
    from aicr_core.app.bundle_plan import held_once, load_recipe
    from aicr_core.engine.bundle_info import FILE

    if isinstance(side, str) and "://" not in side:
        folder = os.path.dirname(side)
        if folder and os.path.isfile(os.path.join(folder, FILE)):
            warnings.append(
                f"{folder}: the recipe of the bundle is compared, without what flags of `aicr bundle` changed"
            )
    recipe = load_recipe(environment, side, kubeconfig=request.kubeconfig)
    return held_once(recipe, side if isinstance(side, str) else side.name)


def _values(
    environment: Environment, recipe: Document, data: tuple[str, ...]
) -> dict[str, Document | None]:
    catalogue = environment.catalogue(data)
    deletes = rules_for(recipe.get("apiVersion") or catalogue.api_version).null_deletes
    return {
        ref["name"]: component_values(catalogue, ref, null_deletes=deletes)
        for ref in recipe.get("componentRefs") or ()
    }


def _images(
    environment: Environment, values: Mapping[str, Document | None]
) -> dict[str, list[str]]:
    """Give the images that are declared, by component: in its values, and by manifests of plugins."""
    from aicr_core.engine.images import in_values

    declared: dict[str, set[str]] = {
        name: set(in_values(tree or {}).images) for name, tree in values.items()
    }
    for row in environment.index.rows:
        for name, images in (row.get("images") or {}).items():
            if name in declared:
                declared[name].update(images)
    return {name: sorted(images) for name, images in declared.items() if images}


def _origins(
    environment: Environment, recipe: Document, data: tuple[str, ...]
) -> dict[str, Document]:
    from aicr_core.engine.explain import origins

    return origins(environment.catalogue(data), recipe)
