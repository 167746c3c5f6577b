"""See a check's Job to its end, and say how it ended, or why it never will (spec/validate.md 6.3, 6.4).

Given up early is only what cannot mend itself: an image that is not pulled. A pod that finds no node waits for its
deadline, as a node may come. Nothing is removed here.
"""

from __future__ import annotations

import queue
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import RUN_LABEL, AicrError, CheckResult, Code
from aicr_kube.checks import outcome
from aicr_kube.checks.objects import CHECK_LABEL, CONTAINER
from aicr_kube.jobs import troubles
from aicr_kube.jobs.api import namespaced
from aicr_kube.jobs.watching import Away, Blind, Pace, Seen, Watcher

if TYPE_CHECKING:
    from aicr_core.api import Context
    from aicr_kube.jobs.api import Api
    from aicr_kube.jobs.troubles import Trouble

Object = dict[str, Any]
LOG = 8 << 20
"""Bytes of a log that are held at most; of a longer one fewer lines are asked for."""
_TAILS = (outcome.LINES + 100, 100, 10, 1)
_PATIENT = frozenset([troubles.UNSCHEDULABLE, "SchedulingGated", "NodeLost"])
"""Troubles that may pass: another pod ends, a node comes or comes back."""


class Found(NamedTuple):
    """The end of a Job: its last pod, None without any, and the verdict."""

    pod: Object | None
    ended: outcome.Ended
    removed: bool = False
    """Somebody else deleted the Job."""


class Waiter:
    """Waits for one Job, with two watches, until it has ended or ``limit`` seconds are over."""

    def __init__(self, ctx: Context, api: Api, job: Object, limit: float, pace: Pace) -> None:
        self._ctx, self._api, self._job, self._pace = ctx, api, job, pace
        metadata = job["metadata"]
        self._name, self._namespace = str(metadata["name"]), str(metadata["namespace"])
        self._uid = str(metadata.get("uid") or "")
        self._limit = limit
        self._pod: Object | None = None
        self._trouble: Trouble | None = None
        self._began = self._since = time.monotonic()
        self._seen = self._deleted = self._asked = False
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def wait(self) -> Found:
        """Give the end. What the API server does not let us see is an ``other`` with its error."""
        labels = self._job["metadata"]["labels"]
        selector = f"{RUN_LABEL}={labels[RUN_LABEL]},{CHECK_LABEL}={labels[CHECK_LABEL]}"
        watchers = [
            Watcher(self._api, "job", namespaced("batch/v1", self._namespace, "jobs"), selector,
                    self._inbox, self._pace),
            Watcher(self._api, "pod", namespaced("v1", self._namespace, "pods"), selector,
                    self._inbox, self._pace),
        ]  # fmt: skip
        try:
            while True:
                found = self._hear() or self._judge()
                if found is not None:
                    return found
        finally:
            for watcher in watchers:
                watcher.stop()

    # --- what is seen -----------------------------------------------------------------------------

    def _hear(self) -> Found | None:
        timeout = self._pace.tick
        while True:
            try:
                message = self._inbox.get(timeout=timeout)
            except queue.Empty:
                return None
            timeout = 0.0
            if isinstance(message, Seen):
                self._take(message)
            elif isinstance(message, Blind) or (isinstance(message, Away) and message.over):
                return self._no_verdict(
                    outcome.of_error(message.error, f"Job {self._name} cannot be followed")
                )
            elif isinstance(message, Away):
                self._ctx.log(f"{message.error.message}; trying for {self._pace.outage:g} s")

    def _take(self, message: Seen) -> None:
        if message.kind == "job":
            self._take_job(message)
            return
        for pod in message.items:
            if message.event != "DELETED" and self._owns(pod):
                self._pod = pod
                self._note(troubles.of_pod(pod))

    def _take_job(self, message: Seen) -> None:
        mine = [item for item in message.items if (item.get("metadata") or {}).get("name") == self._name]  # fmt: skip
        if message.event == "DELETED":
            self._deleted = self._deleted or bool(mine)
        elif mine:
            self._job, self._seen = mine[0], True
        elif message.event == "LIST":
            # It was made before the first list was asked for.
            self._deleted = True

    def _owns(self, pod: Object) -> bool:
        metadata = pod.get("metadata") or {}
        owners = [o for o in metadata.get("ownerReferences") or () if isinstance(o, dict)]
        if any(owner.get("uid") == self._uid for owner in owners):
            return True
        given = metadata.get("labels") or {}
        names = (given.get("batch.kubernetes.io/job-name"), given.get("job-name"))
        return not owners and self._name in names

    def _note(self, trouble: Trouble | None) -> None:
        if trouble is None or trouble.final:
            self._trouble = None
            return
        if self._trouble is None or self._trouble.reason in _PATIENT:
            self._since = time.monotonic()
        if self._trouble is None or self._trouble.reason != trouble.reason:
            self._ctx.log(f"{self._name}: {trouble.reason}: {outcome.readable(trouble.text)}")
        self._trouble = trouble

    # --- deciding ---------------------------------------------------------------------------------

    def _judge(self) -> Found | None:
        now = time.monotonic()
        ended = outcome.of_pod(self._pod) if self._pod is not None else None
        if ended is not None:
            return Found(self._pod, ended)
        if self._ctx.cancelled:
            return self._no_verdict(outcome.other("Interrupted", "the run was interrupted"))
        if self._deleted:
            text = f"Job {self._name} was deleted while the check ran"
            return self._no_verdict(outcome.other("JobDeleted", text))._replace(removed=True)
        if _is_over(self._job):
            return self._settle()
        if now - self._began > self._limit:
            return self._no_verdict(self._too_long())
        if self._trouble is not None and self._trouble.reason not in _PATIENT:
            if now - self._since > self._pace.grace:
                return self._no_verdict(outcome.of_trouble(self._with_cause(self._trouble)))
        elif self._pod is None and not self._asked and now - self._began > self._pace.grace:
            return self._without_pod()
        return None

    def _settle(self) -> Found:
        """The Job is over: its container may be known to be so a little later, or never."""
        end = time.monotonic() + self._pace.drain
        while True:
            pods = self._pods()
            self._pod = pods[-1] if pods else self._pod
            ended = outcome.of_pod(self._pod) if self._pod is not None else None
            if ended is not None:
                return Found(self._pod, ended)
            # Only a kubelet that has a container still to report on is worth waiting for.
            late = self._pod is not None and outcome.is_running(self._pod)
            if not late or time.monotonic() >= end:
                return self._no_verdict(self._unfinished())
            time.sleep(self._pace.tick)

    def _pods(self) -> list[Object]:
        selector = f"batch.kubernetes.io/job-name={self._name}"
        try:
            found, _ = self._api.listed(namespaced("v1", self._namespace, "pods"), selector)
        except AicrError as error:
            self._ctx.log(f"the pods of Job {self._name} cannot be listed: {error.message}")
            return []
        return [pod for pod in found if isinstance(pod, dict)]

    def _unfinished(self) -> CheckResult:
        """Say why a Job that is over has no container that ended."""
        failure = troubles.of_job(self._job)
        trouble = troubles.of_pod(self._pod) if self._pod is not None else None
        trouble = trouble or self._trouble
        if trouble is not None:
            return outcome.of_trouble(self._with_cause(trouble))
        if failure is not None and failure.reason == "DeadlineExceeded":
            return self._too_long()
        why = ""
        if failure is not None:
            why = f" ({': '.join(part for part in (failure.reason, failure.text) if part)})"
        if self._pod is None:
            return outcome.other(
                "PodMissing", f"Job {self._name} is over{why}; no pod of it was found"
            )
        if outcome.is_running(self._pod):
            text = f"the container was still running when Job {self._name} was over{why}"
            return outcome.other("ContainerRunning", text)
        text = f"nothing is known of the container when Job {self._name} was over{why}"
        return outcome.other(
            "NoContainerStatus", text, hint="look at the node's kubelet, and run again"
        )

    def _too_long(self) -> CheckResult:
        seconds = self._job["spec"].get("activeDeadlineSeconds")
        text = f"Job {self._name} was not over after {seconds} s"
        if self._trouble is not None:
            return outcome.of_trouble(self._trouble, f"{text}: ")
        if self._pod is not None and not outcome.is_running(self._pod):
            text += "; its container did not start"
        return outcome.other("DeadlineExceeded", text, Code.TIMEOUT)

    def _without_pod(self) -> Found | None:
        """No pod after a while: the Job's own events say why; without one, go on waiting."""
        self._asked = True
        for event in self._events():
            if (event.get("involvedObject") or {}).get("name") == self._name:
                trouble = troubles.of_event(event)
                if trouble is not None:
                    return self._no_verdict(outcome.of_trouble(trouble))
        self._ctx.log(f"{self._name}: there is no pod yet")
        return None

    def _with_cause(self, trouble: Trouble) -> Trouble:
        """Add why an image was not pulled, which only an event says."""
        if trouble.reason != troubles.BACK_OFF or self._pod is None:
            return trouble
        name = self._pod["metadata"].get("name")
        for event in self._events():
            if (event.get("involvedObject") or {}).get("name") == name:
                trouble = troubles.because(trouble, troubles.pull_failure(event))
        return trouble

    def _events(self) -> list[Object]:
        try:
            return list(self._api.objects(namespaced("v1", self._namespace, "events")))
        except AicrError as error:
            self._ctx.log(f"events cannot be read, reasons will be less exact: {error.message}")
            return []

    def _no_verdict(self, result: CheckResult) -> Found:
        started = self._pod is not None and outcome.is_running(self._pod)
        return Found(self._pod, outcome.Ended(result, started=started))


def _is_over(job: Object) -> bool:
    found = (job.get("status") or {}).get("conditions") or ()
    return any(
        item.get("type") in ("Complete", "Failed") and item.get("status") == "True"
        for item in found
        if isinstance(item, dict)
    )


def log_of(ctx: Context, api: Api, pod: Object) -> str:
    """Give the end of the check's log; empty, with a word to the person, when it cannot be read."""
    metadata = pod["metadata"]
    path = namespaced("v1", str(metadata["namespace"]), "pods", str(metadata["name"]), "log")
    text = ""
    try:
        for count in _TAILS:
            query = {"container": CONTAINER, "tailLines": str(count)}
            text = api.text(path, query, LOG)
            if len(text) < LOG // 4 or len(text.encode("utf-8")) < LOG:
                break
    except AicrError as error:
        ctx.log(f"the log of pod {metadata['name']} cannot be read: {error.message}")
        return ""
    return text
