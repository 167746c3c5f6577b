"""The readings that show the service oke in a snapshot, and readings that do not."""

from __future__ import annotations

from typing import Any

import pytest
from aicr_oke.detect import detect
from aicr_oke.hooks import aicr_matchers
from snapshots import snapshot

from aicr_core.plugins.manager import resolve


def test_the_hook_names_the_matcher() -> None:
    (matcher,) = aicr_matchers()
    assert (matcher.name, matcher.dimension) == ("oke", "service")
    assert resolve(matcher.detect) is detect


@pytest.mark.parametrize(
    ("place", "data", "confidence", "reading"),
    [
        ("K8s.node", {"provider": "oke"}, 0.95, "K8s.node.provider"),
        ("K8s.node", {"provider": "ocid1.instance.oc1.iad.x"}, 0.95, "K8s.node.provider"),
        ("K8s.node", {"provider-id": "ocid1.instance.oc1.iad.x"}, 0.95, "K8s.node.provider-id"),
        ("K8s.node", {"provider-id": "oci://ocid1.instance.x"}, 0.95, "K8s.node.provider-id"),
        (
            "NodeTopology.label",
            {"oke.oraclecloud.com/pool.name": "gpu|a"},
            0.9,
            "NodeTopology.label.oke.oraclecloud.com/pool.name",
        ),
        (
            "NodeTopology.label",
            {"oci.oraclecloud.com/fault-domain": "FD-1|a"},
            0.6,
            "NodeTopology.label.oci.oraclecloud.com/fault-domain",
        ),
    ],
)
def test_recognised(place: str, data: dict[str, Any], confidence: float, reading: str) -> None:
    found = detect(snapshot({place: data}))
    assert found is not None
    assert (found.value, found.confidence, found.reading) == ("oke", confidence, reading)


@pytest.mark.parametrize(
    ("place", "data"),
    [
        ("K8s.node", {"provider": "gke"}),
        ("K8s.node", {"os-image": "Oracle Linux Server 8.10"}),
    ],
)
def test_not_recognised(place: str, data: dict[str, Any]) -> None:
    assert detect(snapshot({place: data})) is None
