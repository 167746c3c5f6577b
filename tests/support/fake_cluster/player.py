"""Play the Job controller, the scheduler and the kubelet of the emulated cluster.

A Job gets its pod, a pod gets a node and then what the test says: it runs and logs, or fails in one of the ways pods
fail in. Nothing sleeps longer than the protocol needs.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from fake_cluster.store import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fake_cluster.server import FakeCluster
    from fake_cluster.store import Key, Object


class Outcome(NamedTuple):
    """How a pod fares: ``ok``, ``fail``, ``OOMKilled``, ``hang``, ``Unschedulable``, ``FailedCreate``, or the reason
    of a waiting container (``ImagePullBackOff``, ``CreateContainerConfigError``)."""

    kind: str = "ok"
    logs: Sequence[str | bytes] = ()
    message: str = ""
    done: threading.Event | None = None
    """When given, the pod runs until it is set."""


class Player:
    """Watches creations and acts; ``behave(pod, node)`` says what each pod does."""

    def __init__(self, cluster: FakeCluster, behave: Callable[[Object, str], Outcome]) -> None:
        self.cluster = cluster
        self.behave = behave
        self.running = 0
        self.most = 0
        self._lock = threading.Lock()
        cluster.store.created.append(self._created)

    def _created(self, key: Key, item: Object) -> None:
        if key[:2] == ("batch", "jobs"):
            threading.Thread(target=self._job, args=(key, item), daemon=True).start()
        elif key[:2] == ("", "pods") and not any(
            ref["kind"] == "Job" for ref in item["metadata"].get("ownerReferences", ())
        ):
            threading.Thread(target=self._pod, args=(key, item), daemon=True).start()

    def _job(self, key: Key, job: Object) -> None:
        template = job["spec"]["template"]
        labels = {
            **template.get("metadata", {}).get("labels", {}),
            "batch.kubernetes.io/job-name": key[3],
        }
        owner = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": key[3],
            "uid": job["metadata"]["uid"],
            "controller": True,
        }
        pod = {"metadata": {"name": f"{key[3]}-abcde"[:63], "namespace": key[2], "labels": labels,
                            "ownerReferences": [owner]}, "spec": template["spec"]}  # fmt: skip
        outcome = self.behave(pod, self._node(pod))
        if outcome.kind == "FailedCreate":
            self._event(
                key[2], "Job", key[3], "FailedCreate", outcome.message, job["metadata"]["uid"]
            )
            return
        try:
            made = self.cluster.add("", "pods", pod)
        except ApiError:
            return
        good = self._run(("", "pods", key[2], made["metadata"]["name"]), made, outcome)
        if good is not None:
            kind = "Complete" if good else "Failed"
            condition = {
                "type": kind,
                "status": "True",
                "reason": "" if good else "BackoffLimitExceeded",
            }
            self._patch(key, {"status": {"conditions": [condition]}})

    def _pod(self, key: Key, pod: Object) -> None:
        self._run(key, pod, self.behave(pod, self._node(pod)))

    def _node(self, pod: Object) -> str:
        spec = pod["spec"]
        affinity = spec.get("affinity", {}).get("nodeAffinity", {})
        terms = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get(
            "nodeSelectorTerms", []
        )
        for term in terms:
            for field in term.get("matchFields", ()):
                return str(field["values"][0])
        wanted = spec.get("nodeSelector") or {}
        for item in self.cluster.store.select("", "nodes", "", "", ""):
            labels = item["metadata"].get("labels") or {}
            if all(labels.get(name) == value for name, value in wanted.items()):
                return str(item["metadata"]["name"])
        return ""

    def _run(self, key: Key, pod: Object, outcome: Outcome) -> bool | None:
        node = self._node(pod)
        if outcome.kind == "Unschedulable" or not node:
            text = (
                outcome.message or "0/1 nodes are available: 1 node(s) didn't match node selector."
            )
            condition = {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": text,
            }
            self._patch(key, {"status": {"phase": "Pending", "conditions": [condition]}})
            return None
        self._patch(key, {"spec": {"nodeName": node}, "status": {"phase": "Pending"}})
        if outcome.kind not in ("ok", "fail", "OOMKilled", "hang"):
            waiting = {"reason": outcome.kind, "message": outcome.message}
            self._patch(
                key,
                {
                    "status": {
                        "containerStatuses": [{"name": "aicr", "state": {"waiting": waiting}}]
                    }
                },
            )
            self._event(key[2], "Pod", key[3], "Failed", outcome.message, pod["metadata"]["uid"])
            return None
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self._patch(key, {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
                                     "containerStatuses": [{"name": "aicr", "state": {"running": {}}}]}})  # fmt: skip
        self.cluster.logs[(key[2], key[3])] = list(outcome.logs)
        if outcome.done is not None:
            outcome.done.wait(20)
        with self._lock:
            self.running -= 1
        if outcome.kind == "hang":
            return None
        good = outcome.kind == "ok"
        ended: dict[str, Any] = {"exitCode": 0 if good else 137 if outcome.kind == "OOMKilled" else 1,
                                 "reason": "Completed" if good else outcome.kind if outcome.kind != "fail" else "Error"}  # fmt: skip
        if outcome.message:
            ended["message"] = outcome.message
        self._patch(key, {"status": {"phase": "Succeeded" if good else "Failed",
                                     "containerStatuses": [{"name": "aicr", "state": {"terminated": ended}}]}})  # fmt: skip
        return good

    def _patch(self, key: Key, body: Object) -> None:
        try:
            self.cluster.store.update(key, body, merge=True)
        except ApiError:
            # Deleted meanwhile: a kubelet would notice and stop as well.
            return

    def _event(
        self, namespace: str, kind: str, name: str, reason: str, message: str, uid: str
    ) -> None:
        with self._lock:
            number = len(self.cluster.names("", "events"))
        self.cluster.add("", "events", {
            "metadata": {"name": f"{name[:40]}.{number}", "namespace": namespace}, "type": "Warning",
            "reason": reason, "message": message,
            "involvedObject": {"kind": kind, "name": name, "namespace": namespace, "uid": uid},
        })  # fmt: skip
