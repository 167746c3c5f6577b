"""Pods that checks start to see what the cluster does with them: their bodies, their end, their log, what went wrong.

Pods are made with ``target.create``, so that the core deletes them whatever happens. What an end means is for the
check to say: nothing in here gives a verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import RUN_NAMESPACE, AicrError, Code, Right

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from aicr_core.api import Context, Target

    Object = dict[str, Any]

HOPELESS = frozenset(
    {
        "ImagePullBackOff",
        "ErrImagePull",
        "InvalidImageName",
        "ErrImageNeverPull",
        "CrashLoopBackOff",
    }
)
"""Reasons of a waiting container that no patience mends (spec/validate.md 8.17)."""
ENDED = ("Succeeded", "Failed")
LOG = 1 << 20
"""Bytes of a log that are read."""
SHARE = 0.9
"""Part of the check's remaining time that a wait may take: the rest is for saying what was seen."""
VANISH = 60.0
"""Seconds that the objects of an earlier check may take to go."""
_BUSY = (Code.SERVICE_UNAVAILABLE, Code.RATE_LIMIT_EXCEEDED)


class End(NamedTuple):
    """How a pod ended, or where it was when the wait was over.

    ``pod`` is the object as last read. ``stuck`` says why it does not get on (``ImagePullBackOff: ... (image: x)``,
    ``Unschedulable: ...``); it is empty for a pod that ended, and for one that simply takes longer.
    """

    pod: Object
    stuck: str = ""

    @property
    def phase(self) -> str:
        """The phase as the API writes it; ``Unknown`` when it says none."""
        return str(section(self.pod, "status").get("phase") or "Unknown")

    @property
    def succeeded(self) -> bool:
        """Whether every container ended with status 0."""
        return self.phase == "Succeeded"

    @property
    def node(self) -> str:
        """The node it ran on; empty when it never got one."""
        return str(section(self.pod, "spec").get("nodeName") or "")

    @property
    def exit_code(self) -> int | None:
        """The status of the first container that ended; None when none did."""
        for status in statuses(self.pod):
            code = section(section(status, "state"), "terminated").get("exitCode")
            if isinstance(code, int):
                return code
        return None


def section(item: Any, key: str) -> Object:
    """Give a mapping inside a mapping; an empty one for whatever else is there."""
    found = item.get(key) if isinstance(item, dict) else None
    return found if isinstance(found, dict) else {}


def entries(item: Any, key: str) -> list[Object]:
    """Give the mappings of a list inside a mapping; what is of another type is left out."""
    found = item.get(key) if isinstance(item, dict) else None
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def body(
    target: Target,
    name: str,
    namespace: str,
    container: Mapping[str, Any],
    *,
    node: str = "",
    labels: Mapping[str, str] | None = None,
    **spec: Any,
) -> Object:
    """Give the body of a pod that runs one container to its end.

    It carries the tolerations and pull secrets that the user wants on pods, and the node selector, unless it is
    pinned to ``node``: the kubelet refuses a pinned pod whose selector does not match. ``spec`` are further fields.
    """
    metadata: Object = {"name": name, "namespace": namespace}
    if labels:
        metadata["labels"] = dict(labels)
    fields: Object = {
        "containers": [dict(container)], "restartPolicy": "Never",
        "tolerations": [dict(toleration) for toleration in target.tolerations], **spec,
    }  # fmt: skip
    if node:
        fields["nodeName"] = node
    elif target.node_selector:
        fields["nodeSelector"] = dict(target.node_selector)
    if target.image_pull_secrets:
        fields["imagePullSecrets"] = [{"name": secret} for secret in target.image_pull_secrets]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": fields}


def rights(namespace: str = RUN_NAMESPACE) -> Iterable[Right]:
    """Give the rights that making, watching and removing pods in ``namespace`` takes."""
    yield Right(verbs=("create", "get", "delete"), resources=("pods",), namespace=namespace)
    yield Right(verbs=("get",), resources=("pods/log",), namespace=namespace)
    yield Right(verbs=("list",), resources=("events",), namespace=namespace)


def namespace_rights(name: str) -> Iterable[Right]:
    """Give the rights that ``target.ensure_namespace`` and the removal of what it made take."""
    yield Right(verbs=("create",), resources=("namespaces",))
    yield Right(verbs=("get", "delete"), resources=("namespaces",), names=(name,))


def budget(ctx: Context, limit: float) -> float:
    """Give the seconds a wait may take: ``limit``, or what the check has left but for a reserve."""
    return min(limit, ctx.remaining() * SHARE)


def until_ended(
    ctx: Context,
    target: Target,
    namespace: str,
    names: Sequence[str],
    limit: float,
    *,
    every: float = 0.5,
    hopeless: Container[str] = HOPELESS,
) -> list[End]:
    """Wait until each pod ended or one is stuck for good, for at most ``limit`` seconds; give all as they are then.

    They are read ``every`` so many seconds; ``hopeless`` are the reasons of a waiting container that end the wait.
    A pod that nobody can place is waited for to the end, for nodes may come; one whose image cannot be had is not.
    Raises AicrError: INTERNAL when somebody deletes a pod meanwhile, TIMEOUT when the time of the check is over.
    """
    last: dict[str, Object] = {}

    def probe() -> bool | None:
        for name in names:
            if section(last.get(name), "status").get("phase") in ENDED:
                continue
            found = _read(target, namespace, name)
            if found is not None:
                last[name] = found
        done = [_ended(last.get(name)) for name in names]
        stuck = any(_waiting(last[name], hopeless.__contains__) for name in last)
        return True if all(done) or stuck else None

    target.wait(budget(ctx, limit), every, probe)
    for name in names:
        if name not in last:  # the server was busy all the time: its own words are the best account
            last[name] = target.cluster.get(
                target.cluster.path("v1", "pods", namespace=namespace, name=name)
            )
    return [End(last[name], why_stuck(last[name])) for name in names]


def _read(target: Target, namespace: str, name: str) -> Object | None:
    """Read a pod; None while the server is too busy to say."""
    try:
        return target.cluster.get(target.cluster.path("v1", "pods", namespace=namespace, name=name))
    except AicrError as error:
        if error.code in _BUSY:
            return None
        if error.code is Code.NOT_FOUND:
            raise AicrError(
                Code.INTERNAL, f"pod {namespace}/{name} was deleted while the check waited for it",
                hint=f"look for who deletes pods: kubectl get events -n {namespace}",
            ) from error  # fmt: skip
        raise


def _ended(pod: Object | None) -> bool:
    return section(pod, "status").get("phase") in ENDED


def statuses(pod: Object) -> list[Object]:
    """Give the statuses of the init containers, then of the containers."""
    status = section(pod, "status")
    return [*entries(status, "initContainerStatuses"), *entries(status, "containerStatuses")]


def why_stuck(pod: Object) -> str:
    """Say why a pod that has not ended does not get on; empty when nothing says so."""
    if _ended(pod):
        return ""
    # What is known to be hopeless first; a container that merely waits says most about a pod that has a node.
    for wanted in (
        HOPELESS.__contains__,
        lambda reason: reason not in ("", "ContainerCreating", "PodInitializing"),
    ):
        text = _waiting(pod, wanted)
        if text:
            return text
    for condition in entries(section(pod, "status"), "conditions"):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            reason = condition.get("reason") or "Unschedulable"
            return f"{reason}: {condition.get('message') or 'the scheduler gives no message'}"
    return ""


def remedy(stuck: str) -> str:
    """Say what to do about a pod that is stuck, by the reason that begins ``stuck``.

    No command names the pod: it is gone by the time anybody reads this.
    """
    reason = stuck.partition(":")[0]
    if reason == "CrashLoopBackOff":
        return "See in the evidence how its container ends, and mend that"
    if reason in HOPELESS:
        return (
            "Make the image reachable from the nodes: allow its registry, mirror it, or make a pull secret in the "
            "pod's namespace and name it with --image-pull-secret"
        )
    if reason == "Unschedulable":
        return (
            "Free a GPU or add a node that has one, and see that --node-selector and --toleration let the pod "
            "onto it: kubectl get nodes, kubectl get resourceclaims -A"
        )
    return "See container states and events in the evidence; to look at the pod itself, run the check with --no-cleanup"


def _waiting(pod: Object, wanted: Callable[[str], bool]) -> str:
    if _ended(pod):
        return ""
    for status in statuses(pod):
        waiting = section(section(status, "state"), "waiting")
        reason = str(waiting.get("reason") or "")
        if wanted(reason):
            return f"{reason}: {waiting.get('message') or 'no message'} (image: {status.get('image') or 'unknown'})"
    return ""


def log(target: Target, namespace: str, name: str, container: str = "") -> str:
    """Give what a container wrote, up to 1 MiB."""
    lines, size = [], 0
    for line in target.cluster.logs(namespace, name, container=container):
        lines.append(line)
        size += len(line) + 1
        if size > LOG:
            lines.append(f"(cut after {LOG} bytes)")
            break
    return "\n".join(lines)


def log_or_reason(target: Target, namespace: str, name: str) -> str:
    """Give the log for the evidence, or why it cannot be had."""
    try:
        return log(target, namespace, name).rstrip()
    except AicrError as error:
        return f"the log cannot be read: {error}"


def account(target: Target, end: End) -> str:
    """Give what a person wants to know of a pod that went wrong: container states, and its Warning events."""
    metadata = section(end.pod, "metadata")
    namespace, name = str(metadata.get("namespace") or ""), str(metadata.get("name") or "")
    lines = [f"{namespace}/{name} phase={end.phase} node={end.node or 'none'}", *states(end.pod)]
    return "\n".join([*lines, *warnings(target, namespace, name)])


def states(pod: Object) -> list[str]:
    """Give a line about the state of each container."""
    lines = []
    for status in statuses(pod):
        for word, state in section(status, "state").items():
            state = state if isinstance(state, dict) else {}
            said = [
                f"{key}={state[key]}" for key in ("reason", "exitCode", "message") if key in state
            ]
            lines.append(" ".join([f"container {status.get('name')} {word}", *said]))
    return lines


def warnings(target: Target, namespace: str, name: str) -> list[str]:
    """Give a line about each Warning event of a pod, or why they cannot be read."""
    path = target.cluster.path("v1", "events", namespace=namespace)
    fields = f"involvedObject.kind=Pod,involvedObject.name={name},type=Warning"
    try:
        found = list(target.cluster.list(path, field_selector=fields))
    except AicrError as error:
        return [f"events cannot be read: {error}"]
    return [f"event {item.get('reason')}: {item.get('message')}" for item in found]
