"""The state files of helmfile, as plain documents: repositories, defaults, releases. Pure.

Only fields that helmfile 0.166 and 1.x both know, in files that neither takes for a template: no text holds ``{{``.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code, chart_address
from aicr_helmfile.levels import namespace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aicr_core.api import Part
    from aicr_helmfile.levels import Level

Document = dict[str, Any]
TIMEOUT = 600
UNWAITED_TIMEOUT = 1200
_NO_NAMESPACE = frozenset({
    "APIService", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "MutatingWebhookConfiguration",
    "Namespace", "PersistentVolume", "PriorityClass", "RuntimeClass", "StorageClass",
    "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
})  # fmt: skip


def root(levels: Iterable[Level]) -> Document:
    """Give ``helmfile.yaml``: the state files in order."""
    return {"helmfiles": [{"path": level.file} for level in levels]}


def document(level: Level) -> Document:
    """Give one state file. Raises AicrError(INVALID_REQUEST) for what helmfile cannot do."""
    names = repositories(level.parts)
    found: Document = {
        "repositories": [_repository(name, url) for url, name in names.items()],
        "helmDefaults": {"wait": True, "timeout": TIMEOUT, "createNamespace": True},
        "releases": [_release(level, part, names) for part in level.parts],
    }
    return {key: value for key, value in found.items() if value}


def repositories(parts: Iterable[Part]) -> dict[str, str]:
    """Give a name for each distinct repository. helmfile and Helm know repositories by name on the whole machine.

    So a name holds a digest of the address: two bundles never give one name to two repositories.
    """
    urls = [part.release.repository for part in parts if part.kind == "chart"]
    return {url: _slug(url) for url in sorted(set(urls))}


def _slug(url: str) -> str:
    address = url.partition("://")[2] or url
    plain = re.sub(r"[^a-z0-9]+", "-", address.lower()).strip("-")
    digest = hashlib.sha256(url.encode("utf-8")).hexdigest()[:8]
    return f"{plain[:40].strip('-')}-{digest}"


def _repository(name: str, url: str) -> Document:
    if url.startswith("oci://"):
        return {"name": name, "url": url.removeprefix("oci://").rstrip("/"), "oci": True}
    return {"name": name, "url": url}


def _release(level: Level, part: Part, names: dict[str, str]) -> Document:
    release = part.release
    _refuse(part)
    entry: Document = {
        "name": part.name,
        "namespace": namespace(part),
        "chart": _chart(part, names),
        "version": release.version if part.kind == "chart" else "",
        "needs": level.needs(part),
    }
    if not release.wait:
        entry |= {"wait": False, "timeout": UNWAITED_TIMEOUT}
    if part.custom or part.kind == "kustomize":
        # The kinds may come with a release of the same file, so the cluster does not know them when it is asked.
        entry["disableValidation"] = True
    if part.kind in ("chart", "archive"):
        entry["values"] = [f"{part.folder}/values.yaml"]
        if release.dynamic:
            entry["values"].append(f"{part.folder}/cluster-values.yaml")
    found = {key: value for key, value in entry.items() if value not in ("", [])}
    for key, value in found.items():
        if isinstance(value, str) and "{{" in value:
            raise AicrError(
                Code.INVALID_REQUEST,
                f'helmfile would read "{value}" as a template',
                where=f"component {release.name}, {key}",
                hint="give it without braces",
            )
    return found


def _chart(part: Part, names: dict[str, str]) -> str:
    if part.kind == "chart":
        return f"{names[part.release.repository]}/{part.release.chart}"
    if part.kind == "archive":
        assert part.release.archive is not None
        return f"./{part.folder}/{part.release.archive.path}"
    return f"./{part.folder}"


def _refuse(part: Part) -> None:
    where = f"component {part.release.name}"
    if part.release.dynamic and part.release.kind != "helm":
        raise AicrError(
            Code.INVALID_REQUEST,
            "there is no chart whose values could be given at install time",
            where=where,
            hint=f"drop --dynamic {part.release.name}:...",
        )
    url = part.release.repository
    if "{{" in url:
        raise AicrError(
            Code.INVALID_REQUEST,
            f'helmfile would read "{url}" as a template',
            where=where,
            hint="give it without braces",
        )
    if part.kind == "chart":
        chart_address(part.release, "helmfile")
    if part.own_namespace:
        for doc in part.documents:
            metadata = doc.get("metadata")
            placed = isinstance(metadata, dict) and metadata.get("namespace")
            if not placed and doc.get("kind") not in _NO_NAMESPACE:
                raise AicrError(
                    Code.INVALID_REQUEST,
                    f"{doc.get('kind')} names no namespace, beside the manifest of the namespace itself: Helm "
                    "cannot put it there before the namespace exists",
                    where=where,
                    hint="give the object a metadata.namespace",
                )
