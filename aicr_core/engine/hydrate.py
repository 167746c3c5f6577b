"""Hydrate a component: its base values, its values file and its overrides, merged (spec/recipe.md 15)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.engine.merge import deep
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aicr_core.engine.catalogue import Catalogue

Document = dict[str, Any]


def values_files(catalogue: Catalogue, ref: Document) -> list[str]:
    """Give the files that a component's values come from, lowest first."""
    path = ref.get("valuesFile") or ""
    if not path:
        return []
    base = f"components/{ref['name']}/values.yaml"
    return [base, path] if path != base and catalogue.has_file(base) else [path]


def component_layers(catalogue: Catalogue, ref: Document) -> list[Document]:
    """Give the layers of values of a component, lowest first; none when it has none.

    Raises AicrError: NOT_FOUND for a values file that no layer holds, INVALID_REQUEST for a malformed one.
    """
    try:
        layers = [catalogue.values(path) for path in values_files(catalogue, ref)]
    except AicrError as error:
        if error.code is Code.NOT_FOUND:
            error.message += f': values of component "{ref["name"]}"'
        raise
    if ref.get("overrides"):
        layers.append(ref["overrides"])
    return layers


def component_values(
    catalogue: Catalogue, ref: Document, *, null_deletes: bool = False
) -> Document | None:
    """Give the merged values of a component, or None when it has none at all."""
    layers = component_layers(catalogue, ref)
    if not layers:
        return None
    *_, values = merging(layers, null_deletes=null_deletes)
    return values


def merging(layers: Iterable[Document], *, null_deletes: bool = False) -> Iterator[Document]:
    """Merge layers of values, lowest first, and give what came of each."""
    values: Document | None = None
    for layer in layers:
        values = layer if values is None else deep(values, layer, null_deletes=null_deletes)
        yield values
