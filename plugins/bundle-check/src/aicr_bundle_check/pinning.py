"""What may be another thing tomorrow: images without tag or digest, charts without an exact version, placeholders."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aicr_bundle_check.objects import containers, finding, pods_of, title
from aicr_core.api import Finding, image_reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_core.api import BundleView, Context

_EXACT = re.compile(
    r"v?\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?\Z|v?\d+(?:\.\d+){0,3}\Z"
)
_WORD = r"(?:YOUR|your)[-_](?:ORG|org|REPO|repo|HOST|host|DOMAIN|domain)"
_PLACEHOLDER = re.compile(rf"[^\s\"']*\b{_WORD}\b[^\s\"']*|\{{\{{ *\.RepoURL *\}}\}}")


def check(_ctx: Context, view: BundleView) -> Iterator[Finding]:
    """Look at images of pods, versions of charts, and every text of the bundle for placeholders."""
    for item in view.objects:
        pods = pods_of(item)
        for path, container in containers(pods) if pods is not None else ():
            image = container.get("image")
            wrong = loose(image) if isinstance(image, str) else ""
            if wrong:
                yield finding(
                    item, "AB411", "warning", f"the image {image} of {title(item)} has {wrong}",
                    hint="give it the tag of a release, or better a digest", path=f"{path}.image",
                )  # fmt: skip
    for release in view.releases:
        if release.kind == "helm" and not _EXACT.match(release.version):
            said = f'the version "{release.version}"' if release.version else "no version"
            yield Finding(
                rule="AB421", severity="error", component=release.name,
                message=f"the chart {release.chart} has {said}: what is installed depends on the day",
                hint="give the component an exact version in the recipe",
            )  # fmt: skip
    yield from _placeholders(view)


def loose(image: str) -> str:
    """Say what keeps an image from being the same one tomorrow; empty when nothing does."""
    found = image_reference(image)
    if found is None:
        return "no form that a registry knows"
    if found.digest:
        return ""
    if not found.tag:
        return "neither tag nor digest"
    return "the tag latest" if found.tag == "latest" else ""


def _placeholders(view: BundleView) -> Iterator[Finding]:
    names = {release.name for release in view.releases}
    for path, text in view.texts.items():
        found = _PLACEHOLDER.search(text)
        if found is not None:
            first = path.partition("/")[0].removesuffix("-post").removesuffix("-pre")
            yield Finding(
                rule="AB422", severity="error", path=path, component=first if first in names else "",
                line=text.count("\n", 0, found.start()) + 1,
                message=f"{found[0]} is a placeholder: nobody can fetch from there",
                hint="make the bundle with --repo URL",
            )  # fmt: skip
