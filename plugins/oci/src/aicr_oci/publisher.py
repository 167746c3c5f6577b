"""Push bundles to a registry and pull them back: the calls of the publisher ``oci``.

A bundle is one artifact: an OCI 1.1 manifest of our type, an empty configuration, one layer. The same bundle has the
same digest every time (spec/bundle.md 6 and B-25 to B-28). Whether a bundle is what its own lists say is the core's
business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import AicrError, Code
from aicr_oci import manifest, reference
from aicr_oci.layer import pack
from aicr_oci.registry import Registry
from aicr_oci.unpack import unpack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aicr_core.api import Artifact, Context


def check(uri: str, version: str) -> str:
    """Give the reference as it will be used; ``version`` is the default tag for pushing, empty for pulling.

    Raises AicrError(INVALID_REQUEST) for what is no reference, a digest to push to, or nothing to pull by.
    """
    found = reference.parse(uri)
    if version and found.digest:
        raise AicrError(
            Code.INVALID_REQUEST, "a digest is what pushing gives, not where it goes", where=uri,
            hint="name a tag, or nothing for the version of aicr",
        )  # fmt: skip
    if not version and not found.version:
        raise AicrError(
            Code.INVALID_REQUEST, "it does not say which bundle", where=uri,
            hint="add :tag, or @sha256:... for exactly the one that was pushed",
        )  # fmt: skip
    if not found.version:
        found = found._replace(tag=reference.default_tag(version))
        reference.parse(found.uri)
    return found.uri


def push(ctx: Context, uri: str, files: Sequence[Artifact], facts: Mapping[str, str]) -> str:
    """Push a bundle; give ``host/repository@digest``. Raises AicrError; the tag then still means what it meant."""
    target = reference.parse(uri)
    layer = pack(files)
    if len(layer.data) > manifest.LARGEST_LAYER:
        raise AicrError(
            Code.INVALID_REQUEST,
            f"the bundle packs to more than {manifest.LARGEST_LAYER // 2**20} MiB",
            where=uri,
        )
    document = manifest.make(layer, facts)
    with Registry(ctx, target, push=True) as registry:
        registry.upload(layer.data)
        registry.upload(manifest.CONFIG)
        # Last: only now does the tag move.
        digest = registry.put_manifest(document, manifest.MANIFEST)
    return str(target.at(digest))


def pull(ctx: Context, uri: str) -> list[Artifact]:
    """Give the files of a bundle, held to the digests of manifest and layer. Raises AicrError."""
    source = reference.parse(uri)
    with Registry(ctx, source, push=False) as registry:
        document = registry.manifest((manifest.MANIFEST, *manifest.OTHERS))
        layer = registry.blob(manifest.read(document.data, document.kind, uri))
    return unpack(layer, uri)
