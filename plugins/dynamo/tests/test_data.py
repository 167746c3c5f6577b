"""The data of this package is read strictly, and what it refers to is there."""

from __future__ import annotations

import pathlib

from aicr_core.engine import schemas
from aicr_core.kit import yamlio
from aicr_core.kit.schema import decode

DATA = pathlib.Path(__file__).resolve().parents[1] / "src/aicr_dynamo" / "data"


def _overlays() -> list[pathlib.Path]:
    return sorted(DATA.glob("overlays/*.yaml"))


def test_overlays_are_strict_and_named_after_their_files() -> None:
    for path in _overlays():
        node = yamlio.compose(path.read_bytes(), str(path))
        assert node is not None
        document = decode(node, schemas.OVERLAY, str(path))
        assert document["metadata"]["name"] == path.stem
        assert path.read_text("utf-8").startswith("# "), "an overlay says what it is for"


def test_values_are_mappings() -> None:
    for path in DATA.glob("components/*/values*.yaml"):
        assert isinstance(yamlio.load(path.read_bytes(), str(path)) or {}, dict)


def test_registry_is_strict() -> None:
    path = DATA / "registry.yaml"
    if path.exists():
        node = yamlio.compose(path.read_bytes(), str(path))
        assert node is not None
        assert decode(node, schemas.REGISTRY, str(path))["components"]
