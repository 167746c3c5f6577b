"""The readings that show the service gke in a snapshot, and readings that do not."""

from __future__ import annotations

from typing import Any

import pytest
from aicr_gke.detect import detect
from aicr_gke.hooks import aicr_matchers
from snapshots import snapshot

from aicr_core.plugins.manager import resolve


def test_the_hook_names_the_matcher() -> None:
    (matcher,) = aicr_matchers()
    assert (matcher.name, matcher.dimension) == ("gke", "service")
    assert resolve(matcher.detect) is detect


@pytest.mark.parametrize(
    ("place", "data", "confidence", "reading"),
    [
        ("K8s.node", {"provider": "gke"}, 0.95, "K8s.node.provider"),
        ("K8s.node", {"provider-id": "gce://project/zone/node"}, 0.95, "K8s.node.provider-id"),
        (
            "NodeTopology.label",
            {
                "cloud.google.com/gke-nodepool.gpu": "gpu|a",
                "cloud.google.com/gke-nodepool.cpu": "cpu|b",
            },
            0.9,
            "NodeTopology.label.cloud.google.com/gke-nodepool.cpu",
        ),
        ("K8s.server", {"version": "v1.32.4-gke.1533000"}, 0.7, "K8s.server.version"),
        ("K8s.node", {"kubelet-version": "v1.32.4-gke.1"}, 0.7, "K8s.node.kubelet-version"),
    ],
)
def test_recognised(place: str, data: dict[str, Any], confidence: float, reading: str) -> None:
    found = detect(snapshot({place: data}))
    assert found is not None
    assert (found.value, found.confidence, found.reading) == ("gke", confidence, reading)


@pytest.mark.parametrize(
    ("place", "data"),
    [
        ("K8s.node", {"provider": "eks"}),
        ("NodeTopology.label", {"cloud.google.com/machine-family": "n2|a"}),
        ("K8s.server", {"version": "v1.32.4"}),
    ],
)
def test_not_recognised(place: str, data: dict[str, Any]) -> None:
    assert detect(snapshot({place: data})) is None
