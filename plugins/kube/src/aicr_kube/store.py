"""The store ``cm://namespace/name``: documents in ConfigMaps (spec/snapshot.md 9.4, 10, 14.10, 14.11).

A ConfigMap holds at most 1 MiB. A document is written plain while it fits, as every reader knows it; else gzipped;
else in several ConfigMaps, ``NAME-1``... first and ``NAME`` with the index last. Numbers that the document before
used are left alone until then, so that it can be read until the new one is whole. What is read back is checked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import AicrError, Code, StoredDocument, __version__
from aicr_kube import packing
from aicr_kube.failures import KubeError
from aicr_kube.paths import object_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aicr_core.api import Context
    from aicr_kube.client import Cluster

PREFIX = "aicr.run/"
"""Of our annotations: what is noted beside a document, and the index of a packed one."""
TIMEOUT = 30.0
"""Seconds to write or read (spec/snapshot.md 18)."""
MAX_INPUT = 64 * 1024 * 1024
"""What a document may unpack to unless ``ctx.options["max_input_size"]`` says otherwise (spec/snapshot.md 10)."""
SNAPSHOT = "snapshot"
"""The kind that a ConfigMap holds unless something else is meant; each kind has keys of its own."""
_EXTENSIONS = {
    "yaml": "yaml", "json": "json", "table": "txt", "ctrf": "json", "junit": "xml", "markdown": "md",
}  # fmt: skip
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?")


class Place(NamedTuple):
    """Where a document is."""

    namespace: str
    name: str

    @property
    def uri(self) -> str:
        """As the user writes it."""
        return f"cm://{self.namespace}/{self.name}"

    @property
    def path(self) -> str:
        """The API path of the ConfigMap."""
        return object_path("", "v1", "configmaps", namespace=self.namespace, name=self.name)

    def part(self, number: int) -> Place:
        """Where the further part of that number is."""
        return self._replace(name=f"{self.name}-{number}")


def place_of(uri: str) -> Place:
    """Read a URI. Raises AicrError(INVALID_REQUEST) when it is not ``cm://namespace/name``."""
    namespace, slash, name = uri.removeprefix("cm://").partition("/")
    place = Place(namespace.strip(), name.strip())
    good = slash and all(_NAME.fullmatch(part) and len(part) <= 253 for part in place)
    if not uri.startswith("cm://") or not good or "." in place.namespace:
        raise AicrError(
            Code.INVALID_REQUEST,
            f'"{uri}" names no ConfigMap',
            hint="write cm://namespace/name, both in lower case letters, digits and '-'",
        )
    return place


# --- writing ----------------------------------------------------------------------------------------


def write(ctx: Context, uri: str, document: StoredDocument) -> None:
    """Write a document by server-side apply; the index comes last, so that a half-written one is not read.

    Raises AicrError: INVALID_REQUEST for a bad URI, and what the API server says otherwise.
    """
    place = place_of(uri)
    with _cluster(ctx) as cluster:
        before = _parts_before(cluster, place)
        packed = packing.pack(document.data)
        further = packed.parts[1:]
        # Beside what is there: in front of it where there is room, else behind it.
        start = before.stop if before and before.start <= len(further) else 1
        for number, part in enumerate(further, start):
            cluster.apply(place.part(number).path, _part_object(ctx, place, number, part, document))
        cluster.apply(place.path, _index_object(ctx, place, packed, start, document))
        for number in before:
            cluster.delete(place.part(number).path, missing_ok=True)


def _cluster(ctx: Context) -> Cluster:
    from aicr_kube.client import Cluster

    cluster = Cluster.of(ctx)
    return cluster.within(min(TIMEOUT, ctx.remaining()))


def _parts_before(cluster: Cluster, place: Place) -> range:
    """Give the numbers of the parts that are there now; who may not read them has to leave them."""
    try:
        annotations = cluster.get(place.path)["metadata"].get("annotations") or {}
        return _parts(annotations, place)
    except AicrError:
        return range(1, 1)


def _parts(annotations: Mapping[str, str], place: Place) -> range:
    """Give the numbers of the further parts that an index names. Raises AicrError(INTERNAL) for nonsense."""
    chunks = annotations.get(f"{PREFIX}chunks", "1")
    first = annotations.get(f"{PREFIX}first", "1")
    for text in (chunks, first):
        if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:9]) <= packing.MAX_PARTS:
            raise packing.damaged(place.uri, f'"{text}" is no number of parts')
    return range(int(first), int(first) + int(chunks) - 1)


def _index_object(
    ctx: Context, place: Place, packed: packing.Packed, start: int, document: StoredDocument
) -> dict[str, Any]:
    key = f"{document.kind}.{_EXTENSIONS.get(document.format, document.format)}"
    body = _object(ctx, place, document)
    body["data"] = {"format": document.format, "timestamp": ctx.now()}
    if packed.text is not None:
        body["data"][key] = packed.text
        return body
    index = {"sha256": packed.sha256, "size": str(packed.size)}
    if len(packed.parts) > 1:
        index |= {"chunks": str(len(packed.parts)), "first": str(start)}
    body["binaryData"] = {f"{key}.gz": packing.to_base64(packed.parts[0])}
    body["metadata"]["annotations"] |= {f"{PREFIX}{name}": value for name, value in index.items()}
    return body


def _part_object(
    ctx: Context, place: Place, number: int, part: bytes, document: StoredDocument
) -> dict[str, Any]:
    body = _object(ctx, place.part(number), document)
    body["metadata"]["annotations"] = {
        f"{PREFIX}chunk": str(number),
        f"{PREFIX}chunk-of": place.name,
    }
    body["binaryData"] = {"part": packing.to_base64(part)}
    return body


def _object(ctx: Context, place: Place, document: StoredDocument) -> dict[str, Any]:
    version = document.notes.get("version") or __version__
    labels = {
        "app.kubernetes.io/name": "aicr",
        "app.kubernetes.io/component": _label(document.kind),
        "app.kubernetes.io/version": _label(version),
    }
    run = document.notes.get("run-id", "")
    if _LABEL.fullmatch(run):
        labels[f"{PREFIX}run-id"] = run
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": place.name,
            "namespace": place.namespace,
            "labels": labels,
            "annotations": {f"{PREFIX}{key}": value for key, value in document.notes.items()},
        },
    }
    if ctx.options.get("output_immutable"):
        body["immutable"] = True
    return body


def _label(text: str) -> str:
    """Give text as a label value may be: 63 characters, no ``+`` of a build."""
    clean = re.sub(r"[^-_.A-Za-z0-9]", "_", text)[:63].strip("-_.")
    return clean or "unknown"


# --- reading ----------------------------------------------------------------------------------------


def read(ctx: Context, uri: str) -> StoredDocument:
    """Read a document back, whole and checked; ``ctx.options["kind"]`` is what it is expected to be.

    Raises AicrError: INVALID_REQUEST for a bad URI and for a table, which cannot be read; NOT_FOUND when the
    ConfigMap, or the document in it, is not there; INTERNAL when it is damaged, naming the ConfigMap at fault.
    """
    place = place_of(uri)
    with _cluster(ctx) as cluster:
        item = cluster.get(place.path)
        annotations = item["metadata"].get("annotations") or {}
        # A recipe may be under the key of a snapshot too: that is where the reference writes it.
        kinds = tuple(dict.fromkeys((str(ctx.options.get("kind") or SNAPSHOT), SNAPSHOT)))
        found = _find(item, kinds)
        if found is None and f"{PREFIX}sha256" in annotations:
            raise packing.damaged(place.uri, "its content is missing")
        if found is None:
            raise AicrError(
                Code.NOT_FOUND,
                f"the ConfigMap holds no {kinds[0]}",
                where=place.uri,
                hint="it has none of the keys "
                + ", ".join(f"{kind}.yaml, {kind}.json, {kind}.yaml.gz" for kind in kinds),
            )
        kind, extension, packed = found
        if extension == "txt":
            raise AicrError(
                Code.INVALID_REQUEST,
                "it holds a table, which cannot be read back",
                where=place.uri,
                hint="write it with --format yaml or json",
            )
        if packed is None:
            data = str(item["data"][f"{kind}.{extension}"]).encode()
        else:
            data = _unpacked(ctx, cluster, place, packed, annotations)
    return StoredDocument(data=data, format=extension, notes=_notes(annotations), kind=kind)


def _find(item: Mapping[str, Any], kinds: Sequence[str]) -> tuple[str, str, str | None] | None:
    """Give kind and extension of the document's key, and its base64 when it is packed (spec/snapshot.md 10)."""
    plain, binary = item.get("data") or {}, item.get("binaryData") or {}
    wanted = str(plain.get("format") or "yaml")
    for kind in kinds:
        for extension in (_EXTENSIONS.get(wanted, wanted), "yaml", "json", "txt"):
            key = f"{kind}.{extension}"
            if key in plain:
                return kind, extension, None
            if f"{key}.gz" in binary:
                return kind, extension, str(binary[f"{key}.gz"])
    return None


def _unpacked(
    ctx: Context, cluster: Cluster, place: Place, first: str, annotations: Mapping[str, str]
) -> bytes:
    numbers = _parts(annotations, place)
    places = [place, *(place.part(number) for number in numbers)]
    parts = [packing.from_base64(first, place.uri)]
    for number, at in enumerate(places[1:], 1):
        try:
            item = cluster.get(at.path)
        except KubeError as error:
            if error.status != 404:
                raise
            raise packing.damaged(at.uri, f"part {number} of {len(numbers)} is missing") from None
        parts.append(packing.from_base64((item.get("binaryData") or {}).get("part", ""), at.uri))
    return packing.unpack(
        parts,
        names=[at.uri for at in places],
        sha256=annotations.get(f"{PREFIX}sha256", ""),
        size=annotations.get(f"{PREFIX}size", ""),
        most=int(ctx.options.get("max_input_size") or MAX_INPUT),
    )


def _notes(annotations: Mapping[str, str]) -> dict[str, str]:
    own = ("chunks", "first", "sha256", "size")
    names = {
        key.removeprefix(PREFIX): value
        for key, value in annotations.items()
        if key.startswith(PREFIX)
    }
    return {name: value for name, value in names.items() if name not in own}
