"""Constraint paths: which reading of a snapshot ``Type.Subtype.Key`` names, and its text as the reference writes it.

The rules are spec/validate.md 2.1 and 2.2, with the item selectors of the later schema:
``NetworkTopology.pfs[0].rail``, ``NetworkTopology.pfs[rail=3].pciAddress``. Texts are compared elsewhere.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.kit.errors import AicrError, Code, nearest
from aicr_core.kit.scalars import Stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Document = Mapping[str, Any]

TYPES = ("K8s", "GPU", "OS", "SystemD", "NodeTopology", "NetworkTopology")
_HINT = "write Type.Subtype.Key, such as K8s.server.version"


class Path(NamedTuple):
    """The three parts of a path; ``selector`` is what stands in brackets behind the subtype."""

    type: str
    subtype: str
    key: str
    selector: str = ""


def parse(text: str) -> Path:
    """Split a path; the key keeps its dots. Raises AicrError(INVALID_REQUEST) with the nearest known type."""
    kind, dot, rest = text.partition(".")
    bracket, first = rest.find("["), rest.find(".")
    selector = ""
    if bracket > -1 and (first == -1 or bracket < first):
        subtype, selector, rest = _selector(text, rest, bracket)
        key = rest.removeprefix(".")
        second = "." if rest.startswith(".") else ""
    else:
        subtype, second, key = rest.partition(".")
    if not dot or not second:
        raise _malformed(text, "is no path of a reading")
    if kind not in TYPES:
        close = nearest(kind, TYPES)
        hint = f'did you mean "{close}"?' if close else f"types: {', '.join(TYPES)}"
        raise AicrError(
            Code.INVALID_REQUEST, f'"{text}" begins with "{kind}", which is no type', hint=hint
        )
    if not subtype or not key:
        raise _malformed(text, "has an empty part")
    return Path(kind, subtype, key, selector)


def _selector(text: str, rest: str, bracket: int) -> tuple[str, str, str]:
    end = rest.find("]", bracket)
    if end == -1:
        raise _malformed(text, "has a bracket that is not closed")
    selector = rest[bracket + 1 : end]
    field, equals, value = selector.partition("=")
    if not (re.fullmatch("[0-9]+", selector, re.ASCII) or (equals and field and value)):
        raise AicrError(
            Code.INVALID_REQUEST, f'"{text}" selects no item with "{selector}"',
            hint="write an index from 0, or field=value",
        )  # fmt: skip
    return rest[:bracket], selector, rest[end + 1 :]


def _malformed(text: str, why: str) -> AicrError:
    return AicrError(Code.INVALID_REQUEST, f'"{text}" {why}', hint=_HINT)


def value(snapshot: Document, path: Path) -> Any:
    """Give the value of a reading.

    Raises AicrError: NOT_FOUND, naming what is missing and the nearest there is; CONFLICT when a selector finds
    several.
    """
    measurement = _first(snapshot.get("measurements") or (), "type", path.type)
    if measurement is None:
        types = [str(item.get("type")) for item in snapshot.get("measurements") or ()]
        raise _missing(f"the snapshot has no measurement {path.type}", "", types)
    subtype = _first(measurement.get("subtypes") or (), "subtype", path.subtype)
    if subtype is None:
        names = [str(item.get("subtype")) for item in measurement.get("subtypes") or ()]
        raise _missing(f"{path.type} has no subtype {path.subtype}", path.subtype, names)
    if path.selector:
        return _of_item(subtype, path)
    data = subtype.get("data") or {}
    if path.key not in data:
        raise _missing(f"{path.type}.{path.subtype} has no reading {path.key}", path.key, data)
    return data[path.key]


def _first(items: Iterable[Document], field: str, wanted: str) -> Document | None:
    return next((item for item in items if item.get(field) == wanted), None)


def _missing(text: str, wanted: str, known: Iterable[str]) -> AicrError:
    known = list(known)
    close = nearest(wanted, known) if wanted else None
    there = ", ".join(sorted(known)[:10]) or "nothing"
    hint = f'did you mean "{close}"?' if close else f"there is {there}"
    return AicrError(Code.NOT_FOUND, text, hint=hint)


def _of_item(subtype: Document, path: Path) -> Any:
    items: Sequence[Document] = subtype.get("items") or ()
    field, equals, wanted = path.selector.partition("=")
    if not equals:
        index = int(path.selector) if len(path.selector) < 10 else len(items)
        if index >= len(items):
            raise AicrError(
                Code.NOT_FOUND, f"{path.type}.{path.subtype} has {len(items)} items, none at {path.selector}",
                hint="items count from 0",
            )  # fmt: skip
        return _of_parts(items[index], path.key, path)
    found = [item for item in items if _matches(item, field, wanted)]
    if not found:
        raise AicrError(
            Code.NOT_FOUND, f"no item of {path.type}.{path.subtype} has {path.selector}",
            hint="look at the items in the snapshot",
        )  # fmt: skip
    if len(found) > 1:
        raise AicrError(
            Code.CONFLICT, f"{len(found)} items of {path.type}.{path.subtype} have {path.selector}",
            hint="select by a field that is unique, or by index",
        )  # fmt: skip
    return _of_parts(found[0], path.key, path)


def _matches(item: Document, field: str, wanted: str) -> bool:
    for part in ("data", "context"):
        values = item.get(part) or {}
        if field in values:
            return text_of(values[field]) == wanted
    return False


def _of_parts(item: Document, key: str, path: Path) -> Any:
    for part in ("data", "context"):
        if key in (item.get(part) or {}):
            return item[part][key]
    raise _missing(
        f"the item of {path.type}.{path.subtype} has no {key}", key, item.get("data") or {}
    )


def text_of(value: Any, *, json: bool = False) -> str:
    """Give the text that a reading is compared as (spec/validate.md 2.2); in JSON every number is a float there."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) or (json and isinstance(value, int)):
        return float_text(float(value))
    if isinstance(value, list):
        return f"[{' '.join(text_of(item, json=json) for item in value)}]"
    if isinstance(value, dict):
        pairs = (f"{key}:{text_of(value[key], json=json)}" for key in sorted(value))
        return f"map[{' '.join(pairs)}]"
    return value.compared() if isinstance(value, Stamp) else str(value)


def float_text(value: float) -> str:
    """Give a number as the reference writes a reading: the shortest digits that read back the same.

    From 10^6 on and below 10^-4 it has an exponent of at least two digits.
    """
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    mantissa, _, exponent = f"{value!r}".partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0").rstrip("0")
    if not digits:
        return f"{sign}0"
    leading = len(whole + fraction) - len((whole + fraction).lstrip("0"))
    first = len(whole) - leading - 1 + int(exponent or 0)
    if first < -4 or first >= 6:
        rest = f".{digits[1:]}" if digits[1:] else ""
        return f"{sign}{digits[0]}{rest}e{'-' if first < 0 else '+'}{abs(first):02}"
    if first < 0:
        return f"{sign}0.{'0' * (-first - 1)}{digits}"
    digits = digits.ljust(first + 1, "0")
    rest = f".{digits[first + 1 :]}" if digits[first + 1 :] else ""
    return f"{sign}{digits[: first + 1]}{rest}"
