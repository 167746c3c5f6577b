"""Custom resources before, or without, the definition of their kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_bundle_check.objects import entries, finding, is_hook, mapping, title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_core.api import BundleObject, BundleView, Context, Finding


# Groups of the API server itself, less their ending; other projects have groups below k8s.io too.
_OWN = frozenset(
    {
        "admissionregistration", "apiextensions", "apiregistration", "authentication", "authorization",
        "certificates", "coordination", "discovery", "events",
        "flowcontrol.apiserver", "internal.apiserver", "networking", "node", "rbac.authorization",
        "resource", "scheduling", "storage", "storagemigration",
    }
)  # fmt: skip


def check(_ctx: Context, view: BundleView) -> Iterator[Finding]:
    """Find custom resources that the API server will not know when they come."""
    defined = _definitions(view)
    needed = {release.name: set(release.depends_on) for release in view.releases}
    told: set[tuple[str, str, str]] = set()
    for item in view.objects:
        if not item.component or item.control or not _custom(item.group):
            continue
        known = defined.get((item.group, item.kind), {})
        # Its own component's, if that has one: then no other matters.
        definition = known.get(item.component) or min(known.values(), key=_step, default=None)
        if definition is not None:
            found = _against(item, definition, needed)
        elif view.complete:
            found = _nowhere(item)
        else:
            found = None
        if found is not None and (found.rule, item.component, item.kind) not in told:
            told.add((found.rule, item.component, item.kind))
            yield found


def _custom(group: str) -> bool:
    """Tell whether an API group is not Kubernetes' own: those have no dot, or are known parts of ``k8s.io``."""
    return "." in group and group.removesuffix(".k8s.io") not in _OWN


def _definitions(view: BundleView) -> dict[tuple[str, str], dict[str, BundleObject]]:
    """Give the definitions of each kind, by the component that brings it."""
    found: dict[tuple[str, str], dict[str, BundleObject]] = {}
    for item in view.objects:
        if item.kind == "CustomResourceDefinition" and item.group == "apiextensions.k8s.io":
            spec = mapping(item.document.get("spec"))
            key = (str(spec.get("group", "")), str(mapping(spec.get("names")).get("kind", "")))
            found.setdefault(key, {}).setdefault(item.component, item)
    return found


def _step(item: BundleObject) -> int:
    return item.step


def _against(
    item: BundleObject, definition: BundleObject, needed: dict[str, set[str]]
) -> Finding | None:
    what = f"{title(item)} is of a kind that {definition.component or 'the bundle'} defines"
    if definition.step > item.step:
        return finding(
            item, "AB121", "error", f"{what}, and that comes later",
            hint=f"let {item.component} depend on {definition.component or 'what defines it'}", path="kind",
        )  # fmt: skip
    served = _served(definition)
    version = str(item.document.get("apiVersion")).rpartition("/")[2]
    if served and version not in served:
        return finding(
            item, "AB125", "error",
            f"{what}, which serves {', '.join(sorted(served))} and not {version}",
            hint="take a version that it serves, or the release of the chart that defines this one", path="apiVersion",
        )  # fmt: skip
    if definition.component == item.component:
        if definition.rendered and item.rendered and not definition.crd and not is_hook(item):
            return finding(
                item, "AB122", "error", f"{what} in its templates: Helm refuses a kind that is not there yet",
                hint="the definition belongs into the chart's crds/ folder, or into a component of its own",
            )  # fmt: skip
        return None
    if definition.component and not _depends(item.component, definition.component, needed):
        return finding(
            item, "AB123", "warning",
            f"{what}, and {item.component} does not depend on it: deployers may install both at once",
            hint=f"add {definition.component} to the dependencyRefs of {item.component}", path="kind",
        )  # fmt: skip
    return None


def _nowhere(item: BundleObject) -> Finding:
    what = f"{title(item)} is of the kind {item.kind} of {item.group}"
    return finding(
        item, "AB124", "warning", f"{what}, which nothing here defines",
        hint="make sure that the cluster has it", path="kind",
    )  # fmt: skip


def _served(definition: BundleObject) -> set[str]:
    versions = mapping(definition.document.get("spec")).get("versions")
    return {str(v.get("name")) for _, v in entries(versions) if v.get("served", True)}


def _depends(name: str, other: str, needed: dict[str, set[str]]) -> bool:
    waiting, seen = [name], set()
    while waiting:
        for found in needed.get(waiting.pop(), ()):
            if found == other:
                return True
            if found not in seen:
                seen.add(found)
                waiting.append(found)
    return False
