"""Make small snapshot documents: ``snapshot({"K8s.node": {"provider": "x"}, "GPU.smi": {...}})``."""

from __future__ import annotations

from typing import Any


def snapshot(subtypes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Give the document with these subtypes, those of one type in one measurement."""
    measurements: dict[str, list[dict[str, Any]]] = {}
    for place, data in subtypes.items():
        kind, _, name = place.partition(".")
        measurements.setdefault(kind, []).append({"subtype": name, "data": data})
    return {
        "kind": "Snapshot",
        "measurements": [
            {"type": kind, "subtypes": subtypes} for kind, subtypes in measurements.items()
        ],
    }
