"""Use cases around two snapshots: read them, compare them, say how bad it is. Prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.engine import drift, snapshots
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.schema import decode

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment
    from aicr_core.app.sources import Source

Document = dict[str, Any]


class DiffRequest(NamedTuple):
    """What a user asks for; ``rules`` are sources of further rules, which decide over the shipped ones."""

    baseline: str | Source
    target: str | Source
    rules: tuple[str, ...] = ()
    show_all: bool = False
    severity: str = "info"
    kubeconfig: str = ""
    max_bytes: int = snapshots.MAX_BYTES


def read_snapshot(
    environment: Environment,
    uri: str | Source,
    *,
    kubeconfig: str = "",
    limit: int = snapshots.MAX_BYTES,
) -> tuple[Document, list[str]]:
    """Read a snapshot or fleet from wherever ``uri`` says; give it and what to warn of. Raises AicrError."""
    from aicr_core.app import sources

    source = sources.read(environment, uri, kubeconfig=kubeconfig, limit=limit)
    return snapshots.load(source.data, source.name, source.fmt, limit=limit)


def shipped_rules(environment: Environment) -> drift.Rules:
    """Give the rules of the installed plugins' ``drift/*.yaml``, in the order of the layers."""
    from aicr_core.kit import yamlio

    rules = drift.Rules()
    catalogue = environment.catalogue()
    for path in catalogue.files_below("drift/"):
        if path.endswith(".yaml"):
            node = yamlio.compose(catalogue.read_file(path), path)
            if node is not None:
                rules.add(decode(node, drift.SCHEMA, path)["rules"], path)
    return rules


def compare(environment: Environment, request: DiffRequest) -> tuple[Document, list[str]]:
    """Give the result document of ``aicr diff`` and what to warn of. Raises AicrError."""
    from aicr_core.app import sources
    from aicr_core.engine import diff
    from aicr_core.kit import yamlio

    rules = shipped_rules(environment)
    for uri in request.rules:
        data = sources.read_bytes(uri)
        node = yamlio.compose(data, uri)
        if node is None:
            raise AicrError(Code.INVALID_REQUEST, "the file holds no rules", where=uri)
        rules.add(decode(node, drift.SCHEMA, uri)["rules"], uri)
    found = []
    warnings: list[str] = []
    for side in (request.baseline, request.target):
        document, odd = read_snapshot(
            environment, side, kubeconfig=request.kubeconfig, limit=request.max_bytes
        )
        found.append(document)
        warnings += odd
    result = diff.compare(
        found[0], found[1], rules, show_all=request.show_all, least=request.severity
    )
    marks = [document.get("metadata", {}).get("redaction", "none") for document in found]
    if marks[0] != marks[1]:
        warnings.append(
            f"the baseline's redaction is {marks[0]}, the target's {marks[1]}: what one of them hides is not compared"
        )
    baseline, target = (
        uri if isinstance(uri, str) else uri.name for uri in (request.baseline, request.target)
    )
    return {"baselineSource": baseline, "targetSource": target, **result}, warnings
