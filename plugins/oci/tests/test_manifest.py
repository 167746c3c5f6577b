"""The manifest: what is written, and what else is refused when it is read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aicr_oci import manifest
from aicr_oci.layer import pack
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.api import AicrError, Artifact

FACTS = {"version": "1.2.3", "title": "AICR Bundle"}
LAYER = pack([Artifact(path="f", data=b"1")])


def test_it_is_what_the_specification_says() -> None:
    document = json.loads(manifest.make(LAYER, FACTS))
    (layer,) = document.pop("layers")
    assert document == {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/vnd.nvidia.aicr.artifact",
        "config": {
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            "size": 2,
            "data": "e30=",
        },
        "annotations": {
            "org.opencontainers.image.created": "1970-01-01T00:00:00Z",
            "org.opencontainers.image.version": "1.2.3",
            "org.opencontainers.image.vendor": "NVIDIA",
            "org.opencontainers.image.title": "AICR Bundle",
            "org.opencontainers.image.source": "https://github.com/NVIDIA/aicr",
        },
    }
    assert layer == {
        "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
        "digest": LAYER.digest,
        "size": len(LAYER.data),
        "annotations": {
            "org.opencontainers.image.title": ".",
            "io.deis.oras.content.unpack": "true",
            "io.deis.oras.content.digest": LAYER.plain_digest,
        },
    }


def _read(document: Any, kind: str = manifest.MANIFEST) -> manifest.Blob:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return manifest.read(data, kind, "oci://r.io/x:1")


def _changed(**fields: Any) -> dict[str, Any]:
    document = json.loads(manifest.make(LAYER, FACTS))
    layer = fields.pop("layer", {})
    document |= fields
    if layer:
        document["layers"][0] |= layer
    return document  # type: ignore[no-any-return]


def test_what_is_written_is_read() -> None:
    assert _read(_changed()) == (LAYER.digest, len(LAYER.data))
    # The reference's manifests are alike; other annotations and keys are nobody's business.
    assert _read(_changed(annotations={}, subject=None)) == (LAYER.digest, len(LAYER.data))


@pytest.mark.parametrize(
    ("document", "reason", "status"),
    [
        (b"<html>please log in</html>", "no manifest but", 6),
        (b"", "no manifest but", 6),
        (b"[" * 100_000, "no manifest but", 6),
        ([], "no JSON object", 2),
        ({}, "artifact of type None", 2),
        (
            _changed(mediaType="application/vnd.oci.image.index.v1+json"),
            "an index of several images",
            2,
        ),
        (
            _changed(mediaType="application/vnd.docker.distribution.manifest.list.v2+json"),
            "an index",
            2,
        ),
        (_changed(mediaType="application/vnd.docker.distribution.manifest.v2+json"), "docker", 2),
        (_changed(mediaType=5), "it is 5", 2),
        (_changed(artifactType="application/vnd.cncf.helm.config.v1+json"), "helm", 2),
        (_changed(artifactType=None), "of type 'application/vnd.oci.empty", 2),
        (_changed(artifactType=["x"], config=[]), "of type ['x']", 2),
        (_changed(schemaVersion=1), "artifact of type", 2),
        (_changed(layers=[]), "exactly one layer", 2),
        (_changed(layers=None), "exactly one layer", 2),
        (_changed(layers=["x"]), "layer is not of type", 2),
        (_changed(layers=2 * _changed()["layers"]), "exactly one layer", 2),
        (_changed(layer={"mediaType": "application/vnd.oci.image.layer.v1.tar"}), "not of type", 2),
        (_changed(layer={"digest": "sha256:abc"}), "no sha256 digest", 2),
        (_changed(layer={"digest": "sha512:" + "a" * 128}), "no sha256 digest", 2),
        (_changed(layer={"digest": f"sha256:{'a' * 64}/../x"}), "no sha256 digest", 2),
        (_changed(layer={"digest": 5}), "no sha256 digest", 2),
        (_changed(layer={"size": "5"}), "no size", 2),
        (_changed(layer={"size": -1}), "no size", 2),
        (_changed(layer={"size": True}), "no size", 2),
        (_changed(layer={"size": 1.5}), "no size", 2),
        (_changed(layer={"size": 2**40}), "over the limit of 512 MiB", 2),
    ],
)
def test_what_is_no_bundle_is_said(document: Any, reason: str, status: int) -> None:
    with pytest.raises(AicrError) as caught:
        _read(document)
    assert reason in str(caught.value)
    assert caught.value.exit_status == status
    assert "\n" not in str(caught.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=9,
)


@given(
    st.sampled_from(
        ["mediaType", "artifactType", "config", "layers", "schemaVersion", "annotations"]
    ),
    json_values,
)
def test_any_value_anywhere_is_a_manifest_or_one_clear_error(name: str, value: Any) -> None:
    for document in (
        _changed(**{name: value}),
        _changed(layer={name: value, "size": value}),
        value,
    ):
        try:
            _read(document)
        except AicrError as error:
            assert error.exit_status == 2


def test_a_manifest_that_is_an_index_too_is_refused() -> None:
    """Which of the two it is, other tools take from the header (CVE-2021-41190)."""
    for document, kind in (
        (_changed(manifests=[]), manifest.MANIFEST),
        (_changed(), manifest.OTHERS[0]),
    ):
        with pytest.raises(AicrError, match="as an index, too"):
            _read(document, kind)
    assert _read(_changed(), "application/octet-stream").digest == LAYER.digest
