"""Plays the Jobs of a recorded run: what each check's pod does is in the case's ``job_script`` (its README says how).

A Job gets its pod, and both their end, as soon as it is created; nothing here knows who asks.
"""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from emulated_cluster import FakeCluster
from golden_run import run, write_files

if TYPE_CHECKING:
    from types import TracebackType

    Item = dict[str, Any]

STARTED = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
ENDED = STARTED + datetime.timedelta(seconds=7)
_KINDS = ("namespaces", "serviceaccounts", "clusterroles", "clusterrolebindings", "roles", "rolebindings",
          "configmaps", "jobs", "pods")  # fmt: skip


class Ran(NamedTuple):
    """What a run did: its status and outputs, the Jobs and other objects it sent, what was left, its writes."""

    status: int
    out: str
    err: str
    jobs: list[Item]
    made: list[Item]
    left: list[str]
    writes: list[str]


class Scripted:
    """Gives Jobs their ends; a context manager."""

    def __init__(self, cluster: FakeCluster, script: Item) -> None:
        self.cluster = cluster
        self._script = script
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._at = len(cluster.objects.history)

    def __enter__(self) -> Scripted:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _loop(self) -> None:
        objects = self.cluster.objects
        while True:
            with objects.changed:
                if self._at >= len(objects.history):
                    if self._stop.is_set():
                        return
                    objects.changed.wait(0.05)
                changes = objects.history[self._at :]
                self._at += len(changes)
            for change in changes:
                if change.before is None and change.kind.plural == "jobs":
                    assert change.after is not None
                    self._play(change.after)

    def _play(self, job: Item) -> None:
        name = job["spec"]["template"]["spec"]["containers"][0]["args"][0]
        script = {"exit": 0, "log": f"ok {name}\n", **self._script.get(name, {})}
        namespace, called = job["metadata"]["namespace"], job["metadata"]["name"]
        if not script.get("nopod"):
            self._pod(job, script)
        if script.get("delete_externally"):
            time.sleep(0.3)
            kind = self.cluster.by_plural["jobs"]
            self.cluster.objects.delete(kind, namespace, called, propagation="Orphan")
            return
        if script.get("hang"):
            return
        good = script["exit"] == 0 and not script.get("nopod")
        condition = {"type": "Complete" if good else "Failed", "status": "True"}
        kind = self.cluster.by_plural["jobs"]
        self.cluster.objects.change(
            kind, namespace, called, lambda item: item.setdefault("status", {}).update(conditions=[condition])
        )  # fmt: skip

    def _pod(self, job: Item, script: Item) -> None:
        namespace, called = job["metadata"]["namespace"], f"{job['metadata']['name']}-abcde"
        template = job["spec"]["template"]
        name = job["metadata"]["name"]
        state: Item
        if script.get("waiting"):
            state = {"waiting": script["waiting"]}
        elif script.get("running"):
            state = {"running": {"startedAt": STARTED.isoformat()}}
        else:
            state = {"terminated": {
                "exitCode": script["exit"], "message": script.get("message", ""),
                "reason": script.get("reason") or ("Error" if script["exit"] else "Completed"),
                "startedAt": STARTED.isoformat(), "finishedAt": ENDED.isoformat(),
            }}  # fmt: skip
        statuses = [] if script.get("nostatus") else [{"name": "validator", "state": state}]
        if script.get("log") is None:
            self.cluster.faults.add("GET", f".*/pods/{called}/log", status=500, message="no log")
        for line in str(script.get("log") or "").splitlines():
            self.cluster.log(namespace, called, "validator").write(line)
        self.cluster.add({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": called, "namespace": namespace,
                "labels": {**template["metadata"]["labels"], "batch.kubernetes.io/job-name": name},
                "ownerReferences": [{
                    "apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": job["metadata"]["uid"],
                }],
            },
            "spec": template["spec"],
            "status": {"phase": "Running" if "terminated" not in state else "Succeeded",
                       "containerStatuses": statuses},
        })  # fmt: skip


def play(case: Item, folder: pathlib.Path) -> Ran:
    """Run a case with ``--runner job``, one check at a time as the reference does; the folder is the current one."""
    from aicr_core.app.environment import Environment
    from aicr_core.model.settings import Settings

    write_files(case, folder)
    with FakeCluster() as cluster:
        for item in case["api"].get("objects", ()):
            cluster.add(item)
        for fault in case["api"].get("faults", ()):
            job = "/jobs/" in fault["path"]
            # The reference applies what is created here, so the fault moves to the collection.
            cluster.faults.add(
                "POST", ".*/jobs" if job else fault["path"], status=fault["code"], reason=fault["reason"],
                message=fault["message"], times=1 if job else None,
            )  # fmt: skip
        kubeconfig = cluster.kubeconfig(folder / "kubeconfig")
        words = [*case["args"], "--runner", "job", "--jobs", "1", "--kubeconfig", kubeconfig]
        with Scripted(cluster, case["api"]["job_script"]):
            status, out, err = run(words, Environment(Settings.from_env(os.environ)))
        left = [
            f"{kind.kind} {'/'.join(filter(None, (item['metadata'].get('namespace'), item['metadata']['name'])))}"
            for kind in (cluster.by_plural[plural] for plural in _KINDS)
            for item in cluster.objects.all(kind)
            if item["metadata"]["name"] not in ("default", "kube-system")
        ]
        writes = [line for line in cluster.asked() if not line.startswith("GET ")]
        sent = [asked.json for asked in list(cluster.requests) if asked.method == "POST"]
        jobs = [item for item in sent if item["kind"] == "Job"]
        made = [item for item in sent if item["kind"] not in ("Job", "SelfSubjectAccessReview")]
    return Ran(status, out, err, jobs, made, left, writes)


def case_of(path: pathlib.Path) -> Item:
    """Read a recorded case."""
    case: Item = json.loads(path.read_text("utf-8"))
    return case
