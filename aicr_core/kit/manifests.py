"""Manifests as text for tools that would take Helm's hooks for their own. Nothing of AICR is known here.

A manifest that is applied as it is may carry annotations that make it a hook where a chart is installed: it is then
created aside from the others, is no part of the release, and is deleted where the annotation says so.
"""

from __future__ import annotations

from typing import Any

from aicr_core.kit.emit import to_json, to_yaml
from aicr_core.kit.yamlio import load_all

_HOOK = "helm.sh/hook"


def without_hooks(data: bytes, name: str) -> bytes:
    """Give a manifest file (``name`` is for messages and its ending) without the annotations that make Helm hooks.

    A file that has none is given back byte for byte. Raises AicrError for one that is no YAML.
    """
    if _HOOK.encode() not in data:
        return data
    documents = load_all(data, name)
    plain = [_plain(document) for document in documents]
    if plain == documents:
        return data
    if name.endswith(".json") and len(plain) == 1:
        return to_json(plain[0]).encode("utf-8")
    return "---\n".join(to_yaml(document) for document in plain if document is not None).encode(
        "utf-8"
    )


def _plain(document: Any) -> Any:
    """Give an object without them; those in a list too, which some tools take apart."""
    if not isinstance(document, dict):
        return document
    items = document.get("items")
    if isinstance(items, list) and str(document.get("kind")).endswith("List"):
        document = {**document, "items": [_plain(item) for item in items]}
    metadata = document.get("metadata")
    notes = metadata.get("annotations") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(notes, dict):
        return document
    kept = {key: value for key, value in notes.items() if not str(key).startswith(_HOOK)}
    rest = {key: value for key, value in metadata.items() if key != "annotations"}
    return {**document, "metadata": {**rest, "annotations": kept} if kept else rest}
