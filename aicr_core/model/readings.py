"""How a plugin looks into a snapshot: readings by place, and signs that give a criteria value away. Pure; no I/O.

A snapshot here is the document (spec/snapshot.md 1). The order of its measurements and subtypes never changes an
answer, and a type or subtype that stands twice counts with all its readings.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs

from aicr_core.kit.emit import as_text
from aicr_core.model.snapshot import Detection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def readings(snapshot: Mapping[str, Any], place: str, prefix: str = "") -> list[tuple[str, str]]:
    """Give (key, text) of the readings of the subtype ``place`` (``K8s.node``) whose keys begin with ``prefix``.

    Those of its n-th item have the keys ``n.key``, from 0. They are sorted, and equal pairs stand once.
    """
    kind, _, name = place.partition(".")
    found = {
        (key, as_text(value))
        for measurement in snapshot.get("measurements") or ()
        if measurement.get("type") == kind
        for subtype in measurement.get("subtypes") or ()
        if subtype.get("subtype") == name
        for key, value in _pairs(subtype)
        if key.startswith(prefix)
    }
    return sorted(found)


def _pairs(subtype: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from (subtype.get("data") or {}).items()
    for number, item in enumerate(subtype.get("items") or ()):
        for key, value in (item.get("data") or {}).items():
            yield f"{number}.{key}", value


@attrs.frozen
class Sign:
    """A reading that gives a criteria value away.

    ``reading`` is its path ``Type.subtype.key``; a key that ends with ``*`` stands for all keys that begin so.
    ``confidence`` is between 0 and 1. ``says`` is a regular expression for the whole text, in any case.
    """

    reading: str
    confidence: float
    says: str = ".*"


def recognise(snapshot: Mapping[str, Any], value: str, signs: Iterable[Sign]) -> Detection | None:
    """Give ``value`` with the surest of its signs that the snapshot shows, or None when it shows none."""
    for sign in sorted(signs, key=lambda sign: -sign.confidence):
        kind, name, key = sign.reading.split(".", 2)
        place, start = f"{kind}.{name}", key.removesuffix("*")
        says = re.compile(sign.says, re.IGNORECASE | re.DOTALL)
        for found, text in readings(snapshot, place, start):
            if (found == key or key.endswith("*")) and says.fullmatch(text.strip()):
                return Detection(
                    value=value, confidence=sign.confidence, reading=f"{place}.{found}"
                )
    return None
