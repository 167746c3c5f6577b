"""The merge and candidate rules of each schema generation, as one immutable object each.

There is no user switch: the ``apiVersion`` of a document chooses. An overlay merges by its own generation's
rules; which overlays are candidates, and what a disabled component means, follows the base's generation
(spec/recipe.md 10 and 22.2).
"""

from __future__ import annotations

from typing import NamedTuple


class Rules(NamedTuple):
    """What differs between generations."""

    deep_overrides: bool
    """``overrides`` merge recursively; otherwise a top-level key replaces."""
    union_dependencies: bool
    """``dependencyRefs`` are joined in order; otherwise a non-empty list replaces."""
    merge_phases: bool
    """A validation phase is merged field by field; otherwise it replaces the phase whole."""
    null_deletes: bool
    """``null`` in values removes the key; otherwise it is kept as a value."""
    maximal_leaves: bool
    """A match that is an ancestor of another match is no candidate of its own."""
    disabled_in_order: bool
    """Disabled components stay in ``deploymentOrder``."""
    coherent_refs: bool
    """Types are canonicalised and component references checked for coherence."""
    excluded_as_records: bool
    """``excludedOverlays`` holds ``{name, reason}``; otherwise names."""


FIRST = Rules(
    deep_overrides=False,
    union_dependencies=False,
    merge_phases=False,
    null_deletes=False,
    maximal_leaves=False,
    disabled_in_order=True,
    coherent_refs=False,
    excluded_as_records=False,
)
SECOND = Rules(
    deep_overrides=True,
    union_dependencies=True,
    merge_phases=True,
    null_deletes=True,
    maximal_leaves=True,
    disabled_in_order=False,
    coherent_refs=True,
    excluded_as_records=True,
)


def rules_for(api_version: str) -> Rules:
    """Give the rules of a document's generation; every later group than the first uses the second set."""
    return SECOND if api_version.startswith("aicr.run/") else FIRST
