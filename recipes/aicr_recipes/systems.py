"""Recognise operating systems: by the ID in os-release, or by the image text that the node reports.

A value that no catalogue knows yet is given all the same, so that the recipe says what it does not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import Detection, Sign, readings, recognise

if TYPE_CHECKING:
    from collections.abc import Mapping

_ID = 0.95
_IMAGE = 0.7
# ID of os-release, lower case -> criteria value.
IDS = {
    "al2": "amazonlinux",
    "al2023": "amazonlinux",
    "amazonlinux": "amazonlinux",
    "amzn": "amazonlinux",
    "cos": "cos",
    "ol": "ol",
    "rhel": "rhel",
    "talos": "talos",
    "ubuntu": "ubuntu",
}
# How the node's image text begins -> criteria value. CoreOS is built from RHEL, but drivers are not installed so.
IMAGES = {
    "amazonlinux": "amazon linux.*",
    "cos": "container-optimized os.*",
    "ol": "oracle linux.*",
    "rhel": "red hat enterprise linux (?!coreos).*",
    "talos": "talos.*",
    "ubuntu": "ubuntu.*",
}


def release(snapshot: Mapping[str, Any]) -> list[Detection]:
    """Detect by ``ID`` of os-release."""
    found = [
        IDS.get(text.strip().lower())
        for key, text in readings(snapshot, "OS.release", "ID")
        if key == "ID"
    ]
    return [
        Detection(value=value, confidence=_ID, reading="OS.release.ID") for value in found if value
    ]


def image(snapshot: Mapping[str, Any]) -> Detection | None:
    """Detect by the image text of the node: for snapshots without a host's files."""
    for value, says in IMAGES.items():
        found = recognise(snapshot, value, [Sign("K8s.node.os-image", _IMAGE, says)])
        if found:
            return found
    return None
