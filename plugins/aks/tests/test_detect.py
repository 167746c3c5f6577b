"""The readings that show the service aks in a snapshot, and readings that do not."""

from __future__ import annotations

from typing import Any

import pytest
from aicr_aks.detect import detect
from aicr_aks.hooks import aicr_matchers
from snapshots import snapshot

from aicr_core.plugins.manager import resolve


def test_the_hook_names_the_matcher() -> None:
    (matcher,) = aicr_matchers()
    assert (matcher.name, matcher.dimension) == ("aks", "service")
    assert resolve(matcher.detect) is detect


@pytest.mark.parametrize(
    ("place", "data", "confidence", "reading"),
    [
        ("K8s.node", {"provider": "aks"}, 0.95, "K8s.node.provider"),
        ("K8s.node", {"provider-id": "azure:///subscriptions/s/x"}, 0.95, "K8s.node.provider-id"),
        (
            "NodeTopology.label",
            {"kubernetes.azure.com/cluster": "MC_x|a"},
            0.9,
            "NodeTopology.label.kubernetes.azure.com/cluster",
        ),
        ("K8s.server", {"version": "v1.31.1-aks"}, 0.7, "K8s.server.version"),
    ],
)
def test_recognised(place: str, data: dict[str, Any], confidence: float, reading: str) -> None:
    found = detect(snapshot({place: data}))
    assert found is not None
    assert (found.value, found.confidence, found.reading) == ("aks", confidence, reading)


@pytest.mark.parametrize(
    ("place", "data"),
    [
        ("K8s.node", {"provider": "eks"}),
        ("K8s.node", {"kernel-version": "5.15.0-1084-azure"}),
        ("K8s.server", {"version": "v1.32.4"}),
    ],
)
def test_not_recognised(place: str, data: dict[str, Any]) -> None:
    assert detect(snapshot({place: data})) is None
