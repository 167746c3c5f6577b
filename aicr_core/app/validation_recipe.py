"""The recipe of a validation, with the places of its fields: what is wrong in it is said with file and line.

What the recipe asks for is judged elsewhere (``engine/selection``).
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.app import sources
from aicr_core.engine import schemas
from aicr_core.kit import yamlio
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aicr_core.app.environment import Environment
    from aicr_core.engine.selection import Steps

Document = dict[str, Any]


@functools.lru_cache(maxsize=2)
def _tree(data: bytes, name: str) -> yamlio.Node | None:
    """Read a recipe with its places: once, however many of its fields are asked for."""
    return yamlio.compose(data, name)


class Recipe(NamedTuple):
    """A recipe and where its fields stand."""

    document: Document
    source: sources.Source
    notes: tuple[str, ...] = ()

    def where(self, steps: Steps) -> str:
        """Give ``file:line`` of a field, the file alone where lines are not known (JSON, a hydrated overlay)."""
        if self.source.fmt == "json" or self.notes:
            return self.source.name
        node = _tree(self.source.data, self.source.name)
        for step in steps:
            if node is None or node.kind == yamlio.SCALAR:
                break
            if isinstance(step, int):
                inner = node.value[step] if step < len(node.value) else None
            else:
                inner = next((value for key, value in node.items() if key == step), None)
            if inner is None:
                break
            node = inner
        return f"{self.source.name}:{node.line}" if node is not None else self.source.name


def open_recipe(
    environment: Environment,
    uri: str | sources.Source,
    *,
    data: Sequence[str] = (),
    kubeconfig: str = "",
) -> Recipe:
    """Read a recipe; an overlay is resolved to the recipe of its criteria (spec/beyond.md F20).

    Raises AicrError: INVALID_REQUEST naming file, line and column for what is no recipe.
    """
    if isinstance(uri, str) and "://" not in uri and uri != "-" and os.path.isdir(uri):
        raise AicrError(
            Code.INVALID_REQUEST, "the recipe is a directory", where=uri, hint="give a file"
        )
    source = sources.read(environment, uri, kubeconfig=kubeconfig, kind="recipe")
    # Reading the kind takes the full parser, which a recipe of ours does not need: look whether it may be there.
    if b"RecipeMetadata" in source.data and _kind(source) == "RecipeMetadata":
        return _hydrated(environment, source, data, kubeconfig)
    document = schemas.decode_document(
        source.data, source.name, schemas.RECIPE, "RecipeResult", fmt=source.fmt
    )
    if not document.get("kind"):
        raise AicrError(
            Code.INVALID_REQUEST, "no kind, expected RecipeResult", where=source.name,
            hint="give the output of `aicr recipe`",
        )  # fmt: skip
    return Recipe(document, source)


def _kind(source: sources.Source) -> str:
    """Give the kind of a document without holding the rest of it to anything."""
    compose = yamlio.compose_json if source.fmt == "json" else yamlio.compose
    node = compose(source.data, source.name)
    if node is None or node.kind != yamlio.MAP:
        return ""
    return next((str(value.value) for key, value in node.items() if key == "kind"), "")


def _hydrated(
    environment: Environment, source: sources.Source, data: Sequence[str], kubeconfig: str
) -> Recipe:
    from aicr_core.app.recipe import RecipeRequest, build_recipe

    overlay = schemas.decode_document(
        source.data, source.name, schemas.OVERLAY, "RecipeMetadata", fmt=source.fmt
    )
    spec = overlay.get("spec", {})
    if spec.get("mixins"):
        raise AicrError(
            Code.INVALID_REQUEST, "this is an overlay with mixins, which would be lost", where=source.name,
            hint="run `aicr recipe` with its criteria and give the output",
        )  # fmt: skip
    criteria = {key: value for key, value in spec.get("criteria", {}).items() if value}
    if not criteria:
        raise AicrError(
            Code.INVALID_REQUEST, "this is an overlay without criteria, and no recipe", where=source.name,
            hint="run `aicr recipe` and give the output",
        )  # fmt: skip
    flags = {name: str(value) for name, value in criteria.items() if name != "nodes"}
    request = RecipeRequest(
        flags=flags, nodes=int(criteria.get("nodes", 0)), data=tuple(data), kubeconfig=kubeconfig
    )
    resolution = build_recipe(environment, request)
    told = ", ".join(f"{name} {value}" for name, value in criteria.items())
    note = f"{source.name} is an overlay; validated is the recipe of its criteria: {told}"
    return Recipe(resolution.document, source, (note, *resolution.warnings))
