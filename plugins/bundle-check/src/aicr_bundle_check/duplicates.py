"""Two components that bring one object: the second one to be installed fails, or takes it from the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_bundle_check.objects import finding, is_hook, namespace_of, title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_core.api import BundleObject, BundleView, Context, Finding


def check(_ctx: Context, view: BundleView) -> Iterator[Finding]:
    """Find objects with kind, namespace and name of another component's."""
    seen: dict[tuple[str, str, str, str], BundleObject] = {}
    for item in view.objects:
        if not item.name:
            continue
        key = (item.group, item.kind, namespace_of(view, item), item.name)
        first = seen.setdefault(key, item)
        if first is not item and first.component != item.component:
            where = f" in namespace {key[2]}" if key[2] else ""
            # Helm leaves a definition of crds/ that is there, and replaces a hook: nothing fails, one of two is gone.
            mild = (item.crd and first.crd) or (is_hook(item) and is_hook(first))
            yield finding(
                item, "AB101", "warning" if mild else "error",
                f"{title(item)}{where} is brought by {_who(first)} as well ({first.path})",
                hint="let one component bring it, or give the two different names", path="metadata.name",
            )  # fmt: skip


def _who(item: BundleObject) -> str:
    return item.component or "the bundle itself"
