"""Plays the workload controllers, the scheduler and the kubelets of the emulated cluster.

A Job gets its pod, a DaemonSet one on each node that takes it; a pod is scheduled, runs, writes its log and ends.
What it writes comes from the test (``produce``), and what befalls it too (``fate``). Everything happens at once:
there are no waits in here besides those of ``produce``.
"""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING, Any

from emulated_cluster.kubelet import Fate, Kubelet, event, ready_condition
from emulated_cluster.objects import now
from emulated_cluster.refused import Refused
from emulated_cluster.scheduling import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from emulated_cluster.cluster import FakeCluster
    from emulated_cluster.kinds import Kind

    Item = dict[str, Any]
    Produce = Callable[[Item, Item], Iterable[str]]


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
        self._fate = fate or (lambda pod: Fate())
        nothing: Produce = lambda pod, container: ()  # noqa: E731
        self._kubelet = Kubelet(
            cluster, produce or nothing, self._fate, self._pod_ended, self._count_ready
        )
        self._stop = threading.Event()
        self._at = 0
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
                        # As with several workers: one Job does not wait for what another one's test says.
                        threading.Thread(
                            target=self._start_job, args=(change.after,), daemon=True
                        ).start()
                    elif plural == "daemonsets":
                        self._start_daemonset(change.after)
                    elif plural == "pods" and not (change.after.get("status") or {}).get("phase"):
                        threading.Thread(
                            target=self._kubelet.run, args=(change.after,), daemon=True
                        ).start()
                elif change.after is None and change.before is not None and plural == "pods":
                    self._kubelet.gone(change.before)

    # --- Job, DaemonSet ---------------------------------------------------------------------------

    def _start_job(self, job: Item) -> None:
        if not job["spec"].get("suspend"):
            wanted = min(job["spec"].get("parallelism", 1), job["spec"].get("completions", 1))
            for _ in range(wanted):
                self._make_pod(self._kinds["jobs"], job, {})

    def _start_daemonset(self, daemonset: Item) -> None:
        spec = daemonset["spec"]["template"]["spec"]
        takers = [n for n in self.cluster.all("nodes") if not refusal(spec, n)]
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
            event(
                self.cluster,
                owner,
                kind,
                "FailedCreate",
                f"Error creating: {problem}",
                kind.kind.lower(),
            )
            return
        try:
            for admission in self.cluster.admission:
                admission("create", self._kinds["pods"], pod)
            with self._objects.changed:
                # One whose owner was deleted meanwhile would be collected at once.
                if any(o["metadata"]["uid"] == metadata["uid"] for o in self._objects.all(kind)):
                    self._objects.create(self._kinds["pods"], pod)
        except Refused as error:
            event(
                self.cluster,
                owner,
                kind,
                "FailedCreate",
                f"Error creating: {error.message}",
                kind.kind.lower(),
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

    def _pod_ended(self, pod: Item, phase: str) -> None:
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
        namespace = pod["metadata"]["namespace"]
        for owner in pod["metadata"].get("ownerReferences") or ():
            if owner["kind"] == "DaemonSet":
                with self._objects.changed:
                    ready = sum(
                        any(
                            o["uid"] == owner["uid"]
                            for o in p["metadata"].get("ownerReferences") or ()
                        )
                        and ready_condition(True) in (p.get("status") or {}).get("conditions", [])
                        for p in self.cluster.all("pods", namespace)
                    )
                    status = {"numberReady": ready}
                    self._status(
                        "daemonsets", {"metadata": {"namespace": namespace, **owner}}, status
                    )

    def _status(self, plural: str, item: Item, status: Item) -> None:
        metadata = item["metadata"]
        self._objects.change(
            self._kinds[plural],
            metadata["namespace"],
            metadata["name"],
            lambda i: i.setdefault("status", {}).update(status),
        )


def _condition(kind: str, reason: str = "", message: str = "") -> Item:
    return {"type": kind, "status": "True", "reason": reason, "message": message}
