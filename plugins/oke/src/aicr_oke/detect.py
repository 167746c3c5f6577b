"""Recognise Oracle OKE: what the cloud wrote on the node, and labels of node pools; its versions bear no mark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import Detection, Sign, recognise

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGNS = (
    # The provider id is often a bare OCID without a scheme, which the collector passes on whole.
    Sign("K8s.node.provider", 0.95, r"oke|oci|ocid1\..*"),
    Sign("K8s.node.provider-id", 0.95, r"oci://.*|ocid1\..*"),
    Sign("NodeTopology.label.oke.oraclecloud.com/*", 0.9),
    # Set by the cloud's controller manager, also on clusters that somebody runs themselves there.
    Sign("NodeTopology.label.oci.oraclecloud.com/*", 0.6),
)


def detect(snapshot: Mapping[str, Any]) -> Detection | None:
    """Give the service ``oke`` with the surest reading that shows it, or None."""
    return recognise(snapshot, "oke", SIGNS)
