"""Objects in a namespace that is not there yet, or that nothing in the bundle makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_bundle_check.objects import finding, namespace_of, title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_core.api import BundleView, Context, Finding

ALWAYS = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})


def check(_ctx: Context, view: BundleView) -> Iterator[Finding]:
    """Find objects whose namespace comes later, or never; a release makes its own namespace."""
    made: dict[str, tuple[int, str]] = {}
    for number, release in enumerate(view.releases, 1):
        if release.namespace:
            made.setdefault(release.namespace, (number * 3, release.name))
    for item in view.objects:
        if item.kind == "Namespace" and not item.group and item.name:
            step, _ = made.get(item.name, (item.step, ""))
            made[item.name] = (min(step, item.step), item.component)
    told: set[tuple[str, str]] = set()
    for item in view.objects:
        namespace = namespace_of(view, item)
        if not item.component or item.control or not namespace or namespace in ALWAYS:
            continue
        if namespace not in made:
            if (item.component, namespace) not in told:
                told.add((item.component, namespace))
                yield finding(
                    item, "AB112", "warning",
                    f"{title(item)} is for namespace {namespace}, which nothing in the bundle makes",
                    hint="make sure that it is there before the bundle is deployed", path="metadata.namespace",
                )  # fmt: skip
        elif made[namespace][0] // 3 > item.step // 3:
            yield finding(
                item, "AB111", "error",
                f"{title(item)} is for namespace {namespace}, which comes later, with {made[namespace][1]}",
                hint=f"let {item.component} depend on {made[namespace][1]}", path="metadata.namespace",
            )  # fmt: skip
