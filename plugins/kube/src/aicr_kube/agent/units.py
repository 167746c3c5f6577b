"""One agent as the engine knows it: where it is to run, what stands for it in the cluster, and how it fares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from aicr_kube.jobs import troubles

if TYPE_CHECKING:
    from aicr_kube.jobs.troubles import Trouble

Object = dict[str, Any]


@attrs.define
class Unit:
    """One agent. ``target`` is the node it must run on, empty when the scheduler chooses."""

    target: str
    attempt: int = 0
    name: str = ""
    """Of its Job, or of its pod in a fleet."""
    place: str = ""
    """Path of that object."""
    started: float = 0.0
    pod: str = ""
    node: str = ""
    seen: bool = False
    """Whether the cluster has shown the pod."""
    placed: bool = False
    """Whether the scheduler has bound it to a node."""
    running: bool = False
    ended: float = 0.0
    """When it was seen to have ended; 0 while it has not."""
    reading: bool = False
    """Whether its log is being read."""
    following: bool = False
    """Whether that reading goes on until the pod ends."""
    readings: int = 0
    """How many readings were begun: the answer of an older one is not waited for."""
    reread: bool = False
    """Whether its log was read a second time."""
    scaling: bool = False
    """Whether the cluster is adding a node for it."""
    pulls: int = 0
    pull: str = ""
    """Why the image could not be pulled: older kubelets do not repeat it while they wait for the next try."""
    trouble: Trouble | None = None
    since: float = 0.0
    """When the trouble began."""
    tail: tuple[str, ...] = ()

    def observe(self, pod: Object) -> Trouble | None:
        """Take in a state of the pod; give the trouble it is in, if it is a new or lasting one."""
        self.seen = True
        self.pod = pod["metadata"]["name"]
        self.node = (pod.get("spec") or {}).get("nodeName") or self.node
        self.placed = bool((pod.get("spec") or {}).get("nodeName"))
        self.running = (pod.get("status") or {}).get("phase") == "Running"
        found = troubles.of_pod(pod)
        if found is not None and found.reason == "ErrImagePull":
            self.pulls += 1
            self.pull = found.text or self.pull
            if self.pulls < 2:
                return None
        if found is not None:
            found = troubles.because(found, self.pull)
        if self._is_over(pod, found):
            self.trouble = None
        return found

    def learn(self, pull: str) -> None:
        """Take in an event that says why the image could not be pulled; the pod's own word is better."""
        if self.pull or not pull:
            return
        self.pull = pull
        if self.trouble is not None:
            self.trouble = troubles.because(self.trouble, pull)

    def _is_over(self, pod: Object, found: Trouble | None) -> bool:
        """Tell whether the former trouble has passed. A failing pull shows no trouble between two tries."""
        if (pod.get("status") or {}).get("phase") in ("Running", "Succeeded"):
            return True
        return (
            found is None
            and self.trouble is not None
            and self.trouble.reason == troubles.UNSCHEDULABLE
            and self.placed
        )

    def is_past(self, trouble: Trouble) -> bool:
        """Tell whether what an event complains of is over, by what the pod has shown since."""
        if trouble.reason == troubles.UNSCHEDULABLE:
            return self.placed
        if trouble.reason == "FailedCreate":
            return self.seen
        return self.running
