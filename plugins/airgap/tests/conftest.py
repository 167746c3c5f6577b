"""Inventories to write."""

from __future__ import annotations

import attrs
import pytest

from aicr_core.api import (
    Inventory,
    InventoryChart,
    InventoryComponent,
    InventoryImage,
    InventoryPlugin,
)

SHA = "0123456789abcdef" * 4
IMAGES = {
    "busybox": ("b",),
    f"nvcr.io/nvidia/driver:570.1@sha256:{SHA}": ("a",),
    f"nvcr.io/nvidia/cuda@sha256:{SHA}": ("a", "b"),
    "registry.example:5000/team/app_x:v1.0": ("c",),
}


@pytest.fixture
def whole() -> Inventory:
    """A complete inventory with one of everything."""
    return Inventory(
        tool_version="0.1.0",
        recipe_version="v9",
        criteria={"service": "eks", "nodes": 8},
        components=(
            InventoryComponent(
                name="a", kind="helm", version="v1.0.0", namespace="n", images=_images("a"),
                manifests=(("a/manifests/x.yaml", SHA),),
            ),
            InventoryComponent(
                name="b", kind="helm", version="2.0.0+build", namespace="n", depends_on=("a",), images=_images("b"),
            ),
            InventoryComponent(name="c", kind="manifests", images=_images("c")),
        ),
        charts=(
            InventoryChart(
                component="a", name="chart-a", repository="https://charts.example/x?y=1", version="v1.0.0", namespace="n",
                sha256=SHA, licence="Apache-2.0",
            ),
            InventoryChart(
                component="b", name="b", repository="oci://reg.example/charts", version="2.0.0+build", namespace="n",
                licence="Own words: do as you like",
            ),
        ),
        images=tuple(
            InventoryImage(reference=text, components=names, origin="declared" if text == "busybox" else "rendered")
            for text, names in sorted(IMAGES.items())
        ),
        plugins=(
            InventoryPlugin(distribution="aicr-core", version="0.1.0", licence="Apache-2.0"),
            InventoryPlugin(distribution="Their_Pack", version="1!2.0+local"),
        ),
    )  # fmt: skip


def _images(component: str) -> tuple[str, ...]:
    return tuple(sorted(text for text, names in IMAGES.items() if component in names))


@pytest.fixture
def partial(whole: Inventory) -> Inventory:
    """The same with two things that are not known; one text would leave a comment if it could."""
    first, second, third = whole.components
    first = attrs.evolve(first, problems=("its chart was not found", "broken\nimages: [evil]"))
    return attrs.evolve(whole, components=(first, second, third))
