"""Use case ``snapshot``: measure this host, a node through an agent, or a whole fleet. Prints nothing.

Which facts there are, and how an agent gets onto a node, are the plugins' business. Cluster facts are gathered
here once, with the caller's own rights; agents only measure nodes (spec/snapshot.md 14.2).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core._version import __version__
from aicr_core.engine import collect, redact, schemas
from aicr_core.kit import limits
from aicr_core.kit.clock import Clock
from aicr_core.kit.errors import AicrError, Code, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aicr_core.app.environment import Environment
    from aicr_core.model.agent import AgentRequest, AgentResult

Document = dict[str, Any]


class SnapshotRequest(NamedTuple):
    """What a user asks for. ``only`` is ``host``, ``cluster`` or empty for both."""

    only: str = ""
    collectors: tuple[str, ...] = ()
    host_root: str = "/"
    kubeconfig: str = ""
    max_nodes_per_entry: int = 0
    systemd_units: tuple[str, ...] = ()
    redact: str = "standard"
    redaction_key: str = ""
    jobs: int = 0


class Taken(NamedTuple):
    """A snapshot (or the manifests of a dry run), what to warn of, and what an agent left behind."""

    document: Document
    warnings: tuple[str, ...] = ()
    residue: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    """Nodes without a snapshot; a document for sharing does not name them."""
    manifests: tuple[Mapping[str, Any], ...] = ()


def node_name(env: Mapping[str, str]) -> str:
    """Give this node's name by the environment (spec/snapshot.md 2.1)."""
    names = (env.get(key, "") for key in ("NODE_NAME", "KUBERNETES_NODE_NAME", "HOSTNAME"))
    return next((name for name in names if name), "")


def take_local(
    environment: Environment, request: SnapshotRequest, log: Callable[[str], None] | None = None
) -> Taken:
    """Measure this host and its cluster in this process. Raises AicrError when no collector is installed."""
    node = node_name(environment.settings.env)
    collected = _collect(environment, request, request.only, node, log)
    document = _document(environment, collected.measurements, collected.collection, node)
    return _finish(environment, request, document, collected.outcomes)


def take_by_agent(
    environment: Environment,
    request: SnapshotRequest,
    agent: AgentRequest,
    name: str = "",
    log: Callable[[str], None] | None = None,
) -> Taken:
    """Measure one node, or all, through the installed agent, and the cluster with the caller's rights.

    Raises AicrError: NOT_FOUND without an agent plugin, whatever the agent says otherwise.
    """
    function = _agent(environment, name)
    from aicr_core.kit.run import Context

    context = Context(
        settings=environment.settings,
        timeout=agent.timeout + limits.AGENT_MARGIN,
        log=log,
        options=_reach(environment, request),
    )
    result: AgentResult = function(context, agent)
    if agent.dry_run:
        return Taken({}, manifests=result.manifests)
    if agent.all_nodes or agent.nodes:
        document, outcomes = _fleet(environment, request, result, log)
    else:
        document, outcomes = _one(environment, request, result, log)
    taken = _finish(environment, request, document, outcomes)
    failed = tuple(item.node for item in result.results if item.document is None)
    return taken._replace(residue=result.residue, failed=failed)


def _reach(environment: Environment, request: SnapshotRequest) -> Document:
    """Give how collectors and agents reach the cluster: over the connection that there is, if there is one."""
    cluster = environment.known_cluster(request.kubeconfig)
    return {"kubeconfig": request.kubeconfig, "cluster": cluster}


def _one(
    environment: Environment,
    request: SnapshotRequest,
    result: AgentResult,
    log: Callable[[str], None] | None,
) -> tuple[Document, Any]:
    (node,) = result.results
    if node.document is None:
        code = Code.TIMEOUT if node.status == "timeout" else Code.INTERNAL
        text = f"the agent on node {node.node or '(none yet)'} gave no snapshot: {node.reason}: {node.message}"
        raise AicrError(code, text)
    collected = _cluster(environment, request, node.node, log)
    measurements = [*node.document.get("measurements", ()), *collected.measurements]
    entries = [*node.document.get("collection", ()), *collected.collection]
    return _document(environment, measurements, entries, node.node), collected.outcomes


def _fleet(
    environment: Environment,
    request: SnapshotRequest,
    result: AgentResult,
    log: Callable[[str], None] | None,
) -> tuple[Document, Any]:
    from aicr_core.engine import fleet

    nodes = [(item.node, item.document) for item in result.results if item.document is not None]
    failed = [
        {"node": item.node, "reason": item.reason or item.status, "message": item.message}
        for item in result.results
        if item.document is None
    ]
    if not nodes:
        first = (
            failed[0]
            if failed
            else {"node": "", "reason": "NoNodes", "message": "no node was selected"}
        )
        text = f"no node gave a snapshot; {first['node']}: {first['reason']}: {first['message']}"
        late = all(item.status == "timeout" for item in result.results) and failed
        raise AicrError(Code.TIMEOUT if late else Code.INTERNAL, text)
    from aicr_core.app.drift import shipped_rules

    rules = shipped_rules(environment)
    document = fleet.build(result.run, nodes, failed, [], rules)
    collected = _cluster(environment, request, document["metadata"]["source-node"], log)
    document = fleet.with_cluster(document, collected.measurements)
    head = _document(environment, [], [], "")
    metadata = head["metadata"] | document.get("metadata", {})
    entries = [*document["collection"], *collected.collection]
    return document | {"metadata": metadata, "collection": entries}, collected.outcomes


def _agent(environment: Environment, name: str) -> Callable[..., AgentResult]:
    from aicr_core.plugins.manager import resolve

    agents = environment.manager.named("aicr_agents", "name")
    if not agents:
        hint = environment.index.way_to("agent", "*")
        raise AicrError(
            Code.NOT_FOUND, "no agent is installed that could measure a node of a cluster",
            hint=f"{hint or 'install the plugin of your cluster'}, or measure this host with --local",
        )  # fmt: skip
    if name and name not in agents:
        hints = environment.index.hints("agent")
        raise environment.manager.missing("agent", name, sorted(agents), hints)
    if not name and len(agents) > 1:
        raise AicrError(
            Code.INVALID_REQUEST, "several agents are installed", where="--agent",
            hint=f"choose one of {', '.join(sorted(agents))}",
        )  # fmt: skip
    chosen = name or next(iter(agents))
    function: Callable[..., AgentResult] = resolve(agents[chosen][1].call)
    return function


def _cluster(
    environment: Environment,
    request: SnapshotRequest,
    node: str,
    log: Callable[[str], None] | None,
) -> collect.Collected:
    """Read the cluster with the caller's own rights, unless only hosts are asked for."""
    if request.only == "host":
        return collect.Collected([], [], ())
    return _collect(environment, request, "cluster", node, log)


def measures_host(environment: Environment, request: SnapshotRequest) -> bool:
    """Tell whether the request needs facts of a host at all. Raises AicrError for an unknown collector."""
    if request.only == "cluster":
        return False
    if not request.collectors:
        return True
    known = _known(environment, request)
    return any(known[name][1].where == "host" for name in request.collectors)


def _known(environment: Environment, request: SnapshotRequest) -> Mapping[str, Any]:
    """Give the installed collectors by name. Raises AicrError when one that is asked for is not there."""
    known = environment.manager.named("aicr_collectors", "name", settings=environment.settings)
    for wanted in request.collectors:
        if wanted not in known:
            close = nearest(wanted, known)
            hint = (
                f'did you mean "{close}"?'
                if close
                else f"installed: {', '.join(sorted(known)) or 'none'}"
            )
            raise AicrError(
                Code.NOT_FOUND, f'no collector "{wanted}"', where="--collector", hint=hint
            )
    return known


def _collect(
    environment: Environment,
    request: SnapshotRequest,
    only: str,
    node: str,
    log: Callable[[str], None] | None,
) -> collect.Collected:
    from aicr_core.plugins.manager import resolve

    known = _known(environment, request)
    chosen = [
        (plugin, provider, resolve(provider.call))
        for name, (plugin, provider) in sorted(known.items())
        if (not only or provider.where == only)
        and (not request.collectors or name in request.collectors)
    ]
    if not known:
        hint = environment.index.way_to("collector", "*") or "install a plugin that has collectors"
        raise AicrError(Code.NOT_FOUND, "no collector is installed", hint=hint)
    options = {
        "host_root": request.host_root,
        **_reach(environment, request),
        "node": node,
        "max_nodes_per_entry": request.max_nodes_per_entry,
        "systemd_units": request.systemd_units,
    }
    return collect.run(
        chosen,
        options,
        # Collectors wait, they do not compute: all of them run at once unless the user says otherwise.
        jobs=request.jobs or len(chosen) or 1,
        deadline=limits.SNAPSHOT,
        settings=environment.settings,
        log=log,
    )


def _document(
    environment: Environment, measurements: list[Document], entries: list[Document], node: str
) -> Document:
    stamp = Clock.from_env(environment.settings.env).stamp()
    return {
        "kind": "Snapshot",
        "apiVersion": schemas.V1ALPHA1,
        "metadata": {"timestamp": stamp, "version": __version__, "source-node": node},
        "measurements": collect.in_order(measurements),
        "collection": entries,
    }


def _finish(
    environment: Environment, request: SnapshotRequest, document: Document, outcomes: Any
) -> Taken:
    document = redact.apply(document, request.redact, request.redaction_key)
    if environment.manager_needed("aicr_snapshot_taken"):
        environment.manager.event("aicr_snapshot_taken", snapshot=document, outcomes=outcomes)
    return Taken(document, tuple(collect.problems(document.get("collection", ()))))


def require(
    document: Document,
    wanted: tuple[str, ...],
    *,
    gpu: bool,
    strict: bool,
    failed: tuple[str, ...] = (),
) -> AicrError | None:
    """Give the error of what the user demanded and the snapshot has not; None when all is there."""
    if gpu and not collect.accelerators(document):
        return AicrError(
            Code.NOT_FOUND, "no GPU was found", where="--require-gpu",
            hint="see the `collection` block for what was tried",
        )  # fmt: skip
    if gpu and "fleet" in document:
        from aicr_core.engine import fleet

        bare = fleet.without_accelerator(document)
        if bare:
            return AicrError(
                Code.NOT_FOUND, f"no GPU was found on {', '.join(bare)}", where="--require-gpu",
                hint="choose nodes with --node-selector, or see `aicr fleet report`",
            )  # fmt: skip
    absent = collect.missing(document, wanted)
    if absent:
        return AicrError(Code.INTERNAL, f"not read: {', '.join(absent)}", where="--require",
                         hint="see the `collection` block for the reasons")  # fmt: skip
    left = collect.problems(document.get("collection", ()))
    if strict and failed:
        return AicrError(
            Code.TIMEOUT, f"no snapshot of {', '.join(failed)}", where="--strict",
            hint="see the lines above for the reasons",
        )  # fmt: skip
    if strict and left:
        return AicrError(
            Code.INTERNAL, f"{len(left)} parts were not read whole", where="--strict", hint=left[0]
        )
    return None


def host_root(env: Mapping[str, str], given: str) -> str:
    """Give where the host's file system is seen: the flag, ``AICR_HOST_ROOT``, else ``/``. Raises AicrError."""
    root = given or env.get("AICR_HOST_ROOT", "") or "/"
    if not os.path.isdir(root):
        raise AicrError(Code.INVALID_REQUEST, "no such directory", where=f"--host-root {root}")
    return root
