"""The manifest of a bundle's artifact: made byte for byte alike for the same bundle, read strictly (spec/bundle.md 6).

The media type, the vendor and the source stand here because they are facts of the format: other tools know artifacts
of this kind by them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import AicrError, Code
from aicr_oci.layer import digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_oci.layer import Layer

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
ARTIFACT = "application/vnd.nvidia.aicr.artifact"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY = "application/vnd.oci.empty.v1+json"
CONFIG = b"{}"
OTHERS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
"""Asked for as well, so that what is no bundle is named instead of reported missing."""
MOST_BYTES = 4 * 1024**2
"""The largest manifest that registries have to take, and that is read."""
LARGEST_LAYER = 512 * 1024**2
_SOURCE = "https://github.com/NVIDIA/aicr"
_EPOCH = "1970-01-01T00:00:00Z"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Blob(NamedTuple):
    """What a manifest says about a blob."""

    digest: str
    size: int


def make(layer: Layer, facts: Mapping[str, str]) -> bytes:
    """Give the manifest of a packed bundle; ``facts`` are its version and title."""
    config = {"mediaType": EMPTY, "digest": digest_of(CONFIG), "size": len(CONFIG), "data": "e30="}
    packed = {
        "mediaType": LAYER,
        "digest": layer.digest,
        "size": len(layer.data),
        "annotations": {
            "io.deis.oras.content.digest": layer.plain_digest,
            "io.deis.oras.content.unpack": "true",
            "org.opencontainers.image.title": ".",
        },
    }
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": ARTIFACT,
        "config": config,
        "layers": [packed],
        "annotations": {
            "org.opencontainers.image.created": _EPOCH,
            "org.opencontainers.image.source": _SOURCE,
            "org.opencontainers.image.title": facts.get("title", ""),
            "org.opencontainers.image.vendor": "NVIDIA",
            "org.opencontainers.image.version": facts.get("version", ""),
        },
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def read(data: bytes, kind: str, where: str) -> Blob:
    """Give the one layer of a bundle's manifest; ``kind`` is what the registry called the document.

    Raises AicrError: SERVICE_UNAVAILABLE for what is no JSON, INVALID_REQUEST for another kind of artifact, or a
    manifest that is none.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise AicrError(
            Code.SERVICE_UNAVAILABLE, f"the answer is no manifest but {kind or 'something else'}",
            where=where, hint="is this the address of a registry?",
        ) from None  # fmt: skip
    if not isinstance(document, dict):
        raise _no_bundle("its manifest is no JSON object", where)
    media = document.get("mediaType") or kind
    if media != MANIFEST:
        word = "an index of several images" if "index" in str(media) or "list" in str(media) else ""
        raise _no_bundle(f"it is {word or repr(media)}", where)
    if document.get("schemaVersion") != 2 or document.get("artifactType") != ARTIFACT:
        config = document.get("config")
        other = document.get("artifactType") or (
            isinstance(config, dict) and config.get("mediaType")
        )
        raise _no_bundle(f"it is an artifact of type {other or None!r}", where)
    if "manifests" in document or (kind in OTHERS and kind != media):
        # One digest must not mean one thing to us and another to a tool that goes by the other (CVE-2021-41190).
        raise _no_bundle("its manifest can be read as an index, too", where)
    layers = document.get("layers")
    if not isinstance(layers, list) or len(layers) != 1:
        raise _no_bundle("a bundle has exactly one layer", where)
    return _blob(layers[0], where)


def _blob(layer: Any, where: str) -> Blob:
    if not isinstance(layer, dict) or layer.get("mediaType") != LAYER:
        raise _no_bundle(f"its layer is not of type {LAYER}", where)
    digest, size = layer.get("digest"), layer.get("size")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise _no_bundle("its layer has no sha256 digest", where)
    if not isinstance(size, int) or isinstance(size, bool) or size <= 0:
        raise _no_bundle("its layer has no size", where)
    if size > LARGEST_LAYER:
        raise _no_bundle(f"its layer is over the limit of {LARGEST_LAYER // 2**20} MiB", where)
    return Blob(digest, size)


def _no_bundle(reason: str, where: str) -> AicrError:
    return AicrError(Code.INVALID_REQUEST, f"this is no bundle: {reason}", where=where)
