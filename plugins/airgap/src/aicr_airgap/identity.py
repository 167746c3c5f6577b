"""How bills of materials name things: package URLs, licences, numbers made from content."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aicr_core.api import image_reference

if TYPE_CHECKING:
    from aicr_core.api import InventoryChart, InventoryImage, InventoryPlugin

LICENCES = frozenset(
    {
        "0BSD", "AGPL-3.0-only", "AGPL-3.0-or-later", "Apache-2.0", "Artistic-2.0", "BSD-2-Clause",
        "BSD-3-Clause", "BSL-1.0", "BUSL-1.1", "CC0-1.0", "CDDL-1.0", "EPL-2.0", "EUPL-1.2",
        "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later", "ISC",
        "LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later", "MIT", "MIT-0",
        "MPL-2.0", "PSF-2.0", "PostgreSQL", "Python-2.0", "SSPL-1.0", "Unlicense", "Zlib",
    }
)  # fmt: skip
"""Identifiers of the SPDX list that are taken as such; any other text is kept as a licence's name."""


def image_purl(image: InventoryImage) -> str:
    """Give the package URL of an image: ``pkg:oci``, with its digest as the version where it is known."""
    known = image_reference(image.reference)
    if known is None:
        return ""
    full = known.full
    name = full.repository.rpartition("/")[2]
    version = f"@{quote(full.digest, safe=':')}" if full.digest else ""
    qualifiers = {"repository_url": f"{full.registry}/{full.repository}", "tag": full.tag}
    return f"pkg:oci/{quote(name, safe='')}{version}{_qualifiers(qualifiers)}"


def chart_purl(chart: InventoryChart) -> str:
    """Give the package URL of a chart: ``pkg:helm``, with its repository."""
    name = chart.name.rpartition("/")[2]
    version = f"@{quote(chart.version, safe=':')}" if chart.version else ""
    return f"pkg:helm/{quote(name, safe='')}{version}{_qualifiers({'repository_url': chart.repository})}"


def plugin_purl(plugin: InventoryPlugin) -> str:
    """Give the package URL of a distribution."""
    return f"pkg:pypi/{plugin.distribution.lower().replace('_', '-')}@{quote(plugin.version, safe=':')}"


def _qualifiers(values: dict[str, str]) -> str:
    parts = [f"{key}={quote(value, safe=':/')}" for key, value in sorted(values.items()) if value]
    return f"?{'&'.join(parts)}" if parts else ""


def content_uuid(document: Any) -> uuid.UUID:
    """Give a number that is a function of a document alone: the same content, the same number."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return uuid.uuid5(uuid.NAMESPACE_OID, hashlib.sha256(text.encode()).hexdigest())
