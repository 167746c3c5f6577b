"""From a snapshot to criteria and readings (spec/recipe.md 4, 11, 22.5, with B8 mended).

Which text means which value is taken from the catalogue's criteria table: a service is recognised by the
node's provider, by the service reading, or by a mark in the server's version; an accelerator by whole
tokens of the product name. Readings are turned into text first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aicr_core.engine.criteria import ANY, lookup
from aicr_core.kit.emit import float_text
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Mapping

Document = dict[str, Any]
_TOKENS = re.compile(r"[\s\-_/()]+")


def as_text(value: Any) -> str:
    """Give a reading as text: booleans in lower case, whole floats without a fraction."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value)
    return "" if value is None else str(value)


def detect(
    snapshot: Document, values: Mapping[str, Mapping[str, Any]]
) -> tuple[Document, dict[str, str]]:
    """Give the criteria of a snapshot and, for each, the reading it came from."""
    found: Document = {}
    origin: dict[str, str] = {}

    def note(dimension: str, value: str | None, reading: str) -> bool:
        if value is None:
            return False
        if value == ANY:
            found.pop(dimension, None)
            origin.pop(dimension, None)
        else:
            found[dimension] = value
            origin[dimension] = reading
        return True

    provider = ""
    for measurement in snapshot.get("measurements", ()):
        kind = measurement.get("type")
        for subtype in measurement.get("subtypes", ()):
            name, data = subtype.get("subtype"), subtype.get("data", {})
            place = f"{kind}.{name}"
            if place == "K8s.server":
                _server(data, values, note)
            elif place == "K8s.node":
                provider = as_text(data.get("provider"))
            elif place in ("GPU.smi", "GPU.device"):
                _gpu(data, values, note, place, "accelerator" in found)
            elif place == "OS.release" and "ID" in data:
                note("os", lookup(values, "os", as_text(data["ID"])), "OS.release.ID")
    if provider:
        # The provider is what the cloud itself wrote on the node: it beats marks in version texts.
        value = lookup(values, "service", provider)
        if value not in (None, ANY):
            note("service", value, "K8s.node.provider")
    return found, origin


def _server(data: Document, values: Mapping[str, Mapping[str, Any]], note: Any) -> None:
    service = as_text(data.get("service"))
    if service:
        note("service", lookup(values, "service", service), "K8s.server.service")
    tokens = _TOKENS.split(as_text(data.get("version")).replace("+", "-"))
    for token in tokens[1:]:
        # v1.33.5-gke.1080000: the vendor's mark is a token, or its part before the first dot.
        value = token.split(".")[0]
        if value in values.get("service", {}) and value != ANY:
            note("service", value, "K8s.server.version")
            return


def _gpu(
    data: Document, values: Mapping[str, Mapping[str, Any]], note: Any, place: str, known: bool
) -> None:
    for key in ("gpu.model", "model"):
        if key == "model" and known:
            return
        value = accelerator(as_text(data.get(key)), values)
        if note("accelerator", value, f"{place}.{key}"):
            known = True


def accelerator(product: str, values: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Give the accelerator whose name stands in ``product`` as whole tokens, or None."""
    tokens = [token for token in _TOKENS.split(product.lower()) if token]
    for value in sorted(values.get("accelerator", {}), key=lambda name: (-len(name), name)):
        wanted = value.split("-")
        for start in range(len(tokens) - len(wanted) + 1):
            if tokens[start : start + len(wanted)] == wanted and value != ANY:
                return value
    return None


def reading(snapshot: Document, path: str) -> str:
    """Give the text of the reading ``Type.Subtype.Key`` (the key may hold dots).

    Raises AicrError: INVALID_REQUEST for a malformed path, NOT_FOUND for a reading that is not there.
    """
    parts = path.split(".", 2)
    if len(parts) < 3 or not all(parts):
        raise AicrError(
            Code.INVALID_REQUEST, f'"{path}" is no reading', hint="write Type.Subtype.Key"
        )
    kind, name, key = parts
    for measurement in snapshot.get("measurements", ()):
        if measurement.get("type") == kind:
            for subtype in measurement.get("subtypes", ()):
                if subtype.get("subtype") == name:
                    data = subtype.get("data", {})
                    if key in data:
                        return as_text(data[key])
                    break
            break
    raise AicrError(Code.NOT_FOUND, f"the snapshot has no reading {path}")
