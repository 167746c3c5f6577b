"""Read snapshot documents of every generation, of any size, YAML or JSON, plain or gzip (spec/snapshot.md 1.3, 10).

A snapshot is written by machines and read by later versions: unknown fields are ignored. Readings that are no scalars
keep the text form the reference gives them. Two readers give the same document: a quick one for what machines write,
and the full parsers, which say at which line something is wrong. Where bytes come from is ``app.sources``' business.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aicr_core.engine import schemas
from aicr_core.kit import fastyaml, yamlio
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.scalars import Stamp
from aicr_core.kit.schema import Misfit, decode, fit

if TYPE_CHECKING:
    from collections.abc import Iterable

Document = dict[str, Any]
KINDS = ("Snapshot", "FleetSnapshot")
MAX_BYTES = 64 * 1024 * 1024
"""What a snapshot may be, unpacked."""
_SCALARS = frozenset((str, Stamp, int, float, bool))
_JSON_START = re.compile(r"\s*[{\[]")
_LONE = re.compile(r"\\u[dD][89a-fA-F]")


def load(
    data: bytes, source: str, fmt: str = "yaml", *, limit: int = MAX_BYTES, merge: bool = True
) -> tuple[Document, list[str]]:
    """Give the document and what to warn of.

    Of two measurements of one type the subtypes are merged; without ``merge`` they stand as in the file, and who
    reads a path sees the first (spec/validate.md 2.2). ``fmt`` is what the name or the server says; content that is
    plainly JSON is read as JSON. ``limit`` is in bytes, after unpacking. Raises AicrError(INVALID_REQUEST) naming
    file, and where it can line and column.
    """
    text = _text(_unpacked(data, source, limit), source, limit)
    document = _quick(text, fmt)
    if document is None:
        document = _full(text, source, fmt)
    if _LONE.search(text):
        document = _well_formed(document)
    return _checked(document, source, merge=merge)


def _text(data: bytes, source: str, limit: int) -> str:
    if len(data) > limit:
        raise AicrError(
            Code.INVALID_REQUEST, f"the snapshot is over the limit of {limit / 2**20:g} MiB", where=source,
            hint="diff and fleet take --max-input-size; or write snapshots with --max-nodes-per-entry",
        )  # fmt: skip
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise AicrError(
            Code.INVALID_REQUEST, f"byte 0x{data[error.start]:02x} is not UTF-8", where=f"{source}:{line}",
            hint="save the file as UTF-8",
        ) from None  # fmt: skip


def _unpacked(data: bytes, source: str, limit: int) -> bytes:
    if data[:2] != b"\x1f\x8b":
        return data
    import zlib

    unpacker = zlib.decompressobj(wbits=31)
    try:
        found = unpacker.decompress(data, limit + 1)
    except zlib.error as error:
        raise AicrError(Code.INVALID_REQUEST, f"not valid gzip: {error}", where=source) from None
    if len(found) <= limit and not unpacker.eof:
        raise AicrError(Code.INVALID_REQUEST, "the gzip file is cut off", where=source)
    return found


def _quick(text: str, fmt: str) -> Document | None:
    """Give the document as the full parsers would; None when it takes them to read it or to say what is wrong."""
    try:
        is_json = fmt == "json" or _JSON_START.match(text)
        value = _json(text) if is_json else fastyaml.load(text)
        _check_kind(value, "")
        document: Document = fit(value, schemas.SNAPSHOT)
    except (fastyaml.Unsupported, Misfit, AicrError, ValueError, RecursionError):
        return None
    return document


def _json(text: str) -> Any:
    """Give the first JSON value; whatever stands behind it is not looked at (spec/snapshot.md 1.3)."""
    import json

    start = len(text) - len(text.lstrip())
    return json.JSONDecoder(parse_int=_integer, parse_float=_float).raw_decode(text, start)[0]


def _integer(text: str) -> int | float:
    """Give an integer of a JSON text; what no 64-bit number holds is a float (spec/snapshot.md 1.2)."""
    value = int(text)
    if text == "-0":
        return -0.0
    return value if -(2**63) <= value < 2**64 else float(value)


def _float(text: str) -> float:
    """Give a number; the full parser says what is wrong with one that no 64-bit float holds."""
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(text)
    return value


def _full(text: str, source: str, fmt: str) -> Document:
    node = yamlio.compose_json(text, source) if fmt == "json" else yamlio.compose(text, source)
    if node is None or (node.is_null() and fmt != "json"):
        raise AicrError(
            Code.INVALID_REQUEST, "the file is empty, expected a Snapshot", where=source
        )
    if node.is_null():
        return {}
    if node.kind == yamlio.MAP:
        # The kind comes before the fields, so that a wrong file is called that first.
        head = {
            key: value.value
            for key, value in node.items()
            if value.kind == yamlio.SCALAR and not value.is_null()
        }
        _check_kind(head, source)
    document: Document = decode(node, schemas.SNAPSHOT, source, dropped=[])
    return document


def _check_kind(head: Any, source: str) -> None:
    kind = head.get("kind") if isinstance(head, dict) else None
    if kind and kind not in KINDS:
        raise AicrError(
            Code.INVALID_REQUEST, f'kind is "{kind}", expected "Snapshot"', where=source,
            hint="give the output of `aicr snapshot`",
        )  # fmt: skip


def _well_formed(value: Any) -> Any:
    """Put U+FFFD for halves of characters, which JSON can spell and UTF-8 cannot write."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_well_formed(item) for item in value]
    if isinstance(value, dict):
        return {_well_formed(key): _well_formed(item) for key, item in value.items()}
    return value


def _checked(document: Document, source: str, *, merge: bool) -> tuple[Document, list[str]]:
    version = document.get("apiVersion", "")
    if version and version not in schemas.ACCEPTED["Snapshot"]:
        raise AicrError(
            Code.INVALID_REQUEST, f'apiVersion "{version}" is not known for Snapshot', where=source,
            hint=f"accepted: {', '.join(schemas.ACCEPTED['Snapshot'])}",
        )  # fmt: skip
    warnings: list[str] = []
    measurements: list[Document] = []
    for measurement in document.get("measurements", ()):
        kind = measurement.get("type", "")
        entry: Document = {"type": kind}
        if "subtypes" in measurement:
            entry["subtypes"] = _subtypes(kind, measurement["subtypes"], source, warnings)
        number = next((n for n, item in enumerate(measurements) if item["type"] == kind), -1)
        if number >= 0:
            what = "they are merged" if merge else "constraints read the first"
            warnings.append(f"{source}: there are two measurements {kind or '(no type)'}; {what}")
        if number >= 0 and merge:
            both = [*measurements[number].get("subtypes", ()), *entry.get("subtypes", ())]
            measurements[number] = {"type": kind, "subtypes": united(both)}
        else:
            measurements.append(entry)
    fleet = document.get("fleet")
    for group in fleet.get("groups", ()) if fleet else ():
        if "measurements" in group:
            group["measurements"] = [
                {**item, "subtypes": _subtypes(item.get("type", ""), item.get("subtypes", ()), source, warnings)}
                for item in group["measurements"]
            ]  # fmt: skip
    return {**document, "measurements": measurements}, warnings


def _subtypes(
    kind: str, subtypes: Iterable[Document], source: str, warnings: list[str]
) -> list[Document]:
    found = []
    for subtype in subtypes:
        name = subtype.get("subtype", "")
        place = f"{kind}.{name}"
        entry = {
            "subtype": name,
            "data": _scalars(subtype.get("data", {}), place, source, warnings),
        }
        if "context" in subtype:
            entry["context"] = subtype["context"]
        if "items" in subtype:
            entry["items"] = [
                {
                    "context": item.get("context", {}),
                    "data": _scalars(item.get("data", {}), f"{place}[{number}]", source, warnings),
                }
                for number, item in enumerate(subtype["items"])
            ]
        found.append(entry)
    return found


def _scalars(data: Document, place: str, source: str, warnings: list[str]) -> Document:
    odd = [key for key, value in data.items() if value.__class__ not in _SCALARS]
    if not odd:
        return data
    for key in odd:
        text = go_text(data[key])
        warnings.append(f"{source}: {place}.{key} is no scalar; it is read as the text {text[:60]}")
    return {**data, **{key: go_text(data[key]) for key in odd}}


def united(subtypes: Iterable[Document]) -> list[Document]:
    """Unite subtypes by name, readings by key; the later one wins (spec/snapshot.md 1.4)."""
    found: dict[str, Document] = {}
    for subtype in subtypes:
        known = found.get(subtype["subtype"])
        if known is not None:
            subtype = {**known, **subtype, "data": {**known["data"], **subtype["data"]}}
        found[subtype["subtype"]] = subtype
    return list(found.values())


def go_text(value: Any) -> str:
    """Give a value that is no scalar in the form in which Go prints it (spec/snapshot.md 1.2)."""
    from aicr_core.kit.emit import as_text

    if value is None:
        return "<nil>"
    if isinstance(value, list):
        return f"[{' '.join(go_text(item) for item in value)}]"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{go_text(value[key])}' for key in sorted(value))}]"
    return as_text(value)
