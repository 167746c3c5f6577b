"""Say why an agent's pod does not run, in the cluster's word and with what mends it (spec/snapshot.md 14.6).

Pure: pods, Jobs and events in, a :class:`Trouble` or None out. Whether to give up is the engine's decision.
"""

from __future__ import annotations

from typing import Any, NamedTuple

Object = dict[str, Any]
IMAGE = frozenset(["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable"])
"""Pulls are tried again by the kubelet: one failure alone is no reason to give up."""
BACK_OFF = "ImagePullBackOff"
"""The wait after a failed pull: its own text need not say why the pull failed."""
_PULL_FAILED = "Failed to pull image"
_WAITING = frozenset([
    *IMAGE, "InvalidImageName", "ImageInspectError", "CreateContainerConfigError", "CreateContainerError",
    "RunContainerError", "CrashLoopBackOff", "StartError",
])  # fmt: skip
_EVENTS = frozenset([
    "FailedCreate", "FailedScheduling", "FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox",
    "FailedCreatePodContainer", "NodeNotReady", "NetworkNotReady",
])  # fmt: skip
SCALE_UP = "TriggeredScaleUp"
"""Event: the cluster is adding a node for the pod; being unschedulable is then normal."""
UNSCHEDULABLE = "Unschedulable"
_LONG = 500


class Trouble(NamedTuple):
    """What is wrong: a word as Kubernetes uses it, its text, how to mend it; ``final`` when waiting cannot help."""

    reason: str
    text: str
    hint: str
    final: bool = False

    def __str__(self) -> str:
        parts = (self.text, self.hint)
        return "; ".join(part for part in parts if part)


def of_pod(pod: Object) -> Trouble | None:
    """Give what is wrong with a pod; None while it starts, runs or has succeeded."""
    status = pod.get("status") or {}
    phase = status.get("phase")
    if phase == "Failed":
        return _failed(status)
    for condition in status.get("conditions") or ():
        kind, reason = condition.get("type"), str(condition.get("reason") or "")
        if kind == "DisruptionTarget" and condition.get("status") == "True":
            return _trouble("NodeLost", f"{reason}: {condition.get('message', '')}")
        if kind == "PodScheduled" and condition.get("status") == "False":
            return _trouble(reason or UNSCHEDULABLE, condition.get("message", ""))
    if phase == "Unknown" or status.get("reason") == "NodeLost":
        return _trouble("NodeLost", status.get("message", "") or "the node does not answer")
    for container in _containers(status):
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _WAITING:
            return _trouble(waiting["reason"], waiting.get("message", ""))
    return None


def _failed(status: Object) -> Trouble:
    reason = str(status.get("reason") or "")
    text = str(status.get("message") or "")
    for container in _containers(status):
        ended = (container.get("state") or {}).get("terminated") or {}
        if not ended:
            continue
        # A pod that ran too long or was evicted has a reason of its own, which says more than the exit status.
        if not reason:
            reason = str(ended.get("reason") or "Error")
        said = str(ended.get("message") or "")
        if reason == "Error" and not text:
            text = f"the agent ended with exit status {ended.get('exitCode', '?')}"
        text = ": ".join(part for part in (text, said) if part)
    return _trouble(reason or "Error", text, final=True)


def _containers(status: Object) -> list[Object]:
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def of_event(event: Object) -> Trouble | None:
    """Give what an event complains of; None for one that only tells."""
    reason = str(event.get("reason") or "")
    if reason not in _EVENTS or event.get("type") == "Normal":
        return None
    return _trouble(
        UNSCHEDULABLE if reason == "FailedScheduling" else reason, event.get("message", "")
    )


def pull_failure(event: Object) -> str:
    """Give why an image could not be pulled, from the kubelet's event about it; empty for any other event."""
    text = str(event.get("message") or "")
    failed = event.get("reason") == "Failed" and text.startswith(_PULL_FAILED)
    return text if failed else ""


def because(trouble: Trouble, cause: str) -> Trouble:
    """Add to a back-off why the pull failed, unless it says so itself."""
    if trouble.reason != BACK_OFF or not cause or cause in trouble.text:
        return trouble
    return _trouble(trouble.reason, f"{trouble.text}: {cause}")


def of_job(job: Object) -> Trouble | None:
    """Give why a Job failed; None while it has not."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "Failed" and condition.get("status") == "True":
            reason = condition.get("reason") or "JobFailed"
            return _trouble(reason, condition.get("message", ""), final=True)
    return None


def refused(text: str) -> Trouble:
    """Give the trouble of an object that the API server did not take."""
    return _trouble("FailedCreate", text, final=True)


def vanished(reason: str, text: str) -> Trouble:
    """Give the trouble of a pod or Job that is not there any more, or never came."""
    return _trouble(reason, text, final=True)


def _trouble(reason: str, text: object, *, final: bool = False) -> Trouble:
    words = " ".join(str(text or "").split())
    if len(words) > _LONG:
        words = f"{words[: _LONG - 1]}…"
    return Trouble(reason, words, _hint(reason, words), final)


def _hint(reason: str, text: str) -> str:
    if reason in ("FailedCreate", "Forbidden"):
        return _admission_hint(text)
    return _HINTS.get(reason, "")


def _admission_hint(text: str) -> str:
    lower = text.lower()
    for words, hint in _ADMISSION:
        if words in lower:
            return hint
    return "an admission rule of the cluster refused the pod: mend what it names"


_ADMISSION = (
    ("must specify", "the quota wants such values: give them with --requests and --limits"),
    ("exceeded quota", "raise the namespace's quota, lower --requests and --limits, or use another --namespace"),
    ("podsecurity", "use --profile plain, or a --namespace whose pod security level admits the profile"),
    ("serviceaccount", "create that service account, or leave out --service-account-name"),
    ("maximum", "lower --requests and --limits, or use another --namespace"),
    ("securitycontextconstraint", "bind the SecurityContextConstraints that the log names, or use --profile plain"),
)  # fmt: skip
_PULL = "check --image, the way from the node to its registry, and --image-pull-secret"
_ROOM = (
    "free resources on the node, or choose others with --node-selector, --toleration and --requests"
)
_NODE = "look at the node with: kubectl describe node"
_HINTS = {
    UNSCHEDULABLE: _ROOM,
    "SchedulingGated": "an admission rule holds the pod back: see its spec.schedulingGates",
    **dict.fromkeys(IMAGE, _PULL),
    "ImageInspectError": _PULL,
    "InvalidImageName": "mend --image",
    "CreateContainerConfigError": "the image does not fit the profile: see the text, or give another --profile",
    "CreateContainerError": "the container runtime of the node refused the container",
    "RunContainerError": "the image does not start: check --image and --runtime-class",
    "StartError": "the image has no program aicr: build it from packaging/agent/Containerfile",
    "ContainerCannotRun": "the image has no program aicr: build it from packaging/agent/Containerfile",
    "OOMKilled": "give it more memory: --limits memory=512Mi",
    "Evicted": "the node is short of memory or disk: try again, or raise --requests",
    "NodeLost": _NODE,
    "NodeNotReady": _NODE,
    "NodeShutdown": _NODE,
    "DeadlineExceeded": "give more time with --timeout",
    "FailedMount": "the host has not what the profile mounts: use --profile plain",
    "FailedCreatePodSandBox": "the node cannot run the pod: check --runtime-class and the node's network",
    "NetworkNotReady": _NODE,
    "Deleted": "somebody deleted it while it ran: run it again",
    "NoPod": "see the Job's events with: kubectl describe job",
    "LogLost": "the log of the pod is cut or rotated: run it again",
    "NoSnapshot": "the image is no agent of this version: check --image",
}  # fmt: skip
