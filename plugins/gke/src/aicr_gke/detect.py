"""Recognise Google GKE: what the cloud wrote on the node, labels of node pools, marks in version texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import Detection, Sign, recognise

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGNS = (
    Sign("K8s.node.provider", 0.95, "gke|gce"),
    Sign("K8s.node.provider-id", 0.95, "gce://.*"),
    Sign("NodeTopology.label.cloud.google.com/gke-*", 0.9),
    Sign("K8s.server.version", 0.7, r".*[-+]gke\b.*"),
    Sign("K8s.node.kubelet-version", 0.7, r".*[-+]gke\b.*"),
)


def detect(snapshot: Mapping[str, Any]) -> Detection | None:
    """Give the service ``gke`` with the surest reading that shows it, or None."""
    return recognise(snapshot, "gke", SIGNS)
