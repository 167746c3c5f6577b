"""What an agent's pod may do on its node, and which of it a namespace admits (spec/snapshot.md 14.2).

Host namespaces (network, process, IPC) are never asked for: libraries of the driver are reached through the read-only
mount of the host's file system, not through another process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = "/host"
"""Where the agent's image sees the host; there /proc and /sys are links to the container's own (packaging/agent)."""
ENFORCE = "pod-security.kubernetes.io/enforce"
NOBODY = 65534
API = "api"
"""No pod at all: what the API server tells, the caller reads with its own rights."""


class Profile(NamedTuple):
    """One set of rights. ``mounts`` are paths of the host, read-only, below :data:`ROOT`."""

    name: str
    pod: Mapping[str, Any]
    container: Mapping[str, Any]
    mounts: tuple[str, ...] = ()
    needs: str = "privileged"
    """The lowest pod security level that admits it."""
    loses: str = ""
    """What such an agent cannot read."""


_RUNTIME_DEFAULT = {"type": "RuntimeDefault"}
_PLAIN_POD = {
    "runAsUser": NOBODY, "runAsGroup": NOBODY, "runAsNonRoot": True, "fsGroup": NOBODY,
    "seccompProfile": _RUNTIME_DEFAULT,
}  # fmt: skip
_CAGED = {
    "privileged": False, "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]}, "seccompProfile": _RUNTIME_DEFAULT,
}  # fmt: skip
# Root without any capability: systemd's private socket answers root only, and that is all it is needed for.
_ROOT_POD = {"runAsUser": 0, "runAsGroup": 0, "seccompProfile": _RUNTIME_DEFAULT}
# No mount has a type: the kubelet's check refuses links, which os-release is on many distributions (14.2).
_NODE_MOUNTS = ("/run/systemd/private", "/etc/os-release")

PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "plain", _PLAIN_POD,
            {**_CAGED, "runAsUser": NOBODY, "runAsGroup": NOBODY, "runAsNonRoot": True},
            needs="restricted", loses="SystemD and OS.release, and the GPUs without a runtime class",
        ),
        Profile("node", _ROOT_POD, {**_CAGED, "runAsUser": 0, "runAsGroup": 0}, _NODE_MOUNTS,
                loses="what only the GPU driver knows"),
        Profile("gpu", _ROOT_POD, {**_CAGED, "runAsUser": 0, "runAsGroup": 0}, _NODE_MOUNTS),
        Profile(
            "privileged", {"runAsUser": 0, "runAsGroup": 0},
            {"privileged": True, "allowPrivilegeEscalation": True, "readOnlyRootFilesystem": True,
             "runAsUser": 0, "runAsGroup": 0},
            ("/",),
        ),
    )
}  # fmt: skip
_LEVELS = ("privileged", "baseline", "restricted")


def choose(
    wanted: str, runtime_class: str, namespace: str, labels: Mapping[str, str]
) -> tuple[Profile | None, str]:
    """Give the profile of this run, None for no pod at all, and what is to be said about it.

    ``auto`` takes what reads everything with the fewest rights, if the namespace admits it: ``gpu`` with a runtime
    class, else ``privileged``. Raises AicrError: INVALID_REQUEST for an unknown word, UNAUTHORIZED for a profile
    asked for that the namespace's pod security level refuses.
    """
    level = labels.get(ENFORCE, "") or "privileged"
    # A word that nobody knows is treated by the API server as the strictest level.
    strictness = _LEVELS.index(level) if level in _LEVELS else len(_LEVELS) - 1
    if wanted == API:
        return None, ""
    if wanted == "auto":
        name = "gpu" if runtime_class else "privileged"
        if strictness <= _LEVELS.index(PROFILES[name].needs):
            return PROFILES[name], ""
        return None, (
            f'namespace {namespace} enforces pod security "{level}", which admits no agent that sees its node: only'
            f" the cluster is read (profile {API}). For the node too, give --namespace with another namespace, or"
            f" --profile plain, which reads all but {PROFILES['plain'].loses}"
        )
    if wanted not in PROFILES:
        raise AicrError(
            Code.INVALID_REQUEST, f'no profile "{wanted}"', where="--profile",
            hint=f"one of auto, {API}, {', '.join(PROFILES)}",
        )  # fmt: skip
    profile = PROFILES[wanted]
    if strictness > _LEVELS.index(profile.needs):
        raise AicrError(
            Code.UNAUTHORIZED,
            f'namespace {namespace} enforces pod security "{level}"; profile {wanted} needs "{profile.needs}"',
            where="--profile",
            hint=f"use --profile plain or another --namespace, or label this one {ENFORCE}={profile.needs}",
        )
    return profile, ""


def security_constraint(profile: Profile) -> str:
    """Name the SecurityContextConstraints of OpenShift that admit the profile."""
    return {"plain": "nonroot-v2", "privileged": "privileged"}.get(profile.name, "hostmount-anyuid")
