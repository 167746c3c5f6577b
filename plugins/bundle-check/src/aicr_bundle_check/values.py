"""Values that the chart does not know, and values that change nothing in what it renders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import Finding, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aicr_core.api import BundleRelease, BundleView, ChartFacts, Context

# What Helm and library charts read without any chart naming it.
_COMMON = frozenset({"global", "tags"})

# A schema with one of these says elsewhere which keys there are; the engine holds the values to it.
_ELSEWHERE = ("$ref", "allOf", "anyOf", "oneOf", "patternProperties")


def check(_ctx: Context, view: BundleView) -> Iterator[Finding]:
    """Hold values to the chart's defaults, schema and templates; needs charts, so stage B."""
    for release in view.releases:
        if release.facts is None or "" in release.facts.open_values:
            continue
        unknown = list(
            _unknown(release.values, release.facts.values, release.facts.schema, release.facts, "")
        )
        for path, close in unknown:
            yield _finding(
                release, "AB501", path, f"the chart {release.chart} {release.version} does not know {path}",
                f'did you mean "{close}"?' if close else "it has no effect; take it out, or see the chart's own values",
            )  # fmt: skip
        known = [path for path, _ in unknown]
        for path in release.unused:
            if not any(path == one or path.startswith(f"{one}.") for one in known):
                yield _finding(
                    release, "AB502", path, f"{path} changes nothing in what {release.chart} {release.version} renders",
                    "something else may switch it off; or the chart does not know it",
                )  # fmt: skip


def _finding(release: BundleRelease, rule: str, path: str, message: str, hint: str) -> Finding:
    return Finding(
        rule=rule, severity="warning", component=release.name, message=message, hint=hint,
        path=release.values_path, line=release.values_places.get(path, 0),
    )  # fmt: skip


def _unknown(
    values: Mapping[str, Any], defaults: Any, schema: Any, facts: ChartFacts, path: str
) -> Iterator[tuple[str, str]]:
    """Give (path, nearest known name) of keys that are in neither defaults nor schema, and that no template names.

    Below a default that is empty or no mapping, and below what a template takes as a whole, keys are free.
    """
    known = dict(defaults) if isinstance(defaults, dict) else {}
    properties = schema.get("properties") if isinstance(schema, dict) else None
    described = properties if isinstance(properties, dict) else {}
    open_ended = isinstance(schema, dict) and (
        any(word in schema for word in _ELSEWHERE)
        or isinstance(schema.get("additionalProperties"), dict)
    )
    for key, value in values.items():
        at = f"{path}.{key.replace('.', chr(92) + '.')}" if path else key.replace(".", "\\.")
        if not path and (key in _COMMON or (key in facts.dependencies and key not in known)):
            continue
        if key in known or key in described:
            below, inner = known.get(key), described.get(key)
            free = at in facts.open_values or (
                below in ({}, None) and not (isinstance(inner, dict) and inner.get("properties"))
            )
            if isinstance(value, dict) and not free:
                yield from _unknown(value, below, inner, facts, at)
        elif key not in facts.words and not open_ended:
            yield at, nearest(key, [*known, *described]) or ""
