"""Write a bill of materials as CycloneDX 1.6 JSON.

One application for each component (with what its chart is), one container for each image, one file for each manifest,
and the distributions that made the bundle, which are not deployed (scope ``excluded``). No time is in it and the serial
number is made from the content. What is not known is said twice: a ``compositions`` entry that is ``incomplete``, as
tools read it, and properties of the component, as people do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_airgap.identity import LICENCES, chart_purl, content_uuid, image_purl, plugin_purl
from aicr_airgap.lists import KINDS, gaps
from aicr_core.api import image_reference, to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.api import (
        Inventory,
        InventoryChart,
        InventoryComponent,
        InventoryImage,
        InventoryPlugin,
    )

Document = dict[str, Any]
ROOT = "bundle"


def write(inventory: Inventory) -> str:
    """Give the document as text."""
    body = _body(inventory)
    head = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{content_uuid(body)}",
        "version": 1,
    }
    return to_json({**head, **body})


def _body(inventory: Inventory) -> Document:
    charts = {chart.component: chart for chart in inventory.charts}
    components = [
        *(_component(item, charts.get(item.name)) for item in inventory.components),
        *(_image(image) for image in inventory.images),
        *(
            _manifest(path, digest)
            for item in inventory.components
            for path, digest in item.manifests
        ),
        *(_plugin(plugin) for plugin in inventory.plugins),
    ]
    criteria = {f"aicr:criteria:{name}": str(v) for name, v in inventory.criteria.items()}
    root = _full(
        {
            "type": "application",
            "bom-ref": ROOT,
            "name": "aicr-bundle",
            "version": inventory.recipe_version,
            "properties": _properties(criteria),
        }
    )
    tool = {"type": "application", "name": "aicr-core", "version": inventory.tool_version}
    return {
        "metadata": {"tools": {"components": [tool]}, "component": root},
        "components": components,
        "dependencies": _dependencies(inventory),
        "compositions": [
            {
                "aggregate": "incomplete" if gaps(inventory) else "complete",
                "assemblies": [ROOT],
            }
        ],
    }


def _component(component: InventoryComponent, chart: InventoryChart | None) -> Document:
    properties = {
        "aicr:type": KINDS.get(component.kind, component.kind),
        "aicr:namespace": component.namespace,
        "aicr:chart": chart.name if chart else "",
        "aicr:repository": chart.repository if chart else "",
        "aicr:pinned": "true" if component.version else "",
    }
    problems = [{"name": "aicr:problem", "value": text} for text in component.problems]
    return _full(
        {
            "type": "application",
            "bom-ref": f"component:{component.name}",
            "name": component.name,
            "version": component.version,
            "hashes": _hashes(chart.sha256) if chart else [],
            "licenses": _licences(chart.licence) if chart else [],
            "purl": chart_purl(chart) if chart else "",
            "properties": [*_properties(properties), *problems],
        }
    )


def _image(image: InventoryImage) -> Document:
    known = image_reference(image.reference)
    full = known.full if known else None
    properties = {"aicr:reference": image.reference, "aicr:origin": image.origin}
    return _full(
        {
            "type": "container",
            "bom-ref": f"image:{image.reference}",
            "name": f"{full.registry}/{full.repository}" if full else image.reference,
            "version": (full.digest or full.tag) if full else "",
            "purl": image_purl(image),
            "properties": _properties(properties),
        }
    )


def _manifest(path: str, digest: str) -> Document:
    return {"type": "file", "bom-ref": f"manifest:{path}", "name": path, "hashes": _hashes(digest)}


def _plugin(plugin: InventoryPlugin) -> Document:
    return _full(
        {
            "type": "library",
            "bom-ref": f"plugin:{plugin.distribution}",
            "name": plugin.distribution,
            "version": plugin.version,
            "scope": "excluded",
            "licenses": _licences(plugin.licence),
            "purl": plugin_purl(plugin),
        }
    )


def _dependencies(inventory: Inventory) -> list[Document]:
    edges = {
        ROOT: [
            *(f"component:{item.name}" for item in inventory.components),
            *(f"plugin:{plugin.distribution}" for plugin in inventory.plugins),
        ]
    }
    for item in inventory.components:
        edges[f"component:{item.name}"] = [
            *(f"component:{name}" for name in item.depends_on),
            *(f"image:{reference}" for reference in item.images),
            *(f"manifest:{path}" for path, _ in item.manifests),
        ]
    return [{"ref": ref, "dependsOn": sorted(set(to))} for ref, to in edges.items()]


def _properties(values: Mapping[str, str]) -> list[Document]:
    return [{"name": name, "value": value} for name, value in values.items() if value]


def _hashes(sha256: str) -> list[Document]:
    return [{"alg": "SHA-256", "content": sha256}] if sha256 else []


def _licences(text: str) -> list[Document]:
    if not text:
        return []
    return [{"license": {"id": text} if text in LICENCES else {"name": text}}]


def _full(fields: Document) -> Document:
    return {key: value for key, value in fields.items() if value not in ("", [], {})}
