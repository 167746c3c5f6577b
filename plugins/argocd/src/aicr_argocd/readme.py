"""The README of a bundle: tables and commands from the same units that the Applications are made from.

What comes from the recipe stands in table cells, which show any text literally, or in shell-quoted arguments.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

from aicr_argocd.units import MAIN
from aicr_core.api import markdown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aicr_argocd.stack import Place, Stack
    from aicr_argocd.units import Unit
    from aicr_core.api import BundlePlan, Context

_TYPES = {"helm": "Helm", "kustomize": "Kustomize", "manifests": "Manifests"}


def readme(
    ctx: Context,
    template: str,
    plan: BundlePlan,
    stack: Stack,
    place: Place,
    units: list[Unit],
    **more: Any,
) -> str:
    """Render ``templates/NAME`` for a plan and its units."""
    text = files("aicr_argocd").joinpath("templates", template).read_text("utf-8")
    return ctx.render(
        text,
        plan=plan,
        stack=stack,
        place=place,
        overview=markdown(("what", "value"), list(_overview(plan, place))),
        notes=markdown(("noted when the bundle was made",), [(note,) for note in plan.notes]),
        components=markdown(
            ("component", "type", "version or tag", "wave", "namespace"),
            list(_components(plan, units)),
        ),
        waves=markdown(("wave", "Applications"), list(_waves(units, stack))),
        constraints=markdown(
            ("reading", "required"),
            [(str(item["name"]), str(item.get("value") or "")) for item in plan.constraints],
        ),
        has_kustomize=any(unit.release.kind == "kustomize" for unit in units),
        parts=_parts(units),
        **more,
    )


def _overview(plan: BundlePlan, place: Place) -> Iterator[tuple[str, str]]:
    yield "made by", f"aicr {plan.tool_version}"
    yield "recipe", plan.recipe_version or "unknown"
    yield "source", f"{place.url}, {'revision' if place.is_git else 'tag'} {place.revision}"
    for name, value in plan.criteria.items():
        if value not in ("", "any", 0):
            yield name, str(value)


def _components(plan: BundlePlan, units: list[Unit]) -> Iterator[tuple[str, str, str, str, str]]:
    for release in plan.releases:
        mine = [unit for unit in units if unit.release is release]
        main = next((unit for unit in mine if unit.phase == MAIN), None)
        yield (
            release.name,
            _TYPES[release.kind],
            release.version or release.tag or "-",
            str(main.wave) if main else "none: it installs nothing",
            (main.namespace if main else release.namespace) or "-",
        )


def _waves(units: Iterable[Unit], stack: Stack) -> list[tuple[str, str]]:
    names: dict[int, list[str]] = {}
    for unit in units:
        names.setdefault(unit.wave, []).append(stack.prefix + unit.name)
    return [(str(wave), ", ".join(names[wave])) for wave in sorted(names)]


def _parts(units: list[Unit]) -> dict[str, bool]:
    """Tell which kinds of files the tree holds, so that it shows no others."""
    return {
        "manifests": any(unit.manifests for unit in units),
        "beside": any(unit.phase != MAIN for unit in units),
        "archives": any(unit.release.archive is not None for unit in units),
    }
