"""Manifests as Argo CD is given them: the files of a release, read, and without what Helm alone understands.

Argo CD takes Helm's hook annotations for its own, in plain manifests too: it would create such an object aside from
the others and delete it where the annotation says so. An Application of their own, in a wave of its own, is all the
order that these manifests need, as ``kubectl apply`` is with the other deployers.
"""

from __future__ import annotations

import functools
import re
from typing import Any, NamedTuple

from aicr_core.api import AicrError, Artifact, Code, load_all, to_json, to_yaml

FOLDER = "manifests/"
_HOOK = "helm.sh/hook"
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*\.(yaml|yml|json)\Z")


class Manifests(NamedTuple):
    """Files of one Application, with paths below ``manifests/``, and the documents in them."""

    files: tuple[Artifact, ...]
    documents: tuple[dict[str, Any], ...]

    @property
    def namespaces(self) -> list[str]:
        """The namespaces that the documents name, sorted."""
        found = (doc.get("metadata") for doc in self.documents)
        return sorted(
            {str(m["namespace"]) for m in found if isinstance(m, dict) and m.get("namespace")}
        )

    @property
    def defines_kinds(self) -> bool:
        """Whether a custom resource definition is among them."""
        return any(doc.get("kind") == "CustomResourceDefinition" for doc in self.documents)


def read(component: str, files: tuple[Artifact, ...]) -> Manifests:
    """Read manifests. Raises AicrError(INVALID_REQUEST) for a file that Argo CD would pass over."""
    made: list[Artifact] = []
    documents: list[dict[str, Any]] = []
    for file in files:
        name = file.path.removeprefix(FOLDER)
        if not _FILE.match(name):
            raise AicrError(
                Code.INVALID_REQUEST,
                f"Argo CD does not read the manifest {name}",
                where=f"component {component}",
                hint="a file's name is letters, digits, ., _ and -, and ends in .yaml, .yml or .json",
            )
        found = _documents(component, file.data, name)
        plain = [_without_hooks(doc) for doc in found]
        if plain != found:
            text = _text(plain, name).encode("utf-8")
            file = Artifact(path=file.path, data=text, mode=file.mode)
        made.append(file)
        documents += plain
    return Manifests(tuple(made), tuple(documents))


def _documents(component: str, data: bytes, name: str) -> list[dict[str, Any]]:
    try:
        return list(_parsed(data, name))
    except AicrError as error:
        raise AicrError(
            error.code,
            error.message,
            where=f"component {component}: {error.where}",
            hint=error.hint,
        ) from None


@functools.lru_cache(maxsize=128)
def _parsed(data: bytes, name: str) -> tuple[dict[str, Any], ...]:
    """Give the documents of a file, which nobody changes: a server reads the same manifests for every bundle."""
    return tuple(doc for doc in load_all(data, name) if isinstance(doc, dict))


def _without_hooks(document: dict[str, Any]) -> dict[str, Any]:
    metadata = document.get("metadata")
    notes = metadata.get("annotations") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(notes, dict):
        return document
    kept = {key: value for key, value in notes.items() if not str(key).startswith(_HOOK)}
    rest = {key: value for key, value in metadata.items() if key != "annotations"}
    return {**document, "metadata": {**rest, "annotations": kept} if kept else rest}


def _text(documents: list[dict[str, Any]], name: str) -> str:
    if name.endswith(".json"):
        return to_json(documents[0] if len(documents) == 1 else documents)
    return "---\n".join(to_yaml(doc) for doc in documents)
