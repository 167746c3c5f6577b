"""What of a release's values stands in its HelmRelease and what in a ConfigMap beside it. Pure.

Server-side apply drops a null from an object that is there already (kustomize-controller issue 372), and to Helm a null
is "take the chart's default away". So nulls go into a ConfigMap, as text, which Flux reads before the values inline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import leaves

if TYPE_CHECKING:
    from collections.abc import Mapping

Values = dict[str, Any]


def part_nulls(values: Mapping[str, Any]) -> tuple[Values, Values]:
    """Give (without nulls, nulls alone): merged in this order or the other, they are ``values`` again.

    A list that holds a null anywhere goes with the nulls, whole: lists are not merged.
    """
    plain: Values = {}
    nulls: Values = {}
    for key, value in values.items():
        if isinstance(value, dict) and value:
            inner, removed = part_nulls(value)
            if inner:
                plain[key] = inner
            if removed:
                nulls[key] = removed
        elif None in leaves(value):
            nulls[key] = value
        else:
            plain[key] = value
    return plain, nulls
