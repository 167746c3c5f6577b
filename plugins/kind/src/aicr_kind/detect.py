"""Recognise kind: the provider id it gives each node, or the names and the system of its nodes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aicr_core.api import Detection, Sign, readings, recognise

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGNS = (
    Sign("K8s.node.provider", 0.95, "kind"),
    Sign("K8s.node.provider-id", 0.95, "kind://.*"),
)
HOSTNAME = "kubernetes.io/hostname"
_NODE = re.compile(r"(?P<cluster>.+)-(?P<role>control-plane|worker)\d*")
_BY_NAMES = 0.4


def detect(snapshot: Mapping[str, Any]) -> Detection | None:
    """Give the service ``kind`` with the reading that shows it, or None."""
    return recognise(snapshot, "kind", SIGNS) or _by_names(snapshot)


def _by_names(snapshot: Mapping[str, Any]) -> Detection | None:
    """Recognise the pattern of kind's node names; weak, for anybody may name nodes so."""
    names = [
        (key, text.partition("|")[0])
        for key, text in readings(snapshot, "NodeTopology.label", HOSTNAME)
        if key in _keys(text)
    ]
    nodes = [_NODE.fullmatch(name) for _, name in names]
    found = [(node["cluster"], node["role"]) for node in nodes if node]
    if not found or len(found) < len(nodes) or len({cluster for cluster, _ in found}) > 1:
        return None
    if "control-plane" not in {role for _, role in found}:
        return None
    place = f"NodeTopology.label.{names[0][0]}"
    return Detection(value="kind", confidence=_BY_NAMES, reading=place)


def _keys(text: str) -> tuple[str, str]:
    """Give the keys a host name's entry may have: with its value where nodes differ, else without."""
    return HOSTNAME, f"{HOSTNAME}.{text.partition('|')[0]}"
