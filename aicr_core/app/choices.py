"""Use case of choosing criteria step by step: what may still be picked, and whether what is picked is enough.

For pages and prompts. Prints nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.engine import choices, coverage
from aicr_core.engine.criteria import TEXT_DIMENSIONS, concrete
from aicr_core.engine.recipes import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aicr_core.engine.catalogue import Catalogue

Document = dict[str, Any]


def offered(
    catalogue: Catalogue, criteria: Mapping[str, Any], values: Mapping[str, Sequence[str]]
) -> Document:
    """Give ``possible``, the values that can stand in each dimension beside what the others state, and ``missing``.

    ``missing`` are the stated dimensions that no overlay covers yet: none means that these criteria make a recipe that
    honours all of them. ``values`` are all that may be chosen. Raises AicrError for a catalogue that cannot be used.
    """
    made = resolve(catalogue, criteria, allow_partial=True).document
    applied = [catalogue.overlay(name) for name in made["metadata"]["appliedOverlays"][1:]]
    bodies = [body for body in applied if body is not None]
    return {
        "possible": choices.possible(catalogue, criteria, {k: list(v) for k, v in values.items()}),
        "missing": coverage.uncovered(concrete(criteria), bodies, TEXT_DIMENSIONS),
    }
