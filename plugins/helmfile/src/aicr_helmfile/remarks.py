"""What a person is told: the bundle's README, what to mind, and what to run next."""

from __future__ import annotations

import re
import shlex
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from aicr_core.api import leaves, restarts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aicr_core.api import BundlePlan, Context
    from aicr_helmfile.levels import Level

# What vals, which helmfile asks about every text of a values file, replaces by what it refers to.
_REFERENCE = re.compile(r"(?:secret)?ref\+[^+:]*://")


def readme(ctx: Context, plan: BundlePlan, order: Sequence[Level]) -> str:
    """Render the README of a bundle."""
    template = files("aicr_helmfile").joinpath("templates", "README.md.j2").read_text("utf-8")
    shown = [(name, value) for name, value in plan.criteria.items() if value not in ("", "any", 0)]
    return ctx.render(
        template,
        plan=plan,
        target=shown,
        levels=order,
        has_kustomize=any(release.kind == "kustomize" for release in plan.releases),
        notes=[*notes(plan), *plan.notes],
    )


def notes(plan: BundlePlan) -> list[str]:
    """Give what to mind before the bundle is deployed."""
    return list(_notes(plan))


def _notes(plan: BundlePlan) -> Iterator[str]:
    for release in plan.releases:
        if release.dynamic:
            yield f"{release.name} leaves values open: fill in {release.name}/cluster-values.yaml"
        if release.kind == "helm" and any(_refers(leaf) for leaf in leaves(release.values)):
            yield (
                f"values of {release.name} hold ref+...: helmfile puts in what they refer to, on the machine it runs on"
            )
    yield from restarts(plan, "helmfile")


def _refers(value: Any) -> bool:
    return isinstance(value, str) and _REFERENCE.search(value) is not None


def steps(_plan: BundlePlan, directory: str) -> list[str]:
    """Give what a person runs after the bundle was written."""
    return [f"cd {shlex.quote(directory)}", "helmfile list --skip-charts", "helmfile apply"]
