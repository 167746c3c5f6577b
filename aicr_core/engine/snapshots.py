"""Read snapshot documents of every generation, of any size, YAML or JSON, plain or gzip (spec/snapshot.md 1.3, 10).

A snapshot is written by machines and read by later versions: unknown fields are ignored. Readings that are no scalars
keep the text form the reference gives them. Where the bytes come from is ``app.sources``' business.
"""

from __future__ import annotations

from typing import Any

from aicr_core.engine import schemas
from aicr_core.kit import yamlio
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.schema import decode

Document = dict[str, Any]
KINDS = ("Snapshot", "FleetSnapshot")
MAX_BYTES = 64 * 1024 * 1024
"""What a snapshot may be, unpacked."""
_SMALL = 1_000_000
"""Up to here the full parsers are quick enough, and their messages name line and column."""


def load(
    data: bytes, source: str, fmt: str = "yaml", *, limit: int = MAX_BYTES
) -> tuple[Document, list[str]]:
    """Give the document and what to warn of.

    ``fmt`` is what the name or the server says; content that is plainly JSON is read as JSON. Raises
    AicrError(INVALID_REQUEST) naming file, and where it can line and column.
    """
    data = _unpacked(data, source, limit)
    if len(data) > limit:
        raise AicrError(
            Code.INVALID_REQUEST, f"the snapshot is over the limit of {limit} bytes", where=source,
            hint="raise it with --max-input-size, or write snapshots with --max-nodes-per-entry",
        )  # fmt: skip
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise AicrError(
            Code.INVALID_REQUEST,
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            where=f"{source}:{line}",
        ) from None
    if fmt != "json" and text.lstrip()[:1] in ("{", "["):
        # JSON is YAML too, but the JSON reader is a hundred times faster; what it refuses may still be YAML.
        try:
            return _checked(_json(text, source), source)
        except AicrError:
            if len(text) > _SMALL:
                raise
    if fmt == "json":
        return _checked(_json(text, source), source)
    return _checked(_yaml(text, source), source)


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


def _json(text: str, source: str) -> Document:
    if len(text) <= _SMALL:
        node = yamlio.compose_json(text, source)
        if node.is_null():
            return {}
        _check_head(node, source)
        document: Document = decode(node, schemas.SNAPSHOT, source, dropped=[])
        return document
    import json

    try:
        value, _ = json.JSONDecoder().raw_decode(text, len(text) - len(text.lstrip()))
    except (json.JSONDecodeError, RecursionError) as error:
        raise AicrError(Code.INVALID_REQUEST, f"not valid JSON: {error}", where=source) from None
    return _large(value, source)


def _yaml(text: str, source: str) -> Document:
    if len(text) > _SMALL:
        from aicr_core.kit import fastyaml

        try:
            return _large(fastyaml.load(text), source)
        except fastyaml.Unsupported:
            pass
    node = yamlio.compose(text, source)
    if node is None or node.is_null():
        raise AicrError(
            Code.INVALID_REQUEST, "the file is empty, expected a Snapshot", where=source
        )
    _check_head(node, source)
    document: Document = decode(node, schemas.SNAPSHOT, source, dropped=[])
    return document


def _check_head(node: yamlio.Node, source: str) -> None:
    """Check the kind before the fields, so that a wrong file is called that first."""
    if node.kind == yamlio.MAP:
        for key, value in node.items():
            if key == "kind" and value.kind == yamlio.SCALAR and not value.is_null():
                _check_kind(str(value.value), source)


def _check_kind(kind: str, source: str) -> None:
    if kind and kind not in KINDS:
        raise AicrError(
            Code.INVALID_REQUEST, f'kind is "{kind}", expected "Snapshot"', where=source,
            hint="give the output of `aicr snapshot`",
        )  # fmt: skip


def _large(value: Any, source: str) -> Document:
    """Check the shape of a document that was read without positions."""
    if not isinstance(value, dict):
        raise AicrError(Code.INVALID_REQUEST, "the document must be a mapping", where=source)
    _check_kind(str(value.get("kind") or ""), source)
    measurements = value.get("measurements") or []
    for first, measurement in enumerate(_list(measurements, "measurements", source)):
        path = f"measurements[{first}]"
        _map(measurement, path, source)
        for second, subtype in enumerate(
            _list(measurement.get("subtypes") or [], f"{path}.subtypes", source)
        ):
            place = f"{path}.subtypes[{second}]"
            _map(subtype, place, source)
            _map(subtype.get("data") or {}, f"{place}.data", source)
    known = schemas.SNAPSHOT.fields
    return {key: item for key, item in value.items() if key in known and item is not None}


def _list(value: Any, path: str, source: str) -> list[Any]:
    if not isinstance(value, list):
        raise AicrError(Code.INVALID_REQUEST, f"{path} must be a list", where=source)
    return value


def _map(value: Any, path: str, source: str) -> None:
    if not isinstance(value, dict):
        raise AicrError(Code.INVALID_REQUEST, f"{path} must be a mapping", where=source)


def _checked(document: Document, source: str) -> tuple[Document, list[str]]:
    version = document.get("apiVersion", "")
    if version and version not in schemas.ACCEPTED["Snapshot"]:
        raise AicrError(
            Code.INVALID_REQUEST, f'apiVersion "{version}" is not known for Snapshot', where=source,
            hint=f"accepted: {', '.join(schemas.ACCEPTED['Snapshot'])}",
        )  # fmt: skip
    warnings: list[str] = []
    measurements = []
    for measurement in document.get("measurements") or ():
        subtypes = []
        for subtype in measurement.get("subtypes") or ():
            place = f"{measurement.get('type', '')}.{subtype.get('subtype', '')}"
            data = subtype.get("data") or {}
            odd = [
                key
                for key, value in data.items()
                if value is None or isinstance(value, (list, dict))
            ]
            if odd:
                warnings.append(f"{source}: {place}.{odd[0]} is no scalar; it is read as text")
                data = {**data, **{key: go_text(data[key]) for key in odd}}
            subtypes.append({**subtype, "subtype": subtype.get("subtype", ""), "data": data})
        entry: Document = {**measurement, "type": measurement.get("type", "")}
        if subtypes or "subtypes" in entry:
            entry["subtypes"] = subtypes
        measurements.append(entry)
    return {**document, "measurements": measurements}, warnings


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
