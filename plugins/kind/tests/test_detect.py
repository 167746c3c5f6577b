"""The readings that show the service kind in a snapshot, and readings that do not."""

from __future__ import annotations

from typing import Any

import pytest
from aicr_kind.detect import detect
from aicr_kind.hooks import aicr_matchers
from snapshots import snapshot

from aicr_core.plugins.manager import resolve


def test_the_hook_names_the_matcher() -> None:
    (matcher,) = aicr_matchers()
    assert (matcher.name, matcher.dimension) == ("kind", "service")
    assert resolve(matcher.detect) is detect


@pytest.mark.parametrize(
    ("place", "data", "confidence", "reading"),
    [
        ("K8s.node", {"provider": "kind"}, 0.95, "K8s.node.provider"),
        (
            "K8s.node",
            {"provider-id": "kind://docker/kind/kind-worker"},
            0.95,
            "K8s.node.provider-id",
        ),
        (
            "NodeTopology.label",
            {"kubernetes.io/hostname": "dev-control-plane|dev-control-plane"},
            0.4,
            "NodeTopology.label.kubernetes.io/hostname",
        ),
        (
            "NodeTopology.label",
            {
                "kubernetes.io/hostname.dev-worker2": "dev-worker2|dev-worker2",
                "kubernetes.io/hostname.dev-control-plane": "dev-control-plane|dev-control-plane",
            },
            0.4,
            "NodeTopology.label.kubernetes.io/hostname.dev-control-plane",
        ),
    ],
)
def test_recognised(place: str, data: dict[str, Any], confidence: float, reading: str) -> None:
    found = detect(snapshot({place: data}))
    assert found is not None
    assert (found.value, found.confidence, found.reading) == ("kind", confidence, reading)


@pytest.mark.parametrize(
    ("place", "data"),
    [
        ("K8s.node", {"provider": "k3s"}),
        ("NodeTopology.label", {"kubernetes.io/hostname": "dev-worker|dev-worker"}),
        (
            "NodeTopology.label",
            {
                "kubernetes.io/hostname.a-control-plane": "a-control-plane|a-control-plane",
                "kubernetes.io/hostname.b-worker": "b-worker|b-worker",
            },
        ),
        (
            "NodeTopology.label",
            {
                "kubernetes.io/hostname.a-control-plane": "a-control-plane|a-control-plane",
                "kubernetes.io/hostname.gpu-1": "gpu-1|gpu-1",
            },
        ),
        ("NodeTopology.label", {}),
    ],
)
def test_not_recognised(place: str, data: dict[str, Any]) -> None:
    assert detect(snapshot({place: data})) is None
