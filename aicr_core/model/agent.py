"""What the core asks of an agent (it measures nodes that are not this host) and what it gets back. Frozen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping


@attrs.frozen(kw_only=True)
class AgentRequest:
    """Which nodes to measure, and how the agent may run.

    ``all_nodes`` false measures one node, which the cluster's scheduler chooses among those that the selector
    and tolerations allow; true measures every node that the selector allows (``nodes`` names them instead), at
    most ``concurrency`` at once. ``profile`` is one of ``auto``, ``privileged``, ``gpu``, ``node``, ``plain``, ``api``.
    ``sink`` is a store URI the agent itself writes to; empty means that the result comes back to the caller.
    ``arguments`` are further words for the ``aicr snapshot`` inside the agent. ``timeout`` is in seconds.
    """

    namespace: str = "default"
    image: str = ""
    image_pull_secrets: tuple[str, ...] = ()
    name: str = "aicr"
    service_account: str = ""
    node_selector: Mapping[str, str] = attrs.field(factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()
    nodes: tuple[str, ...] = ()
    all_nodes: bool = False
    concurrency: int = 32
    timeout: float = 300.0
    cleanup: bool = True
    profile: str = "auto"
    require_gpu: bool = False
    runtime_class: str = ""
    requests: Mapping[str, str] = attrs.field(factory=dict)
    limits: Mapping[str, str] = attrs.field(factory=dict)
    sink: str = ""
    arguments: tuple[str, ...] = ()
    debug: bool = False
    dry_run: bool = False


@attrs.frozen(kw_only=True)
class NodeResult:
    """What one node's agent gave: its snapshot document, or why there is none.

    ``status`` is ``ok``, ``failed`` or ``timeout``; ``reason`` is a word as Kubernetes uses it
    (``ImagePullBackOff``, ``Unschedulable``), ``message`` says what happened and how to mend it.
    """

    node: str
    status: str
    document: Mapping[str, Any] | None = None
    reason: str = ""
    message: str = ""


@attrs.frozen(kw_only=True)
class AgentResult:
    """How an agent run ended: one result per node, and what it left behind.

    ``residue`` are the commands that delete what is left in the cluster; ``manifests`` are the objects of a dry
    run, which creates nothing.
    """

    run: str
    results: tuple[NodeResult, ...] = ()
    residue: tuple[str, ...] = ()
    manifests: tuple[Mapping[str, Any], ...] = ()
