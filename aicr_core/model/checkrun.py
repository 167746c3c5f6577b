"""What a runner of checks is told: the run, its documents, and what pods of it shall look like. Frozen; no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.model.check import Right
    from aicr_core.model.cluster import Cluster


@attrs.frozen(kw_only=True)
class CatalogEntry:
    """A check as a container: what the validator catalogue says of it (spec/validate.md 5.1).

    ``timeout`` is in seconds; ``env`` are (name, value) pairs; ``resources`` has the keys ``cpu`` and ``memory``.
    ``image`` is final: tag and registry are resolved.
    """

    name: str
    phase: str
    description: str = ""
    image: str = ""
    timeout: float = 300.0
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    resources: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class CheckRun:
    """One run of checks in a cluster.

    ``inputs`` is the document that a check in a container gets beside recipe and snapshot: ``asserts`` by component,
    ``profiles`` by check, ``constraints`` and ``nodes`` by phase. ``rights`` are those of all selected checks together.
    ``service_account`` is a prepared one; empty: the runner makes one with exactly ``rights``. ``keep`` leaves
    everything in the cluster.
    """

    run: str
    cluster: Cluster
    namespace: str
    recipe: Mapping[str, Any]
    snapshot: Mapping[str, Any]
    inputs: Mapping[str, Any] = attrs.field(factory=dict)
    rights: tuple[Right, ...] = ()
    service_account: str = ""
    node_selector: Mapping[str, str] = attrs.field(factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()
    image_pull_secrets: tuple[str, ...] = ()
    keep: bool = False
    pace: float = 1.0
    """Factor for all waits; tests make it small."""
