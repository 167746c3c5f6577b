"""Definitions of kinds (CRDs) in a bundle and its charts: read without their schemas, and what they make known.

The schemas of a large chart's definitions are megabytes of YAML, which nothing here asks for. Pure.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aicr_core.kit.rendered import rendered_object
from aicr_core.model.lint import BundleObject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SCHEMA = re.compile(r"( *)(?:- )?schema:\s*$")
_SEPARATOR = re.compile(r"^---.*$", re.MULTILINE)


def without_schemas(text: str) -> str:
    """Give YAML without what stands below keys ``schema`` in block style; any other text as it is."""
    kept: list[str] = []
    depth = -1
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip(" "))
        if depth >= 0 and (indent > depth or not line.strip()):
            continue
        depth = -1
        found = _SCHEMA.match(line)
        if found is None:
            kept.append(line)
            continue
        # Behind a dash the key's own indentation begins two columns later.
        depth = len(found[1]) + (2 if "- " in line else 0)
        kept.append(f"{line.rstrip()} {{}}")
    return "\n".join(kept)


def definitions(texts: Iterable[str], component: str, step: int) -> Iterator[BundleObject]:
    """Give the objects of a chart's ``crds`` folder. Raises AicrError for what is no YAML."""
    for number, text in enumerate(texts, 1):
        for part in _SEPARATOR.split(without_schemas(text)):
            document = rendered_object(part.strip(), f"crds/{number}") if part.strip() else None
            if isinstance(document, dict) and document.get("kind"):
                yield BundleObject(
                    document=document, path="crds", component=component, step=step,
                    rendered=True, crd=True,
                )  # fmt: skip


def served(objects: Iterable[BundleObject]) -> list[tuple[int, str]]:
    """Give (step, ``group/version`` and ``group/version/Kind``) that definitions among ``objects`` make known."""
    found: list[tuple[int, str]] = []
    for item in objects:
        if item.kind != "CustomResourceDefinition":
            continue
        spec = _mapping(item.document.get("spec"))
        kind = _mapping(spec.get("names")).get("kind")
        versions = spec.get("versions")
        for version in versions if isinstance(versions, list) else ():
            if isinstance(version, dict) and version.get("served", True):
                name = f"{spec.get('group')}/{version.get('name')}"
                found += [(item.step, name), (item.step, f"{name}/{kind}")]
    return sorted(set(found))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
