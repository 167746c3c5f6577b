"""Plays the scheduler and the kubelets: one pod from its creation to its end."""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING, Any

import attrs

from emulated_cluster.objects import now
from emulated_cluster.scheduling import choose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from emulated_cluster.cluster import FakeCluster
    from emulated_cluster.kinds import Kind

    Item = dict[str, Any]
    Produce = Callable[[Item, Item], Iterable[str]]


@attrs.frozen
class Fate:
    """What befalls a pod.

    ``word``: ``run`` (the default), ``fail`` (its first container ends with ``code``), ``oom``, ``image``
    (ErrImagePull, then ImagePullBackOff), ``config`` (CreateContainerConfigError), ``unschedulable``, ``evicted``,
    ``hang`` (runs and says nothing), ``lost`` (starts, then its node is gone), ``refused`` (the pod of a Job or
    DaemonSet cannot be created: quota, pod security).
    """

    word: str = "run"
    message: str = ""
    code: int = 1


class Exit(Exception):
    """Raised by ``produce``: the container ends with this status, and this text in its termination log."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(str(code))
        self.code = code
        self.message = message


class Kubelet:
    """Runs pods; ``ended(pod, phase)`` and ``ready(pod)`` tell who made them."""

    def __init__(
        self,
        cluster: FakeCluster,
        produce: Produce,
        fate: Callable[[Item], Fate],
        ended: Callable[[Item, str], None],
        ready: Callable[[Item], None],
    ) -> None:
        self.cluster = cluster
        self._objects = cluster.objects
        self._pods = cluster.by_plural["pods"]
        self._produce = produce
        self._fate = fate
        self._ended = ended
        self._ready = ready
        self._scheduling = threading.Lock()

    def run(self, pod: Item) -> None:
        """Play a pod from its creation to its end."""
        fate = self._fate(pod)
        if not self._schedule(pod, fate):
            return
        spec = pod["spec"]
        for field, statuses in (
            ("initContainers", "initContainerStatuses"),
            ("containers", "containerStatuses"),
        ):
            for container in spec.get(field) or ():
                state = self._container(
                    pod, container, statuses, fate, first=container is _first(spec)
                )
                if state is None:
                    return
                if state["exitCode"] and (
                    field == "initContainers" or spec.get("restartPolicy") != "Always"
                ):
                    self._finish(pod, "Failed")
                    return
        if spec.get("restartPolicy", "Always") != "Always":
            self._finish(pod, "Succeeded")

    def _schedule(self, pod: Item, fate: Fate) -> bool:
        with self._scheduling:
            load: dict[str, int] = {}
            for other in self.cluster.all("pods"):
                name = other["spec"].get("nodeName", "")
                load[name] = load.get(name, 0) + 1
            chosen, message = choose(pod, self.cluster.all("nodes"), load)
            if pod["spec"].get("nodeName"):
                chosen = pod["spec"]["nodeName"]
            if fate.word == "unschedulable":
                chosen, message = (
                    "",
                    fate.message or message or "0/1 nodes are available: 1 Insufficient cpu.",
                )
            if chosen:
                conditions = [{"type": "PodScheduled", "status": "True"}, ready_condition(False)]
                status = {"phase": "Pending", "conditions": conditions, "startTime": now()}
            else:
                condition = {
                    "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
                }  # fmt: skip
                status = {"phase": "Pending", "conditions": [condition]}

            def edit(item: Item) -> None:
                item["status"] = status
                if chosen:
                    item["spec"]["nodeName"] = chosen

            there = self._edit(pod, edit)
        if not chosen:
            event(self.cluster, pod, self._pods, "FailedScheduling", message, "default-scheduler")
        return bool(chosen) and there

    def _container(
        self, pod: Item, container: Item, statuses: str, fate: Fate, *, first: bool
    ) -> Item | None:
        """Run one container; None when the pod stays as it is, else how it ended."""
        name = container["name"]
        if first and fate.word in ("image", "config"):
            self._stuck(pod, container, statuses, fate)
            return None
        log = self.cluster.log(pod["metadata"]["namespace"], pod["metadata"]["name"], name)
        forever = (
            statuses == "containerStatuses"
            and pod["spec"].get("restartPolicy", "Always") == "Always"
        )

        def running(item: Item) -> None:
            _put_state(item, statuses, container, {"running": {"startedAt": now()}}, ready=True)
            if statuses == "containerStatuses":
                item["status"]["phase"] = "Running"
                item["status"]["conditions"] = [
                    {"type": "PodScheduled", "status": "True"},
                    ready_condition(True),
                ]

        if not self._edit(pod, running):
            return None
        self._ready(pod)
        if fate.word in ("hang", "lost", "evicted") and first:
            self._lose(pod, fate)
            return None
        code, reason, message = 0, "Completed", ""
        try:
            for line in self._produce(pod, container):
                log.write(line)
        except Exit as error:
            code, reason, message = (
                error.code,
                "Error" if error.code else "Completed",
                error.message,
            )
        if forever:
            return {"exitCode": 0}  # it goes on running; its log stays open
        log.close()
        if first and fate.word == "fail":
            code, reason = fate.code, "Error"
        if first and fate.word == "oom":
            code, reason = 137, "OOMKilled"
        ended = {"exitCode": code, "reason": reason, "startedAt": now(), "finishedAt": now()}
        if message or (fate.message and code):
            ended["message"] = message or fate.message
        there = self._edit(pod, lambda i: _put_state(i, statuses, container, {"terminated": ended}))
        return ended if there else None

    def _stuck(self, pod: Item, container: Item, statuses: str, fate: Fate) -> None:
        image = container["image"]
        if fate.word == "config":
            text = fate.message or 'secret "x" not found'
            steps = [("CreateContainerConfigError", text, f"Error: {text}")]
        else:
            text = fate.message or f'failed to pull and unpack image "{image}": not found'
            steps = [
                ("ErrImagePull", text, f'Failed to pull image "{image}": {text}'),
                (
                    "ImagePullBackOff",
                    f'Back-off pulling image "{image}"',
                    "Error: ImagePullBackOff",
                ),
            ]
        for reason, text, said in steps:
            state = {"waiting": {"reason": reason, "message": text}}
            self._edit(pod, lambda i, state=state: _put_state(i, statuses, container, state))  # type: ignore[misc]
            event(self.cluster, pod, self._pods, "Failed", said, "kubelet")

    def _lose(self, pod: Item, fate: Fate) -> None:
        def edit(item: Item) -> None:
            if fate.word == "lost":
                item["status"]["reason"] = "NodeLost"
                item["status"]["conditions"] = [
                    {"type": "Ready", "status": "False", "reason": "NodeNotReady"}
                ]
            elif fate.word == "evicted":
                item["status"] |= {"phase": "Failed", "reason": "Evicted", "message": fate.message}

        self._edit(pod, edit)
        if fate.word == "evicted":
            self._finish(pod, "Failed")

    def _finish(self, pod: Item, phase: str) -> None:
        def edit(item: Item) -> None:
            item["status"]["phase"] = phase
            item["status"]["conditions"] = [
                {"type": "PodScheduled", "status": "True"},
                ready_condition(False),
            ]

        self._edit(pod, edit)
        self._ended(pod, phase)

    def gone(self, pod: Item) -> None:
        """End the logs of a pod that was deleted."""
        for field in ("initContainers", "containers"):
            for container in pod["spec"].get(field) or ():
                key = (pod["metadata"]["namespace"], pod["metadata"]["name"], container["name"])
                log = self.cluster.logs.get(key)
                if log is not None:
                    log.close()

    def _edit(self, pod: Item, edit: Callable[[Item], None]) -> bool:
        metadata = pod["metadata"]
        place = (metadata["namespace"], metadata["name"])
        return self._objects.change(self._pods, *place, edit) is not None


def event(
    cluster: FakeCluster, about: Item, kind: Kind, reason: str, message: str, source: str
) -> None:
    """Record a Warning about an object, as the real components do."""
    metadata = about["metadata"]
    cluster.objects.create(
        cluster.by_plural["events"],
        {
            "metadata": {
                "name": f"{metadata['name'][:200]}.{uuid.uuid4().hex[:16]}",
                "namespace": metadata.get("namespace", "default"),
            },
            "involvedObject": {
                "apiVersion": kind.api_version, "kind": kind.kind, "name": metadata["name"],
                "namespace": metadata.get("namespace", ""), "uid": metadata["uid"],
            },
            "reason": reason, "message": message, "type": "Warning", "count": 1,
            "source": {"component": source}, "firstTimestamp": now(), "lastTimestamp": now(),
        },
    )  # fmt: skip


def _first(spec: Item) -> Item:
    first: Item = (spec.get("initContainers") or spec["containers"])[0]
    return first


def ready_condition(value: bool) -> Item:
    """Give the condition Ready."""
    return {"type": "Ready", "status": "True" if value else "False"}


def _put_state(
    item: Item, field: str, container: Item, state: Item, *, ready: bool = False
) -> None:
    listed = item["status"].setdefault(field, [])
    listed[:] = [entry for entry in listed if entry["name"] != container["name"]]
    listed.append(
        {
            "name": container["name"], "image": container["image"], "ready": ready, "restartCount": 0,
            "imageID": "", "state": state,
        }
    )  # fmt: skip
