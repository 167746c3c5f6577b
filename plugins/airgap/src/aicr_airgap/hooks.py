"""Hooks of the airgap plugin: formats of mirror lists and bills of materials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import InventoryWriter, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

_LISTS = (
    ("yaml", "lists:as_yaml", ".yaml", "charts, images and components, for people and scripts"),
    ("json", "lists:as_json", ".json", "the same as JSON"),
    ("images", "lists:as_images", ".txt", "one image a line"),
    ("hauler", "tools:hauler", ".yaml", "a content store of Hauler: Images and Charts"),
    ("zarf", "tools:zarf", ".yaml", "a package of Zarf: the images as one component"),
    ("skopeo", "tools:skopeo", ".yaml", "what `skopeo sync --src yaml` reads"),
    ("oc-mirror", "tools:oc_mirror", ".yaml", "an image set of oc-mirror v2"),
)
_SBOMS = (
    ("cyclonedx", "cyclonedx:write", ".cdx.json", "CycloneDX 1.6"),
    ("spdx", "spdx:write", ".spdx.json", "SPDX 2.3"),
)


@hookimpl
def aicr_inventory_writers() -> Iterable[InventoryWriter]:
    """Register the formats."""
    for purpose, formats in (("mirror", _LISTS), ("sbom", _SBOMS)):
        for name, call, suffix, description in formats:
            yield InventoryWriter(
                name=name, purpose=purpose, write=f"aicr_airgap.{call}", suffix=suffix,
                description=description,
            )  # fmt: skip
