"""What a collector gives and a snapshot holds: measurements of subtypes of scalar readings. Frozen; no I/O.

The document form is that of spec/snapshot.md 1: ``measurements: [{type, subtypes: [{subtype, data, context,
items}]}]``. How well a part was read is no part of its data: it goes to the document's ``collection`` block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    Reading = bool | int | float | str

STATUSES = ("ok", "empty", "degraded", "failed", "timeout", "skipped", "forbidden")
"""How a part was read. Everything but ``ok`` and ``empty`` means that readings may be missing."""


def _text(_self: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{attribute.name} is {value!r}, not a text")


def _share(_self: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{attribute.name} is {value!r}, not between 0 and 1")


@attrs.frozen(kw_only=True)
class Item:
    """One of several like things under a subtype (a GPU, a network card): what names it, and its readings."""

    context: Mapping[str, str]
    data: Mapping[str, Reading]


@attrs.frozen(kw_only=True)
class Subtype:
    """A named group of readings, or the statement that it could not be read.

    ``data`` None leaves it out of the document; ``status``, ``reason`` (one line: why, and what to do) and
    ``source`` (what was asked: a path, a tool, an API) are recorded in the ``collection`` block either way.
    """

    name: str
    data: Mapping[str, Reading] | None
    context: Mapping[str, str] = attrs.field(factory=dict)
    items: tuple[Item, ...] = ()
    status: str = attrs.field(default="ok", validator=attrs.validators.in_(STATUSES))
    reason: str = ""
    source: str = ""


@attrs.frozen(kw_only=True)
class Measurement:
    """All subtypes of one type (``OS``, ``GPU``, ``K8s``, ...), in the order they are written."""

    type: str
    subtypes: tuple[Subtype, ...] = ()


@attrs.frozen(kw_only=True)
class Detection:
    """A criteria value that a matcher found in a snapshot.

    ``confidence`` is between 0 and 1; ``reading`` is the path of the reading it came from
    (``K8s.node.provider``). Raises ValueError for anything else.
    """

    value: str = attrs.field(validator=_text)
    confidence: float = attrs.field(validator=_share)
    reading: str = attrs.field(validator=_text)


def measurement_document(measurement: Measurement) -> dict[str, Any]:
    """Give the document form of a measurement; data sorted by key, subtypes in their own order."""
    subtypes = []
    for subtype in measurement.subtypes:
        if subtype.data is None:
            continue
        entry: dict[str, Any] = {
            "subtype": subtype.name,
            "data": dict(sorted(subtype.data.items())),
        }
        if subtype.context:
            entry["context"] = dict(sorted(subtype.context.items()))
        if subtype.items:
            entry["items"] = [
                {
                    "context": dict(sorted(item.context.items())),
                    "data": dict(sorted(item.data.items())),
                }
                for item in subtype.items
            ]
        subtypes.append(entry)
    document: dict[str, Any] = {"type": measurement.type}
    if subtypes:
        document["subtypes"] = subtypes
    return document
