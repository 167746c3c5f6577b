"""Container images of all pods: the reference's ``image`` subtype, and ``images`` which loses nothing.

``image`` maps the last part of a name to a tag, so names of several registries fall together and digests vanish
(spec/snapshot.md 6.3). ``images`` has an item for each reference as pods write it (14.12).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs

from aicr_core.api import Item, Subtype

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_REGISTRY = re.compile(r"[.:]|^localhost$")


@attrs.define
class _Use:
    """How one reference is used."""

    namespaces: set[str] = attrs.field(factory=set)
    image_ids: set[str] = attrs.field(factory=set)
    count: int = 0


def subtypes(pods: Iterable[dict[str, Any]], log: Callable[[str], None]) -> tuple[Subtype, Subtype]:
    """Give ``image`` and ``images`` of these pods; ``log`` is told which tag was left out of ``image``."""
    uses: dict[str, _Use] = {}
    for pod in pods:
        ids = {name: image_id for name, image_id in _image_ids(pod) if image_id}
        namespace = (pod.get("metadata") or {}).get("namespace") or ""
        for container, reference in _references(pod):
            use = uses.setdefault(reference, _Use())
            use.count += 1
            use.namespaces.add(namespace)
            if container in ids:
                use.image_ids.add(ids[container])
    tags: dict[str, set[str]] = {}
    for reference in uses:
        name, tag = short(reference)
        tags.setdefault(name, set()).add(tag)
    data: dict[str, str] = {}
    for name, found in sorted(tags.items()):
        data[name] = max(found, key=version_key)
        if len(found) > 1:
            others = ", ".join(sorted(found - {data[name]}, key=version_key))
            log(f"image {name}: {data[name]} is recorded, {others} runs too; see subtype images")
    items = tuple(_item(reference, uses[reference]) for reference in sorted(uses))
    return (
        Subtype(name="image", data=data),
        Subtype(name="images", data={"image-count": len(items)}, items=items),
    )


def _references(pod: dict[str, Any]) -> Iterator[tuple[str, str]]:
    spec = pod.get("spec") or {}
    for field in _CONTAINERS:
        for container in spec.get(field) or ():
            reference = container.get("image")
            if reference:
                yield container.get("name", ""), reference


def _image_ids(pod: dict[str, Any]) -> Iterator[tuple[str, str]]:
    status = pod.get("status") or {}
    for field in _CONTAINERS:
        for entry in status.get(f"{field[:-1]}Statuses") or ():
            yield entry.get("name", ""), entry.get("imageID") or ""


def short(reference: str) -> tuple[str, str]:
    """Give the reference's name and tag of a reference (spec/snapshot.md 6.3)."""
    last = reference.rsplit("/", 1)[-1].split("@", 1)[0]
    name, colon, tag = last.rpartition(":")
    return (name, tag) if colon else (last, "latest")


def version_key(tag: str) -> tuple[tuple[int, int, str], ...]:
    """Order tags as versions: numbers by value, and before words; ``1.9`` is less than ``1.27``."""
    parts = re.findall(r"\d+|[^\d.\-_+]+", tag.removeprefix("v"))
    return tuple((1, int(p), "") if p.isdigit() else (0, 0, p) for p in parts)


def _item(reference: str, use: _Use) -> Item:
    rest, _, digest = reference.partition("@")
    first, slash, _ = rest.partition("/")
    registry = first if slash and _REGISTRY.search(first) else "docker.io"
    name, tag = short(reference)
    last = rest.rsplit("/", 1)[-1]
    data: dict[str, Any] = {
        "ref": reference,
        "registry": registry,
        "namespaces": ",".join(sorted(use.namespaces)),
        "count": use.count,
    }
    # What is not written is not said: the runtime takes "latest" only where there is no digest either.
    if ":" in last or not digest:
        data["tag"] = tag
    if digest:
        data["digest"] = digest
    if use.image_ids:
        data["imageID"] = ",".join(sorted(use.image_ids))
    return Item(context={"name": name}, data=data)
