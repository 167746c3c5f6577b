"""Plays the workload controllers, the scheduler and the kubelets of the emulated cluster.

A Job gets its pod, a DaemonSet one on each node that takes it; a pod is scheduled, runs, writes its log and ends.
What it writes comes from the test (``produce``), and what befalls it too (``fate``). Everything happens at once:
there are no waits in here besides those of ``produce``.
"""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING, Any

import attrs

from fake_cluster.objects import now
from fake_cluster.refused import Refused
from fake_cluster.scheduling import choose, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from fake_cluster.cluster import FakeCluster
    from fake_cluster.kinds import Kind

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
    """Raised by ``produce``: the container ends with this status."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class Controllers:
    """Runs beside a cluster; a context manager.

    ``produce(pod, container)`` gives the log lines of a container; it may take its time, and may run the real
    program. ``fate(pod)`` says what befalls a pod; the pod's labels and ``spec`` are those of the template.
    """

    def __init__(
        self,
        cluster: FakeCluster,
        produce: Produce | None = None,
        fate: Callable[[Item], Fate] | None = None,
    ) -> None:
        self.cluster = cluster
        self._objects = cluster.objects
        self._kinds = cluster.by_plural
        self._produce: Produce = produce or (lambda pod, container: ())
        self._fate = fate or (lambda pod: Fate())
        self._stop = threading.Event()
        self._at = 0
        self._scheduling = threading.Lock()
        self._thread = threading.Thread(target=self._loop, daemon=True, name="controllers")

    def __enter__(self) -> Controllers:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._stop.set()
        with self._objects.changed:
            self._objects.changed.notify_all()
        self._thread.join()

    def _loop(self) -> None:
        while not self._stop.is_set():
            with self._objects.changed:
                if self._at >= len(self._objects.history):
                    self._objects.changed.wait(0.5)
                changes = self._objects.history[self._at :]
                self._at += len(changes)
            for change in changes:
                plural = change.kind.plural
                if change.before is None and change.after is not None:
                    if plural == "jobs":
                        self._start_job(change.after)
                    elif plural == "daemonsets":
                        self._start_daemonset(change.after)
                    elif plural == "pods" and not (change.after.get("status") or {}).get("phase"):
                        threading.Thread(
                            target=self._run, args=(change.after,), daemon=True
                        ).start()
                elif change.after is None and change.before is not None and plural == "pods":
                    self._gone(change.before)

    # --- Job, DaemonSet ---------------------------------------------------------------------------

    def _start_job(self, job: Item) -> None:
        if not job["spec"].get("suspend"):
            wanted = min(job["spec"].get("parallelism", 1), job["spec"].get("completions", 1))
            for _ in range(wanted):
                self._make_pod(self._kinds["jobs"], job, {})

    def _start_daemonset(self, daemonset: Item) -> None:
        spec = daemonset["spec"]["template"]["spec"]
        takers = [n for n in self._nodes() if not refusal(spec, n)]
        self._status(
            "daemonsets", daemonset, {"desiredNumberScheduled": len(takers), "numberReady": 0}
        )
        for taker in takers:
            field = {
                "key": "metadata.name",
                "operator": "In",
                "values": [taker["metadata"]["name"]],
            }
            terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
            pinned = {"requiredDuringSchedulingIgnoredDuringExecution": terms}
            self._make_pod(
                self._kinds["daemonsets"], daemonset, {"affinity": {"nodeAffinity": pinned}}
            )

    def _make_pod(self, kind: Kind, owner: Item, extra: Item) -> None:
        metadata = owner["metadata"]
        template = owner["spec"]["template"]
        labels = dict((template.get("metadata") or {}).get("labels") or {})
        if kind.plural == "jobs":
            labels |= {
                "job-name": metadata["name"],
                "batch.kubernetes.io/job-name": metadata["name"],
                "controller-uid": metadata["uid"],
                "batch.kubernetes.io/controller-uid": metadata["uid"],
            }
        reference = {
            "apiVersion": kind.api_version, "kind": kind.kind, "name": metadata["name"],
            "uid": metadata["uid"], "controller": True, "blockOwnerDeletion": True,
        }  # fmt: skip
        pod = {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": f"{metadata['name'][:57]}-{uuid.uuid4().hex[:5]}",
                "namespace": metadata["namespace"], "labels": labels,
                "annotations": dict((template.get("metadata") or {}).get("annotations") or {}),
                "ownerReferences": [reference],
            },
            "spec": {"serviceAccountName": "default", **template["spec"], **extra},
        }  # fmt: skip
        problem = self._problem(pod)
        if problem:
            self.event(owner, kind, "FailedCreate", f"Error creating: {problem}", kind.kind.lower())
            return
        try:
            for admission in self.cluster.admission:
                admission("create", self._kinds["pods"], pod)
            self._objects.create(self._kinds["pods"], pod)
        except Refused as error:
            self.event(
                owner, kind, "FailedCreate", f"Error creating: {error.message}", kind.kind.lower()
            )

    def _problem(self, pod: Item) -> str:
        fate = self._fate(pod)
        if fate.word == "refused":
            return fate.message or f'pods "{pod["metadata"]["name"]}" is forbidden: exceeded quota'
        account, namespace = pod["spec"]["serviceAccountName"], pod["metadata"]["namespace"]
        known = {a["metadata"]["name"] for a in self.cluster.all("serviceaccounts", namespace)}
        if account != "default" and account not in known:
            return (
                f'pods "{pod["metadata"]["name"]}" is forbidden: error looking up service account '
                f'{namespace}/{account}: serviceaccount "{account}" not found'
            )
        return ""

    # --- one pod ----------------------------------------------------------------------------------

    def _run(self, pod: Item) -> None:
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
            chosen, message = choose(pod, self._nodes(), load)
            if pod["spec"].get("nodeName"):
                chosen = pod["spec"]["nodeName"]
            if fate.word == "unschedulable":
                chosen, message = (
                    "",
                    fate.message or message or "0/1 nodes are available: 1 Insufficient cpu.",
                )
            if chosen:
                conditions = [{"type": "PodScheduled", "status": "True"}, _ready(False)]
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
            self.event(pod, self._kinds["pods"], "FailedScheduling", message, "default-scheduler")
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
                    _ready(True),
                ]

        if not self._edit(pod, running):
            return None
        self._count_ready(pod)
        if fate.word in ("hang", "lost", "evicted") and first:
            self._lose(pod, fate)
            return None
        code, reason = 0, "Completed"
        try:
            for line in self._produce(pod, container):
                log.write(line)
        except Exit as error:
            code, reason = error.code, "Error"
        if forever:
            return {"exitCode": 0}  # it goes on running; its log stays open
        log.close()
        if first and fate.word == "fail":
            code, reason = fate.code, "Error"
        if first and fate.word == "oom":
            code, reason = 137, "OOMKilled"
        ended = {"exitCode": code, "reason": reason, "startedAt": now(), "finishedAt": now()}
        if fate.message and code:
            ended["message"] = fate.message
        there = self._edit(pod, lambda i: _put_state(i, statuses, container, {"terminated": ended}))
        return ended if there else None

    def _stuck(self, pod: Item, container: Item, statuses: str, fate: Fate) -> None:
        image = container["image"]
        if fate.word == "config":
            steps = [("CreateContainerConfigError", fate.message or 'secret "x" not found')]
        else:
            text = fate.message or f'failed to pull and unpack image "{image}": not found'
            steps = [
                ("ErrImagePull", text),
                ("ImagePullBackOff", f'Back-off pulling image "{image}"'),
            ]
        for reason, text in steps:
            state = {"waiting": {"reason": reason, "message": text}}
            self._edit(pod, lambda i, state=state: _put_state(i, statuses, container, state))  # type: ignore[misc]
            self.event(pod, self._kinds["pods"], "Failed", text, "kubelet")

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
                _ready(False),
            ]

        self._edit(pod, edit)
        for owner in pod["metadata"].get("ownerReferences") or ():
            if owner["kind"] == "Job":
                self._job_pod_ended(pod["metadata"]["namespace"], owner["name"], phase)

    def _job_pod_ended(self, namespace: str, name: str, phase: str) -> None:
        more: list[Item] = []

        def edit(job: Item) -> None:
            status = job.setdefault("status", {})
            word = "succeeded" if phase == "Succeeded" else "failed"
            status[word] = status.get(word, 0) + 1
            if status.get("succeeded", 0) >= job["spec"].get("completions", 1):
                status["conditions"] = [_condition("SuccessCriteriaMet"), _condition("Complete")]
                status["completionTime"] = now()
            elif status.get("failed", 0) > job["spec"].get("backoffLimit", 6):
                text = "Job has reached the specified backoff limit"
                status["conditions"] = [_condition("Failed", "BackoffLimitExceeded", text)]
            else:
                more.append(job)

        self._objects.change(self._kinds["jobs"], namespace, name, edit)
        for job in more:
            self._make_pod(self._kinds["jobs"], job, {})

    def _count_ready(self, pod: Item) -> None:
        for owner in pod["metadata"].get("ownerReferences") or ():
            if owner["kind"] == "DaemonSet":
                with self._objects.changed:
                    ready = 0
                    for other in self.cluster.all("pods", pod["metadata"]["namespace"]):
                        owners = other["metadata"].get("ownerReferences") or ()
                        mine = any(o["uid"] == owner["uid"] for o in owners)
                        ready += mine and _ready(True) in (other.get("status") or {}).get(
                            "conditions", []
                        )
                    self._objects.change(
                        self._kinds["daemonsets"], pod["metadata"]["namespace"], owner["name"],
                        lambda i: i.setdefault("status", {}).update(numberReady=ready),
                    )  # fmt: skip

    def _gone(self, pod: Item) -> None:
        for field in ("initContainers", "containers"):
            for container in pod["spec"].get(field) or ():
                key = (pod["metadata"]["namespace"], pod["metadata"]["name"], container["name"])
                log = self.cluster.logs.get(key)
                if log is not None:
                    log.close()

    # --- helpers ----------------------------------------------------------------------------------

    def event(self, about: Item, kind: Kind, reason: str, message: str, source: str) -> None:
        """Record a Warning about an object, as the real components do."""
        metadata = about["metadata"]
        self._objects.create(
            self._kinds["events"],
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

    def _nodes(self) -> list[Item]:
        return self.cluster.all("nodes")

    def _status(self, plural: str, item: Item, status: Item) -> None:
        metadata = item["metadata"]
        self._objects.change(
            self._kinds[plural],
            metadata["namespace"],
            metadata["name"],
            lambda i: i.update(status=status),
        )

    def _edit(self, pod: Item, edit: Callable[[Item], None]) -> bool:
        metadata = pod["metadata"]
        place = (metadata["namespace"], metadata["name"])
        return self._objects.change(self._kinds["pods"], *place, edit) is not None


def _first(spec: Item) -> Item:
    first: Item = (spec.get("initContainers") or spec["containers"])[0]
    return first


def _ready(value: bool) -> Item:
    return {"type": "Ready", "status": "True" if value else "False"}


def _condition(kind: str, reason: str = "", message: str = "") -> Item:
    return {"type": kind, "status": "True", "reason": reason, "message": message}


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
