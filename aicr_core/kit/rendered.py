"""Read what a chart engine renders: YAML documents, each behind a line ``# Source: TEMPLATE``.

An engine writes documents as JSON where it can: renderings have megabytes, and JSON is read a hundred times faster.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from aicr_core.kit.yamlio import load

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = re.compile(r"^---\n# Source: (.*)\n", re.MULTILINE)


def rendered_texts(text: str) -> Iterator[tuple[str, str]]:
    """Give (template, document's text) of a rendering, in its order."""
    parts = _HEAD.split(text)
    yield from zip(parts[1::2], parts[2::2], strict=True)


def rendered_objects(text: str) -> list[tuple[str, Any]]:
    """Give (template, document) of a rendering, without empty documents.

    Raises AicrError(INVALID_REQUEST) for a document that is no YAML; it names template and line of the document.
    """
    found = ((source, rendered_object(part, source)) for source, part in rendered_texts(text))
    return [(source, document) for source, document in found if document is not None]


def rendered_object(text: str, source: str) -> Any:
    """Give the value of one document. Raises AicrError as :func:`rendered_objects` does."""
    if text.startswith("{"):
        try:
            return json.loads(text)
        except ValueError:
            pass  # flow style of YAML
    from aicr_core.kit import fastyaml

    try:
        return fastyaml.load(text)
    except fastyaml.Unsupported:
        return load(text, source)
