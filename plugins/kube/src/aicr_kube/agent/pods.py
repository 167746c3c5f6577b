"""The objects that run an agent: a Job for one node, a pod of its own for each node of a fleet.

Pure: a request and a plan in, manifests out. The fields follow the reference (spec/snapshot.md 11.4) where they are not
a defect of it; tests/test_agent_objects.py holds the list of what differs, and why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import __version__
from aicr_kube.agent.profiles import ROOT
from aicr_kube.jobs import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.api import AgentRequest
    from aicr_kube.agent.profiles import Profile

Object = dict[str, Any]
CONTAINER = "aicr"
TTL = 3600
"""Seconds that a finished Job stays (spec/snapshot.md 18)."""
MARGIN = 60
"""Seconds that a pod may live beyond the caller's timeout: the caller gives up first, and says why."""
# Measured: the process of the agent holds 27 MiB, its NVML worker less. CPU has no limit: throttled collectors miss
# their deadlines.
REQUESTS = {"cpu": "50m", "memory": "64Mi", "ephemeral-storage": "16Mi"}
LIMITS = {"memory": "256Mi", "ephemeral-storage": "64Mi"}
GPU = "nvidia.com/gpu"
_REPOSITORY = "ghcr.io/nvidia/aicr"


class Plan(NamedTuple):
    """What was found out before anything is made: the run, its rights, and the nodes."""

    run: str
    profile: Profile
    runtime_class: str = ""
    nodes: tuple[str, ...] = ()
    """The nodes of a fleet; empty when the scheduler chooses one."""
    selector: Mapping[str, str] = {}
    account: str = ""
    """Service account of the pod; empty for the namespace's default one, which gets no token."""


def image(request: AgentRequest) -> str:
    """Give the image, by default the reference's rule for this version (spec/snapshot.md 11.1)."""
    if request.image:
        return request.image
    latest = __version__ == "dev" or "-next" in __version__
    return f"{_REPOSITORY}:{'latest' if latest else f'v{__version__}'}"


def job(request: AgentRequest, plan: Plan, attempt: int = 1) -> Object:
    """Give the Job that measures one node of the scheduler's choice."""
    extra = () if attempt == 1 else (str(attempt),)
    labels = names.labels(plan.run)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _metadata(request, plan, *extra),
        "spec": {
            "parallelism": 1,
            "completions": 1,
            "completionMode": "NonIndexed",
            "backoffLimit": 0,
            "activeDeadlineSeconds": lifetime(request),
            "ttlSecondsAfterFinished": TTL,
            "template": {"metadata": {"labels": labels}, "spec": pod_spec(request, plan)},
        },
    }


def node_pod(request: AgentRequest, plan: Plan, node: str, attempt: int = 1) -> Object:
    """Give the pod that measures ``node``; the scheduler places it, so that its checks of resources apply."""
    extra = () if attempt == 1 else (str(attempt),)
    spec = pod_spec(request, plan)
    terms = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}]
    spec["affinity"] = {
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    }  # fmt: skip
    spec["activeDeadlineSeconds"] = lifetime(request)
    metadata = _metadata(request, plan, names.short(node), *extra)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def lifetime(request: AgentRequest) -> int:
    """Give the seconds after which the cluster itself ends an agent whose caller has died."""
    return int(request.timeout) + MARGIN


def _metadata(request: AgentRequest, plan: Plan, *further: str) -> Object:
    return {
        "name": names.named(request.name, plan.run, *further),
        "namespace": request.namespace,
        "labels": names.labels(plan.run),
        "annotations": {names.LIFETIME: str(lifetime(request))},
    }


def pod_spec(request: AgentRequest, plan: Plan) -> Object:
    """Give the pod's specification, without what binds it to a node of a fleet."""
    paths = plan.profile.mounts
    volumes: list[Object] = [{"name": "tmp", "emptyDir": {}}]
    volumes += [
        {"name": f"host-{number}", "hostPath": {"path": path}}
        for number, path in enumerate(paths, 1)
    ]
    spec: Object = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": bool(request.sink),
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 5,
        "securityContext": dict(plan.profile.pod),
        "tolerations": [dict(item) for item in request.tolerations] or [{"operator": "Exists"}],
        "volumes": volumes,
        "containers": [_container(request, plan)],
    }
    if plan.account:
        spec["serviceAccountName"] = plan.account
    if plan.selector:
        spec["nodeSelector"] = dict(plan.selector)
    if plan.runtime_class:
        spec["runtimeClassName"] = plan.runtime_class
    if request.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in request.image_pull_secrets]
    return spec


def _container(request: AgentRequest, plan: Plan) -> Object:
    paths = plan.profile.mounts
    mounts: list[Object] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108
    mounts += [
        {"name": f"host-{number}", "mountPath": (ROOT + path).rstrip("/"), "readOnly": True}
        for number, path in enumerate(paths, 1)
    ]
    return {
        "name": CONTAINER,
        "image": image(request),
        "command": ["aicr"],
        "args": arguments(request),
        "env": _environment(plan),
        "resources": _resources(request),
        "volumeMounts": mounts,
        "securityContext": {
            key: dict(value) if isinstance(value, dict) else value
            for key, value in plan.profile.container.items()
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def arguments(request: AgentRequest) -> list[str]:
    """Give the words of the ``aicr`` inside the pod: frames on its log, or its own write to the sink."""
    words = ["--debug", "--log-json"] if request.debug else []
    words += ["snapshot", "--local"]
    if request.sink:
        return [*words, "--output", request.sink, *request.arguments]
    return [*words, "--only", "host", "--framed", "--format", "json", *request.arguments]


def _environment(plan: Plan) -> list[Object]:
    found: list[Object] = [
        {"name": "AICR_LOG_PREFIX", "value": "agent"},
        {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
    ]
    if plan.profile.mounts:
        found.append({"name": "AICR_HOST_ROOT", "value": ROOT})
    if plan.runtime_class:
        found.append({"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"})
        found.append({"name": "NVIDIA_DRIVER_CAPABILITIES", "value": "utility"})
    return found


def _resources(request: AgentRequest) -> Object:
    limits = {**LIMITS, **request.limits}
    if request.require_gpu:
        limits.setdefault(GPU, "1")
    # A default request above the user's own limit would be refused; without one it follows the limit.
    given = {name: value for name, value in REQUESTS.items() if name not in request.limits}
    return {"requests": {**given, **request.requests}, "limits": limits}
