"""Recognise accelerators by product names; which name is which accelerator stands in ``skus.toml``.

One function for each source, so that the core can say which of them differ. The driver is surest: it names what is
there. Labels of all nodes come next, then what the PCI bus shows. Nodes or documents that hold several products give
one detection for each.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

from aicr_core.api import Detection, readings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LABEL = "nvidia.com/gpu.product"
_SMI, _LABELS, _HARDWARE, _DEVICE, _SHORT = 0.95, 0.9, 0.85, 0.8, 0.6
_WORDS = re.compile(r"[\s\-_/(),]+")
# The feature discovery appends how a GPU is shared: it is no part of the product's name.
_SHARING = re.compile(r"(-MIG-[\w.+]+)?(-SHARED)?$", re.IGNORECASE)


def product(text: str) -> str | None:
    """Give the accelerator whose product name stands in ``text``, or None."""
    words = tuple(word for word in _WORDS.split(_SHARING.sub("", text.strip()).upper()) if word)
    for name, value in _table():
        for start in range(len(words) - len(name) + 1):
            if words[start : start + len(name)] == name:
                return value
    return None


@functools.cache
def _table() -> tuple[tuple[tuple[str, ...], str], ...]:
    """Give (words, accelerator) pairs, names with more and longer words first."""
    import importlib.resources
    import tomllib

    text = importlib.resources.files(__package__).joinpath("skus.toml").read_text("utf-8")
    names = [(tuple(name.upper().split()), value) for name, value in tomllib.loads(text).items()]
    return tuple(sorted(names, key=lambda pair: (-len(pair[0]), -len("".join(pair[0])), pair)))


def _found(named: Iterable[tuple[str, str]], place: str, confidence: float) -> list[Detection]:
    """Give one detection for each product among (key, product name) pairs: its first reading."""
    paths: dict[str, str] = {}
    for key, name in named:
        value = product(name)
        if value:
            paths.setdefault(value, f"{place}.{key}")
    return [
        Detection(value=value, confidence=confidence, reading=path) for value, path in paths.items()
    ]


def _keyed(snapshot: Mapping[str, Any], place: str, key: str) -> list[tuple[str, str]]:
    return [pair for pair in readings(snapshot, place, key) if pair[0] == key]


def smi(snapshot: Mapping[str, Any]) -> list[Detection]:
    """Detect by the name that the driver gives; ``model`` counts where ``gpu.model`` says nothing."""
    return _found(_keyed(snapshot, "GPU.smi", "gpu.model"), "GPU.smi", _SMI) or _found(
        _keyed(snapshot, "GPU.smi", "model"), "GPU.smi", _SHORT
    )


def devices(snapshot: Mapping[str, Any]) -> list[Detection]:
    """Detect by the name that the driver gives each single GPU: a host may hold several products."""
    named = [
        (key, name) for key, name in readings(snapshot, "GPU.devices") if key.endswith(".model")
    ]
    return _found(named, "GPU.devices", _SMI)


def device(snapshot: Mapping[str, Any]) -> list[Detection]:
    """Detect by the subtype ``device`` of early documents, with the keys of ``smi``."""
    return _found(_keyed(snapshot, "GPU.device", "gpu.model"), "GPU.device", _DEVICE) or _found(
        _keyed(snapshot, "GPU.device", "model"), "GPU.device", _SHORT
    )


def hardware(snapshot: Mapping[str, Any]) -> list[Detection]:
    """Detect by the model that the device ids on the PCI bus name."""
    return _found(_keyed(snapshot, "GPU.hardware", "model"), "GPU.hardware", _HARDWARE)


def label(snapshot: Mapping[str, Any]) -> list[Detection]:
    """Detect by the nodes' product label, an entry of which is ``product|node,node``.

    Where nodes differ, each product has an entry of its own, with the product in the key.
    """
    place = "NodeTopology.label"
    named = [(key, text.partition("|")[0]) for key, text in readings(snapshot, place, LABEL)]
    return _found(
        [(key, name) for key, name in named if key in (LABEL, f"{LABEL}.{name}")], place, _LABELS
    )
