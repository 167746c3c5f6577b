"""Find out, by reading only, how a run is to be: namespace, rights of the pod, runtime class, nodes.

Nothing is made here; what cannot work is refused here, with the reason (spec/snapshot.md 11.2, 14.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import AicrError, Code
from aicr_kube.agent import profiles, sink
from aicr_kube.agent.pods import Plan
from aicr_kube.jobs import names
from aicr_kube.jobs.api import status

if TYPE_CHECKING:
    from collections.abc import Callable

    from aicr_core.api import AgentRequest
    from aicr_kube.agent.profiles import Profile
    from aicr_kube.jobs.api import Api

Object = dict[str, Any]
GPU_NODE = {"nvidia.com/gpu.present": "true"}
"""Label that GPU feature discovery gives to nodes with a GPU."""
GPU_RUNTIME = "nvidia"
"""Runtime class that the GPU operator installs."""
_OPENSHIFT = "security.openshift.io"


class Found(NamedTuple):
    """What is to be done: ``plan`` is None when no pod may run; ``unready`` are nodes where none can."""

    plan: Plan | None
    missing_namespace: bool = False
    make_account: bool = True
    unready: tuple[str, ...] = ()
    said: str = ""


def check(request: AgentRequest) -> None:
    """Refuse a request that contradicts itself. Raises AicrError(INVALID_REQUEST)."""
    names.check_prefix(request.name, "--job-name")
    if request.service_account:
        names.check_prefix(request.service_account, "--service-account-name")
    names.check_prefix(request.namespace, "--namespace")
    if request.sink:
        sink.target(request.sink)
        if is_fleet(request):
            raise AicrError(
                Code.INVALID_REQUEST, "many agents cannot write to one object", where="--output",
                hint="let the results come back: the client then writes them to cm://",
            )  # fmt: skip
    if request.require_gpu and request.runtime_class:
        raise AicrError(
            Code.INVALID_REQUEST, "--require-gpu reserves a GPU, --runtime-class reaches them without",
            where="--runtime-class", hint="give one of the two",
        )  # fmt: skip


def is_fleet(request: AgentRequest) -> bool:
    """Tell whether one pod a node runs, rather than one Job."""
    return request.all_nodes or bool(request.nodes)


def find(api: Api, request: AgentRequest, run: str, log: Callable[[str], None]) -> Found:
    """Look at the cluster. Raises AicrError: NOT_FOUND for a node or class that is not there, see ``profiles``."""
    namespace = _namespace(api, request.namespace, log)
    labels = ((namespace or {}).get("metadata") or {}).get("labels") or {}
    profile, said = profiles.choose(
        request.profile, request.runtime_class, request.namespace, labels
    )
    missing = namespace is None
    if profile is None:
        return Found(None, missing, said=said)
    runtime = _runtime_class(api, request, profile)
    _openshift(api, request, profile, log)
    account = _account(api, request)
    made = bool(request.sink) and not account
    plan = Plan(run, profile, runtime, account=account)
    if is_fleet(request):
        ready, unready = _nodes(api, request, log)
        return Found(plan._replace(nodes=ready), missing, made, unready)
    return Found(plan._replace(selector=_placement(api, request, log)), missing, made)


def _namespace(api: Api, name: str, log: Callable[[str], None]) -> Object | None:
    """Give the namespace; None when it is not there; ``{}`` when it may not be looked at, and so is there."""
    try:
        found = api.find(f"/api/v1/namespaces/{name}")
    except AicrError as error:
        if status(error) != 403:
            raise
        log(f"no right to look at namespace {name}: it is taken to be there and to admit the agent")
        return {}
    if found is not None and (found.get("status") or {}).get("phase") == "Terminating":
        raise AicrError(
            Code.INVALID_REQUEST, "the namespace is being deleted", where=f"--namespace {name}",
            hint="wait until it is gone, or give another",
        )  # fmt: skip
    return found


def _runtime_class(api: Api, request: AgentRequest, profile: Profile) -> str:
    wanted = request.runtime_class
    if not wanted and profile.name == "gpu" and not request.require_gpu:
        wanted = GPU_RUNTIME
    if not wanted:
        return ""
    try:
        found = api.find(f"/apis/node.k8s.io/v1/runtimeclasses/{wanted}")
    except AicrError as error:
        if status(error) != 403:
            raise
        return wanted
    if found is None:
        raise AicrError(
            Code.NOT_FOUND, f'RuntimeClass "{wanted}" is not in the cluster', where="--runtime-class",
            hint="install the GPU operator, or leave it out and choose GPU nodes with --node-selector",
        )  # fmt: skip
    return wanted


def _openshift(
    api: Api, request: AgentRequest, profile: Profile, log: Callable[[str], None]
) -> None:
    if api.serves(_OPENSHIFT):
        name = profiles.security_constraint(profile)
        account = request.service_account or "default"
        log(
            f"this is OpenShift: the agent needs the SecurityContextConstraints {name}; if it is refused:"
            f" oc adm policy add-scc-to-user {name} -z {account} -n {request.namespace}"
        )


def _account(api: Api, request: AgentRequest) -> str:
    """Give the prepared service account, if there is one of exactly that name; it is used and never deleted."""
    name = request.service_account
    if not name:
        return ""
    if not request.sink:
        return name
    try:
        found = api.find(f"/api/v1/namespaces/{request.namespace}/serviceaccounts/{name}")
    except AicrError as error:
        if status(error) != 403:
            raise
        return name
    return name if found is not None else ""


def _nodes(
    api: Api, request: AgentRequest, log: Callable[[str], None]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the chosen nodes, by name: those where a pod can start, and those that are not ready."""
    selector = ",".join(f"{key}={value}" for key, value in sorted(request.node_selector.items()))
    try:
        items = list(api.objects("/api/v1/nodes", "" if request.nodes else selector))
    except AicrError as error:
        if status(error) != 403 or not request.nodes:
            raise
        log("no right to list nodes: the names given are taken as they are")
        return tuple(sorted(set(request.nodes))), ()
    known = {item["metadata"]["name"]: item for item in items}
    chosen = sorted(set(request.nodes)) if request.nodes else sorted(known)
    absent = [name for name in chosen if name not in known]
    if absent:
        raise AicrError(
            Code.NOT_FOUND, f"there is no node {', '.join(absent)}", where="--node",
            hint="kubectl get nodes lists them",
        )  # fmt: skip
    if not chosen:
        raise AicrError(
            Code.NOT_FOUND, "no node has these labels" if selector else "the cluster has no node",
            where=f"--node-selector {selector}" if selector else "--all-nodes",
            hint="kubectl get nodes --show-labels lists them" if selector else None,
        )  # fmt: skip
    ready = tuple(name for name in chosen if _is_ready(known[name]))
    return ready, tuple(name for name in chosen if name not in ready)


def _is_ready(node: Object) -> bool:
    """Tell whether a node's kubelet answers; one that says nothing about it is taken to be ready."""
    for condition in (node.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "Ready":
            return bool(condition.get("status") == "True")
    return True


def _placement(api: Api, request: AgentRequest, log: Callable[[str], None]) -> dict[str, str]:
    """Give the node selector; without any word about where, a node with a GPU is preferred (11.2, v0.17)."""
    if request.node_selector or request.require_gpu or request.runtime_class:
        return dict(request.node_selector)
    label = ",".join(f"{key}={value}" for key, value in GPU_NODE.items())
    try:
        found = api.first("/api/v1/nodes", label)
    except AicrError as error:
        log(f"cannot look for GPU nodes ({error.message}): the scheduler chooses any node")
        return {}
    if found is None:
        return {}
    log(f"measuring a GPU node ({label}); choose others with --node-selector")
    return dict(GPU_NODE)
