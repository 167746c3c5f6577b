"""Recognise Amazon EKS: what the cloud wrote on the node, labels of node groups, marks in version texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import Detection, Sign, recognise

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGNS = (
    Sign("K8s.node.provider", 0.95, "eks|aws"),
    Sign("K8s.node.provider-id", 0.95, "aws://.*"),
    Sign("NodeTopology.label.eks.amazonaws.com/*", 0.9),
    Sign("NodeTopology.label.alpha.eksctl.io/*", 0.9),
    Sign("K8s.server.version", 0.7, r".*[-+]eks\b.*"),
    Sign("K8s.node.kubelet-version", 0.7, r".*[-+]eks\b.*"),
)


def detect(snapshot: Mapping[str, Any]) -> Detection | None:
    """Give the service ``eks`` with the surest reading that shows it, or None."""
    return recognise(snapshot, "eks", SIGNS)
