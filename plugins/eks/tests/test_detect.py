"""The readings that show the service eks in a snapshot, and readings that do not."""

from __future__ import annotations

from typing import Any

import pytest
from aicr_eks.detect import detect
from aicr_eks.hooks import aicr_matchers
from snapshots import snapshot

from aicr_core.plugins.manager import resolve


def test_the_hook_names_the_matcher() -> None:
    (matcher,) = aicr_matchers()
    assert (matcher.name, matcher.dimension) == ("eks", "service")
    assert resolve(matcher.detect) is detect


@pytest.mark.parametrize(
    ("place", "data", "confidence", "reading"),
    [
        ("K8s.node", {"provider": "eks"}, 0.95, "K8s.node.provider"),
        ("K8s.node", {"provider": "aws"}, 0.95, "K8s.node.provider"),
        ("K8s.node", {"provider-id": "aws:///us-west-2a/i-0123"}, 0.95, "K8s.node.provider-id"),
        (
            "NodeTopology.label",
            {"eks.amazonaws.com/nodegroup": "gpu|a,b"},
            0.9,
            "NodeTopology.label.eks.amazonaws.com/nodegroup",
        ),
        (
            "NodeTopology.label",
            {"alpha.eksctl.io/cluster-name": "x|a"},
            0.9,
            "NodeTopology.label.alpha.eksctl.io/cluster-name",
        ),
        ("K8s.server", {"version": "v1.33.4-eks-99d6cc0"}, 0.7, "K8s.server.version"),
        # The reference wants a dash behind the mark (B8).
        ("K8s.server", {"version": "v1.30.0-eks"}, 0.7, "K8s.server.version"),
        ("K8s.node", {"kubelet-version": "v1.33.4-eks-9"}, 0.7, "K8s.node.kubelet-version"),
    ],
)
def test_recognised(place: str, data: dict[str, Any], confidence: float, reading: str) -> None:
    found = detect(snapshot({place: data}))
    assert found is not None
    assert (found.value, found.confidence, found.reading) == ("eks", confidence, reading)


@pytest.mark.parametrize(
    ("place", "data"),
    [
        ("K8s.node", {"provider": "gke"}),
        ("K8s.server", {"version": "v1.33.0+rke2r1"}),
        ("K8s.server", {"version": "v1.33.0-eksish"}),
        # The cloud's own controller sets this on every cluster there, managed or not.
        ("NodeTopology.label", {"k8s.io/cloud-provider-aws": "x|a"}),
        ("K8s.image", {"provider": "eks"}),
    ],
)
def test_not_recognised(place: str, data: dict[str, Any]) -> None:
    assert detect(snapshot({place: data})) is None
