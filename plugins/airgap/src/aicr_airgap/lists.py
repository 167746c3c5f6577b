"""Mirror lists for people and scripts: YAML, JSON, plain images. Keys are the reference's (spec/beyond.md 2.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import to_json, to_yaml

if TYPE_CHECKING:
    from aicr_core.api import Inventory

KINDS = {"helm": "Helm", "kustomize": "Kustomize", "manifests": "Manifests"}


def gaps(inventory: Inventory) -> list[str]:
    """Give what keeps an inventory from being complete, a line each, in deployment order."""
    return [
        f"component {component.name}: {problem}"
        for component in inventory.components
        for problem in component.problems
    ]


def comment(inventory: Inventory) -> str:
    """Give the comment lines that say so at the top of a format with comments; nothing for a complete one."""
    lines = gaps(inventory)
    if not lines:
        return ""
    head = f"# NOT COMPLETE, {len(lines)} problem{'s' if len(lines) > 1 else ''}:"
    return "".join(f"{line}\n" for line in (head, *(f"# - {_one(line)}" for line in lines)))


def _one(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def document(inventory: Inventory) -> dict[str, Any]:
    """Give the list as a document."""
    return {
        "images": [image.reference for image in inventory.images],
        "charts": [
            {
                "name": chart.component,
                "repository": chart.repository,
                "chart": chart.name,
                "version": chart.version,
                "namespace": chart.namespace,
            }
            for chart in inventory.charts
        ],
        "components": [
            {
                "component": component.name,
                "type": KINDS.get(component.kind, component.kind),
                "images": list(component.images),
                "warnings": list(component.problems),
            }
            for component in inventory.components
        ],
        "metadata": {
            "recipeVersion": inventory.recipe_version,
            "criteria": dict(inventory.criteria),
        },
    }


def as_yaml(inventory: Inventory) -> str:
    """Write the list as YAML."""
    return comment(inventory) + to_yaml(document(inventory))


def as_json(inventory: Inventory) -> str:
    """Write the list as JSON; what is missing stands in ``warnings``."""
    return to_json(document(inventory))


def as_images(inventory: Inventory) -> str:
    """Write the images alone, one a line."""
    return comment(inventory) + "".join(f"{image.reference}\n" for image in inventory.images)
