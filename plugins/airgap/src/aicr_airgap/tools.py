"""Mirror lists in the words of tools that carry images and charts across an air gap.

Each format says in a comment what it does not hold, if anything: a tool that mirrors half of a recipe has to be stopped
by a person who can read that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_airgap.lists import comment
from aicr_core.api import image_reference, to_yaml

if TYPE_CHECKING:
    from aicr_core.api import Inventory

OCI = "oci://"


def hauler(inventory: Inventory) -> str:
    """Write the two documents of a Hauler content manifest (``hauler store sync -f``)."""
    charts = [
        {"name": name, "repoURL": repository, "version": version}
        for repository, name, version in _charts(inventory)
    ]
    documents = [
        _hauler("Images", "aicr-images", "images", [{"name": text} for text in _images(inventory)]),
        _hauler("Charts", "aicr-charts", "charts", charts),
    ]
    return comment(inventory) + "---\n".join(to_yaml(item) for item in documents)


def _hauler(kind: str, name: str, key: str, items: list[Any]) -> dict[str, Any]:
    return {
        "apiVersion": "content.hauler.cattle.io/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {key: items},
    }


def zarf(inventory: Inventory) -> str:
    """Write a Zarf package of images. Its charts are not in it: Zarf would install them, and the bundle does that."""
    package = {
        "apiVersion": "zarf.dev/v1alpha1",
        "kind": "ZarfPackageConfig",
        "metadata": {
            "name": "aicr",
            "description": f"Images of an aicr recipe {inventory.recipe_version}".rstrip(),
            "version": "0.0.1",
        },
        "components": [
            {"name": "aicr-images", "required": True, "images": _images(inventory)},
        ],
    }
    return comment(inventory) + to_yaml(package)


def skopeo(inventory: Inventory) -> str:
    """Write what ``skopeo sync --src yaml`` reads: registry, repository, tags and digests; no charts."""
    found: dict[str, dict[str, set[str]]] = {}
    for text in _images(inventory):
        known = image_reference(text)
        if known is not None:
            full = known.full
            # With both, the digest says which image it is; skopeo takes one or the other.
            pin = full.digest or full.tag
            found.setdefault(full.registry, {}).setdefault(full.repository, set()).add(pin)
    document = {
        registry: {"images": {name: sorted(pins) for name, pins in sorted(images.items())}}
        for registry, images in sorted(found.items())
    }
    return comment(inventory) + to_yaml(document)


def oc_mirror(inventory: Inventory) -> str:
    """Write an ImageSetConfiguration of oc-mirror v2: images, charts of http repositories, OCI charts as images."""
    images = [{"name": text} for text in _images(inventory)]
    repositories: dict[str, list[dict[str, str]]] = {}
    for repository, name, version in _charts(inventory):
        if repository.startswith(OCI):
            # A chart in a registry is an artifact like any other; a tag cannot hold a +, Helm writes _ for it.
            tag = version.replace("+", "_")
            images.append({"name": f"{repository.removeprefix(OCI)}/{name}:{tag}"})
        else:
            repositories.setdefault(repository, []).append({"name": name, "version": version})
    mirror: dict[str, Any] = {"additionalImages": images}
    if repositories:
        mirror["helm"] = {
            "repositories": [
                {"name": f"charts-{number}", "url": url, "charts": charts}
                for number, (url, charts) in enumerate(sorted(repositories.items()), start=1)
            ]
        }
    document = {
        "apiVersion": "mirror.openshift.io/v2alpha1",
        "kind": "ImageSetConfiguration",
        "mirror": mirror,
    }
    return comment(inventory) + to_yaml(document)


def _images(inventory: Inventory) -> list[str]:
    return [image.reference for image in inventory.images]


def _charts(inventory: Inventory) -> list[tuple[str, str, str]]:
    """Give (repository, name, version) of each chart once, sorted."""
    return sorted({(chart.repository, chart.name, chart.version) for chart in inventory.charts})
