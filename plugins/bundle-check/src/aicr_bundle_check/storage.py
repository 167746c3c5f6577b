"""Volume claims that leave their storage class to the cluster, or name one that another component brings later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_bundle_check.objects import entries, finding, mapping, title

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aicr_core.api import BundleObject, BundleView, Context, Finding


def check(_ctx: Context, view: BundleView) -> Iterator[Finding]:
    """Look at claims, and at the claim templates of stateful sets."""
    classes = {item.name: item for item in view.objects if item.kind == "StorageClass"}
    for item in view.objects:
        for name, spec, path in _claims(item):
            wanted = spec.get("storageClassName")
            if wanted is None and not spec.get("volumeName"):
                yield finding(
                    item, "AB311", "note", f"the claim {name} of {title(item)} names no storage class",
                    hint="the cluster needs a default one; a snapshot does not tell", path=path,
                )  # fmt: skip
            elif str(wanted) in classes and classes[str(wanted)].step > item.step:
                yield finding(
                    item, "AB312", "error",
                    f"the claim {name} of {title(item)} is for the storage class {wanted}, which comes later",
                    hint=f"let {item.component} depend on {classes[str(wanted)].component}", path=path,
                )  # fmt: skip


def _claims(item: BundleObject) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    spec = mapping(item.document.get("spec"))
    if item.kind == "PersistentVolumeClaim":
        yield item.name, spec, "spec"
    if item.kind == "StatefulSet":
        for number, claim in entries(spec.get("volumeClaimTemplates")):
            name = str(mapping(claim.get("metadata")).get("name", number))
            path = f"spec.volumeClaimTemplates[{number}].spec"
            yield name, mapping(claim.get("spec")), path
