"""Write a bill of materials as SPDX 2.3 JSON.

Everything is a package: the bundle, its components, images, manifests (SPDX files would need a SHA-1 each) and the
distributions that made it. SPDX demands a time of creation; a bundle is a function of its input, so it is the epoch.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from aicr_airgap.identity import LICENCES, chart_purl, content_uuid, image_purl, plugin_purl
from aicr_airgap.lists import gaps
from aicr_core.api import image_reference, to_json

if TYPE_CHECKING:
    from aicr_core.api import Inventory, InventoryChart, InventoryComponent, InventoryImage

Document = dict[str, Any]
CREATED = "1970-01-01T00:00:00Z"
NAMESPACE = "https://aicr.run/spdx/bundle"
NONE = "NOASSERTION"
DOCUMENT = "SPDXRef-DOCUMENT"
BUNDLE = "SPDXRef-Bundle"


def write(inventory: Inventory) -> str:
    """Give the document as text."""
    licences: dict[str, str] = {}
    packages = _packages(inventory, licences)
    body = {
        "packages": packages,
        "relationships": _relationships(inventory),
        "hasExtractedLicensingInfos": [
            {"licenseId": name, "name": text, "extractedText": text}
            for text, name in sorted(licences.items())
        ],
    }
    missing = gaps(inventory)
    head = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": "aicr-bundle",
        "documentNamespace": f"{NAMESPACE}-{content_uuid([body, missing])}",
        "creationInfo": {
            "created": CREATED,
            "creators": [f"Tool: aicr-core-{inventory.tool_version}"],
        },
        "comment": "\n".join(["This document is not complete:", *missing]) if missing else "",
    }
    return to_json(_full({**head, **body}))


def _packages(inventory: Inventory, licences: dict[str, str]) -> list[Document]:
    charts = {chart.component: chart for chart in inventory.charts}
    found = [
        _package(BUNDLE, "aicr-bundle", inventory.recipe_version, "INSTALL"),
        *(_component(item, charts.get(item.name), licences) for item in inventory.components),
        *(_image(image) for image in inventory.images),
    ]
    for item in inventory.components:
        for path, digest in item.manifests:
            found.append(_package(_id("Manifest", path), path, "", "FILE", sha256=digest))
    for plugin in inventory.plugins:
        found.append(
            _package(
                _id("Plugin", plugin.distribution), plugin.distribution, plugin.version, "LIBRARY",
                purl=plugin_purl(plugin), licence=_licence(plugin.licence, licences),
            )
        )  # fmt: skip
    return found


def _component(
    item: InventoryComponent, chart: InventoryChart | None, licences: dict[str, str]
) -> Document:
    return _package(
        _id("Component", item.name),
        item.name,
        item.version,
        "APPLICATION",
        # Its grammar for places knows no oci://; the package URL has the registry.
        location=chart.repository if chart and chart.repository.startswith("http") else "",
        sha256=chart.sha256 if chart else "",
        licence=_licence(chart.licence, licences) if chart else NONE,
        purl=chart_purl(chart) if chart else "",
        comment="\n".join(item.problems),
    )


def _image(image: InventoryImage) -> Document:
    known = image_reference(image.reference)
    full = known.full if known else None
    return _package(
        _id("Image", image.reference),
        image.reference,
        (full.digest or full.tag) if full else "",
        "CONTAINER",
        purl=image_purl(image),
        comment="named by a plugin: it is pulled at run time" if image.origin == "declared" else "",
    )


def _package(
    spdx_id: str,
    name: str,
    version: str,
    purpose: str,
    *,
    location: str = "",
    purl: str = "",
    sha256: str = "",
    licence: str = NONE,
    comment: str = "",
) -> Document:
    return _full(
        {
            "SPDXID": spdx_id,
            "name": name,
            "versionInfo": version,
            "supplier": NONE,
            "downloadLocation": location or NONE,
            "filesAnalyzed": False,
            "checksums": [{"algorithm": "SHA256", "checksumValue": sha256}] if sha256 else [],
            "licenseConcluded": NONE,
            "licenseDeclared": licence,
            "copyrightText": NONE,
            "primaryPackagePurpose": purpose,
            "externalRefs": [
                {
                    "referenceCategory": "PACKAGE-MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": purl,
                }
            ]
            if purl
            else [],
            "comment": comment,
        }
    )


def _relationships(inventory: Inventory) -> list[Document]:
    found = [(DOCUMENT, "DESCRIBES", BUNDLE)]
    for item in inventory.components:
        own = _id("Component", item.name)
        found.append((BUNDLE, "CONTAINS", own))
        found += [(own, "DEPENDS_ON", _id("Component", name)) for name in item.depends_on]
        found += [(own, "DEPENDS_ON", _id("Image", reference)) for reference in item.images]
        found += [(own, "CONTAINS", _id("Manifest", path)) for path, _ in item.manifests]
    found += [
        (_id("Plugin", plugin.distribution), "BUILD_TOOL_OF", BUNDLE)
        for plugin in inventory.plugins
    ]
    return [
        {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
        for one, kind, other in found
    ]


def _id(kind: str, text: str) -> str:
    """Give an identifier made of letters, digits, dots and dashes; two texts never share one."""
    short = re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-")[:60]
    return f"SPDXRef-{kind}-{short}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _licence(text: str, licences: dict[str, str]) -> str:
    """Give a licence as SPDX writes it; a text that its list has not is noted in ``licences``."""
    if not text:
        return NONE
    if text in LICENCES:
        return text
    name = f"LicenseRef-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    licences[text] = name
    return name


def _full(fields: Document) -> Document:
    return {key: value for key, value in fields.items() if value not in ("", [], {})}
