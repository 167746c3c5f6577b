"""From a plan, and what was found out about its charts, to an inventory. Pure.

Nothing is left out quietly: what is not known about a component is one of its problems. Their texts stand in files
that have to be the same everywhere, so they name no path of this machine.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from aicr_core.engine import images
from aicr_core.kit.errors import AicrError
from aicr_core.kit.imageref import image_reference
from aicr_core.model.inventory import (
    Inventory,
    InventoryChart,
    InventoryComponent,
    InventoryImage,
    InventoryPlugin,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aicr_core.model.bundle import Artifact, BundlePlan, Release

KUSTOMIZATION = "a kustomization is built when it is deployed: its images are not known"


class Looked(NamedTuple):
    """What was found out about the chart of a release: its package, its images, what is not known."""

    chart: InventoryChart
    found: images.Found


def chart_of(release: Release, sha256: str = "", licence: str = "") -> InventoryChart:
    """Give the chart of a release as its recipe names it."""
    return InventoryChart(
        component=release.name,
        name=release.chart,
        repository=release.repository,
        version=release.version,
        namespace=release.namespace,
        sha256=sha256,
        licence=licence,
    )


def build(
    plan: BundlePlan,
    looked: Mapping[str, Looked],
    declared: Mapping[str, images.Found],
    plugins: Sequence[InventoryPlugin],
    written: Sequence[Artifact] = (),
) -> Inventory:
    """Give the inventory of a plan.

    ``looked`` holds what each chart brings, ``declared`` what plugins name beyond it, both by component. ``written``
    are the files of the bundle, if it is written already: manifests are named by their place in it.
    """
    sizes = {len(item.data) for release in plan.releases for item in release.manifests}
    # Of the same size only: charts that a bundle brings along are megabytes.
    places = {_sha256(f.data): f.path for f in reversed(written) if len(f.data) in sizes}
    components = []
    users: dict[str, set[str]] = {}
    shown: set[str] = set()
    for release in plan.releases:
        parts = [_manifest(release, manifest) for manifest in release.manifests]
        if release.name in looked:
            parts.append(looked[release.name].found)
        problems = {text for part in parts for text in part.problems}
        if release.kind == "kustomize":
            problems.add(KUSTOMIZATION)
        rendered = {text for part in parts for text in part.images}
        shown |= rendered
        more = declared.get(release.name, images.Found())
        for text in sorted(rendered | set(more.images)):
            users.setdefault(text, set()).add(release.name)
        components.append(
            InventoryComponent(
                name=release.name,
                kind=release.kind,
                version=release.version or release.tag,
                namespace=release.namespace,
                depends_on=tuple(sorted(release.depends_on)),
                images=tuple(sorted(rendered | set(more.images))),
                manifests=tuple(
                    sorted(
                        (places.get(digest, f"{release.name}/{item.path}"), digest)
                        for item in release.manifests
                        for digest in (_sha256(item.data),)
                    )
                ),
                problems=tuple(sorted({*problems, *more.problems})),
            )
        )
    return Inventory(
        tool_version=plan.tool_version,
        recipe_version=plan.recipe_version,
        criteria=plan.criteria,
        components=tuple(components),
        charts=tuple(looked[name].chart for name in sorted(looked)),
        images=tuple(
            InventoryImage(
                reference=text,
                components=tuple(sorted(names)),
                origin="rendered" if text in shown else "declared",
            )
            for text, names in sorted(users.items())
        ),
        plugins=tuple(sorted(plugins, key=lambda plugin: plugin.distribution)),
    )


def declaration(texts: Sequence[str]) -> images.Found:
    """Give what plugins declare for a component; what is no reference is a problem."""
    good = {text for text in texts if image_reference(text)}
    bad = sorted(set(texts) - good)
    return images.Found(
        tuple(sorted(good)),
        tuple(f'a plugin declares the image "{text}", which is no reference' for text in bad),
    )


def _manifest(release: Release, manifest: Artifact) -> images.Found:
    place = f"{release.name}/{manifest.path}"
    try:
        return images.in_text(manifest.data.decode("utf-8"), place)
    except (AicrError, UnicodeDecodeError) as error:
        text = error.message if isinstance(error, AicrError) else "it is not UTF-8"
        return images.Found((), (f"{place} cannot be read: {text}",))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
