"""Manifests as Argo CD is given them: the files of a release, read, and without what Helm alone understands.

Argo CD takes Helm's hook annotations for its own, in plain manifests too: it would create such an object aside from
the others and delete it where the annotation says so. An Application of their own, in a wave of its own, is all the
order that these manifests need, as ``kubectl apply`` is with the other deployers.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

from aicr_core.api import AicrError, Artifact, Code, load_all, without_hooks

FOLDER = "manifests/"


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


def read(component: str, files: tuple[Artifact, ...]) -> Manifests:
    """Read manifests. Raises AicrError(INVALID_REQUEST) for a file that Argo CD cannot read."""
    made: list[Artifact] = []
    documents: list[dict[str, Any]] = []
    for file in files:
        name = file.path.removeprefix(FOLDER)
        try:
            data, found = _parsed(file.data, name)
        except AicrError as error:
            where = f"component {component}: {error.where}"
            raise AicrError(error.code, error.message, where=where, hint=error.hint) from None
        if name.endswith(".json") and len(found) != 1:
            raise AicrError(
                Code.INVALID_REQUEST,
                f"Argo CD reads one object of a JSON file, and {name} holds {len(found)}",
                where=f"component {component}",
                hint="give them a file each, or one in YAML",
            )
        made.append(Artifact(path=file.path, data=data, mode=file.mode))
        documents += found
    return Manifests(tuple(made), tuple(documents))


@functools.lru_cache(maxsize=128)
def _parsed(data: bytes, name: str) -> tuple[bytes, tuple[dict[str, Any], ...]]:
    """Give a file without hooks, and its documents, which nobody changes: a server reads the same for every bundle."""
    plain = without_hooks(data, name)
    return plain, tuple(doc for doc in load_all(plain, name) if isinstance(doc, dict))
