"""Component references: what the registry fills in, and whether what they say hangs together.

Defaults are spec/recipe.md 13; coherence is 22.2 and spec/beyond.md F18, F19.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.kit.errors import AicrError, AicrErrors, Code

if TYPE_CHECKING:
    from aicr_core.engine.rules import Rules

Document = dict[str, Any]

_HELM = {
    "source": "defaultRepository",
    "version": "defaultVersion",
    "namespace": "defaultNamespace",
}
_KUSTOMIZE = {"source": "defaultSource", "tag": "defaultTag", "path": "defaultPath"}
_TYPES = {"helm": "Helm", "kustomize": "Kustomize"}


def with_defaults(ref: Document, entry: Document | None, rules: Rules) -> Document:
    """Give the reference with empty fields filled from its registry entry; unknown components stay."""
    if rules.coherent_refs and ref.get("type"):
        ref = {**ref, "type": _TYPES.get(ref["type"].lower(), ref["type"])}
    if entry is None:
        return ref
    helm, kustomize = entry.get("helm") or {}, entry.get("kustomize") or {}
    filled = dict(ref)
    if not filled.get("type"):
        filled["type"] = "Kustomize" if kustomize.get("defaultSource") else "Helm"
    if filled["type"] == "Helm":
        _fill(filled, _HELM, helm)
        if not filled.get("chart"):
            filled["chart"] = (helm.get("defaultChart") or "").rpartition("/")[2]
    elif filled["type"] == "Kustomize":
        _fill(filled, _KUSTOMIZE, kustomize)
    if not filled.get("namespace"):
        # A component of manifests alone has no chart to take its namespace from (B11).
        filled["namespace"] = (entry.get("manifest") or {}).get("defaultNamespace") or ""
    return filled


def default_keys(entry: Document, kind: str, field: str) -> tuple[str, ...]:
    """Give the keys that lead to what :func:`with_defaults` fills a field with, in the registry entry of a component.

    ``kind`` is the type of the filled reference. A type is written nowhere: it follows from which section is there.
    """
    section, table = "helm", {**_HELM, "chart": "defaultChart"}
    if kind == "Kustomize":
        section, table = "kustomize", _KUSTOMIZE
    key = table.get(field, "")
    if key and (entry.get(section) or {}).get(key):
        return section, key
    if field == "namespace":
        return "manifest", "defaultNamespace"
    return (section,) if entry.get(section) else ("name",)


def _fill(ref: Document, fields: dict[str, str], defaults: Document) -> None:
    for field, key in fields.items():
        if not ref.get(field):
            ref[field] = defaults.get(key) or ""


def problems(ref: Document) -> list[str]:
    """Give what does not hang together in an enabled reference."""
    found = []
    kind = ref.get("type") or ""
    for field in ("chart", "source", "version"):
        if ref.get(field, "") != ref.get(field, "").strip():
            found.append(f"{field} has blanks around it")
    version = (ref.get("version") or "").strip()
    has_manifests = bool(ref.get("manifestFiles") or ref.get("preManifestFiles"))
    if ref.get("patches"):
        found.append("patches are not applied by any deployer; use a Kustomize overlay of your own")
    if kind == "Helm":
        if ref.get("tag") or ref.get("path"):
            found.append("tag and path belong to type Kustomize")
        if version == "v":
            found.append('version is only "v"')
        elif ref.get("source") and not version:
            found.append("it has a source but no version; a version is always pinned")
        if ref.get("chart") and not ref.get("source") and not has_manifests:
            found.append("it has a chart but no source")
        if not ref.get("source") and not has_manifests:
            found.append("it has neither a source nor manifest files")
    elif kind == "Kustomize":
        if not ref.get("path"):
            found.append("type Kustomize needs a path")
        if ref.get("tag") and not ref.get("source"):
            found.append("a tag needs a source")
        if has_manifests:
            found.append("type Kustomize takes no manifest files")
    else:
        found.append(f'type "{kind}" is neither Helm nor Kustomize')
    return found


def check_coherence(refs: list[Document]) -> None:
    """Raise one error that lists every problem of every enabled reference."""
    errors = [
        AicrError(Code.INVALID_REQUEST, problem, where=f"component {ref['name']}")
        for ref in refs
        for problem in problems(ref)
    ]
    if errors:
        raise AicrErrors("component references that cannot be deployed", errors)
