"""Recognise Azure AKS: what the cloud wrote on the node, labels of node pools, marks in version texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import Detection, Sign, recognise

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGNS = (
    Sign("K8s.node.provider", 0.95, "aks|azure"),
    Sign("K8s.node.provider-id", 0.95, "azure://.*"),
    Sign("NodeTopology.label.kubernetes.azure.com/*", 0.9),
    Sign("K8s.server.version", 0.7, r".*[-+]aks\b.*"),
    Sign("K8s.node.kubelet-version", 0.7, r".*[-+]aks\b.*"),
)


def detect(snapshot: Mapping[str, Any]) -> Detection | None:
    """Give the service ``aks`` with the surest reading that shows it, or None."""
    return recognise(snapshot, "aks", SIGNS)
