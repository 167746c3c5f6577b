"""Run the agents: start them in waves, see how they fare, fetch what they found, give up where waiting cannot help.

One thread decides, the others only tell it what happened (``watching``). Which objects, which rights and which nodes
was settled before; removing what is left after an early end is the caller's.
"""

from __future__ import annotations

import queue
import time
from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code, NodeResult
from aicr_kube.agent import answers, pods
from aicr_kube.agent.units import Unit
from aicr_kube.jobs import troubles
from aicr_kube.jobs.api import collection_of, namespaced, status
from aicr_kube.jobs.names import selector
from aicr_kube.jobs.watching import Away, Blind, Done, Pace, Seen, Watcher, Workers

if TYPE_CHECKING:
    from collections.abc import Callable

    from aicr_core.api import AgentRequest, Context
    from aicr_kube.agent.answers import Answer
    from aicr_kube.agent.pods import Plan
    from aicr_kube.jobs.api import Api
    from aicr_kube.jobs.ledger import Ledger
    from aicr_kube.jobs.troubles import Trouble

Object = dict[str, Any]
ATTEMPTS = 2
"""An answer that was lost is worth one more pod, no more."""


class Engine:
    """Runs the agents of one request."""

    def __init__(
        self,
        ctx: Context,
        api: Api,
        ledger: Ledger,
        request: AgentRequest,
        plan: Plan,
        pace: Pace,
        kept: Callable[[Object], None] = lambda _job: None,
    ) -> None:
        self._ctx, self._api, self._ledger = ctx, api, ledger
        self._request, self._plan, self._pace = request, plan, pace
        self._kept = kept
        """Called with each Job or pod that was made, before it is waited for."""
        self._fleet = bool(plan.nodes)
        self._waiting = [Unit(node) for node in reversed(plan.nodes or ("",))]
        self._active: dict[str, Unit] = {}
        self._leaving: set[str] = set()
        """Agents that are through, whose objects are being removed: to a quota they may still be there."""
        self._results: list[NodeResult] = []
        self._limit = request.concurrency if self._fleet else 1
        self._blind: set[str] = set()
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._announced = 0

    def run(self) -> tuple[NodeResult, ...]:
        """Give one result for each agent, by node. Raises AicrError when nothing could be started."""
        namespace = self._request.namespace
        watchers = [
            Watcher(self._api, "pod", namespaced("v1", namespace, "pods"), selector(self._plan.run),
                    self._inbox, self._pace),
            Watcher(self._api, "event", namespaced("v1", namespace, "events"), "", self._inbox, self._pace),
        ]  # fmt: skip
        self._workers = Workers(self._inbox)
        try:
            self._loop(time.monotonic() + self._request.timeout)
        finally:
            self._workers.stop()
            for watcher in watchers:
                watcher.stop()
        return tuple(sorted(self._results, key=lambda result: result.node))

    def _loop(self, end: float) -> None:
        while self._waiting or self._active:
            while self._waiting and len(self._active) < self._limit:
                if not self._start(self._waiting.pop()):
                    break
            if not self._active and not (self._waiting and self._leaving):
                continue
            self._hear()
            if self._ctx.cancelled:
                raise AicrError(Code.TIMEOUT, "the agent was cancelled")
            now = time.monotonic()
            for unit in list(self._active.values()):
                self._judge(unit, now)
            if now >= end:
                self._out_of_time()

    def _hear(self) -> None:
        """Take in all messages that are there; wait a little for the first."""
        timeout = self._pace.tick
        while True:
            try:
                message = self._inbox.get(timeout=timeout)
            except queue.Empty:
                return
            timeout = 0.0
            self._handle(message)

    def _handle(self, message: Any) -> None:
        if isinstance(message, Seen):
            if message.kind == "event":
                for event in message.items:
                    self._event(event)
            else:
                self._pods(message)
        elif isinstance(message, Done):
            if isinstance(message.token, str):
                self._leaving.discard(message.token)
            else:
                self._answered(message)
        elif isinstance(message, Blind):
            self._blind.add(message.kind)
            if message.kind == "pod":
                raise message.error
            self._ctx.log("no right to read events: reasons will be less exact")
        elif isinstance(message, Away):
            if message.over and message.kind == "pod":
                self._lost(message.error)
            elif not message.over:
                self._ctx.log(f"{message.error.message}; trying for {self._pace.outage:g} s")

    # --- starting ------------------------------------------------------------------------------------

    def _start(self, unit: Unit) -> bool:
        """Start an agent; give False when there is no room for it yet."""
        attempt = unit.attempt + 1
        if self._fleet:
            item = pods.node_pod(self._request, self._plan, unit.target, attempt)
        else:
            item = pods.job(self._request, self._plan, attempt)
        fresh = Unit(unit.target, attempt, name=item["metadata"]["name"], started=time.monotonic())
        fresh.place = f"{collection_of(item)}/{fresh.name}"
        fresh.pod = fresh.name if self._fleet else ""
        fresh.node = unit.target
        try:
            made = self._ledger.create(item)
        except AicrError as error:
            return self._not_started(unit, error)
        self._active[fresh.name] = fresh
        self._announced += 1
        self._kept(made)
        return True

    def _not_started(self, unit: Unit, error: AicrError) -> bool:
        """Give up an agent that was refused, and give True; False when it is to wait for its turn."""
        trouble = troubles.refused(error.message)
        if "exceeded quota" in error.message and (self._active or self._leaving):
            # The quota has room for so many at once: the others wait for their turn.
            self._limit = max(1, len(self._active))
            self._waiting.append(unit)
            return False
        if not self._announced:
            raise AicrError(
                error.code, error.message, where=error.where, hint=trouble.hint
            ) from error
        self._finish(unit, "failed", trouble=trouble)
        return True

    # --- what is seen --------------------------------------------------------------------------------

    def _unit_of(self, name: str) -> Unit | None:
        """Give the unit that a pod, a Job or the pod of a Job of that name stands for."""
        found = self._active.get(name)
        if found is not None or self._fleet:
            return found
        units = self._active.values()
        return next((unit for unit in units if name.startswith(f"{unit.name}-")), None)

    def _pods(self, message: Seen) -> None:
        if message.event == "LIST":
            there = {item["metadata"]["name"] for item in message.items}
            for unit in list(self._active.values()):
                if unit.seen and unit.pod not in there:
                    self._gone(unit)
        for pod in message.items:
            owners = pod["metadata"].get("ownerReferences") or ()
            job = next((owner["name"] for owner in owners if owner.get("kind") == "Job"), "")
            known = self._active.get(job or pod["metadata"]["name"])
            if known is None:
                continue
            if message.event == "DELETED":
                self._gone(known)
            else:
                self._pod(known, pod)

    def _pod(self, unit: Unit, pod: Object) -> None:
        found = unit.observe(pod)
        if found is not None:
            self._note(unit, found)
        phase = (pod.get("status") or {}).get("phase")
        if phase in ("Succeeded", "Failed"):
            unit.ended = unit.ended or time.monotonic()
            self._collect(unit, phase == "Succeeded")
        elif phase == "Running" and not self._fleet:
            self._read(unit, follow=True)

    def _collect(self, unit: Unit, good: bool) -> None:
        if self._request.sink:
            self._finish(unit, "ok" if good else "failed", trouble=unit.trouble)
        else:
            self._read(unit, follow=False)

    def _note(self, unit: Unit, trouble: Trouble) -> None:
        if unit.trouble is None:
            unit.since = time.monotonic()
        if unit.trouble is None or unit.trouble.reason != trouble.reason:
            where = f"node {unit.node}: " if unit.node else ""
            self._ctx.log(f"{where}{trouble.reason}: {answers.clean(trouble.text)}")
        unit.trouble = trouble

    def _event(self, event: Object) -> None:
        unit = self._unit_of(str((event.get("involvedObject") or {}).get("name") or ""))
        if unit is None or unit.ended:
            return
        if event.get("reason") == troubles.SCALE_UP:
            unit.scaling = True
            self._ctx.log("the cluster is adding a node for the agent")
            return
        unit.learn(troubles.pull_failure(event))
        found = troubles.of_event(event)
        # What the pod itself says is more exact than an event about it, and events may be old: a list has them all.
        if found is not None and unit.trouble is None and not unit.is_past(found):
            self._note(unit, found)

    def _gone(self, unit: Unit) -> None:
        if unit.reading and unit.ended:
            return
        trouble = unit.trouble if unit.trouble is not None else self._job_trouble(unit)
        text = f"pod {unit.pod or unit.name} is gone"
        self._finish(unit, "failed", trouble=trouble or troubles.vanished("Deleted", text))

    def _job_trouble(self, unit: Unit) -> Trouble | None:
        """Ask the Job why it failed: its condition says what no pod is left to say."""
        if self._fleet:
            return None
        try:
            job = self._api.find(unit.place)
        except AicrError:
            return None
        return troubles.of_job(job) if job is not None else None

    # --- deciding ------------------------------------------------------------------------------------

    def _judge(self, unit: Unit, now: float) -> None:
        if unit.ended:
            if unit.following and now - unit.ended > self._pace.drain:
                unit.reading = unit.following = False
                self._read(unit, follow=False)
            return
        if unit.trouble is None and not unit.pod and now - unit.started > self._pace.grace:
            text = f"there is no pod after {self._pace.grace:g} s"
            trouble = self._job_trouble(unit) or troubles.vanished("NoPod", text)
            self._finish(unit, "failed", trouble=trouble)
            return
        if unit.trouble is None:
            return
        if unit.scaling and unit.trouble.reason == troubles.UNSCHEDULABLE:
            return
        if now - unit.since > self._pace.grace:
            self._finish(unit, "failed", trouble=unit.trouble)

    def _out_of_time(self) -> None:
        limit = f"{self._request.timeout:g} s"
        for unit in list(self._active.values()):
            what = (
                "it was still running" if unit.pod and unit.trouble is None else "it did not start"
            )
            trouble = unit.trouble or troubles.vanished("Timeout", f"{what} after {limit}")
            if not trouble.hint:
                trouble = trouble._replace(hint="give more time with --timeout")
            self._finish(unit, "timeout", trouble=trouble)
        for unit in self._waiting:
            trouble = troubles.vanished("NotStarted", f"its turn did not come in {limit}")
            hint = "give more time with --timeout, or a larger --concurrency"
            self._finish(unit, "timeout", trouble=trouble._replace(hint=hint))
        self._waiting.clear()

    def _lost(self, error: AicrError) -> None:
        """The API server is gone: what arrived is kept, without anything it is the end."""
        if not any(result.status == "ok" for result in self._results):
            raise error
        trouble = troubles.vanished("ApiUnavailable", error.message)
        for unit in [*self._active.values(), *self._waiting]:
            self._finish(unit, "failed", trouble=trouble)
        self._waiting.clear()

    # --- fetching ------------------------------------------------------------------------------------

    def _read(self, unit: Unit, *, follow: bool) -> None:
        if unit.reading or self._request.sink:
            return
        unit.reading, unit.following = True, follow
        unit.readings += 1
        namespace, pod, pace = self._request.namespace, unit.pod, self._pace
        show = None if self._fleet else self._ctx.log

        def work() -> Answer:
            return answers.read(self._api, namespace, pod, follow=follow, patience=pace.outage,
                                pause=pace.pause, show=show)  # fmt: skip

        self._workers.submit((unit.name, unit.readings), work)

    def _answered(self, done: Done) -> None:
        name, reading = done.token
        unit = self._active.get(name)
        if unit is None or reading != unit.readings:
            return
        unit.reading = unit.following = False
        if done.error is None:
            answer: Answer = done.value
            unit.tail = answer.tail
            if answer.document is not None:
                self._finish(unit, "ok", document=answer.document)
                return
            lost = answer.lost
        elif status(done.error) == 404:
            self._gone(unit)
            return
        else:
            lost = done.error.message
        if not unit.ended:
            # A log that was followed may be cut at any time: it is read again when the pod has ended.
            return
        if unit.trouble is not None and unit.trouble.final:
            self._finish(unit, "failed", trouble=unit.trouble)
        elif not unit.reread:
            unit.reread = True
            self._read(unit, follow=False)
        elif unit.attempt < ATTEMPTS:
            self._ctx.log(f"{unit.node}: {lost}; once more")
            self._drop(unit)
            self._waiting.append(unit)
        else:
            reason = (
                "NoSnapshot" if lost.startswith(("the log holds no", "what arrived")) else "LogLost"
            )
            self._finish(unit, "failed", trouble=troubles.vanished(reason, lost))

    def _drop(self, unit: Unit) -> None:
        self._active.pop(unit.name, None)
        if self._request.cleanup and unit.place:
            self._leaving.add(unit.name)
            self._workers.submit(unit.name, lambda: self._ledger.remove(unit.place))

    def _finish(
        self,
        unit: Unit,
        state: str,
        *,
        document: Object | None = None,
        trouble: Trouble | None = None,
    ) -> None:
        self._drop(unit)
        reason = "" if state == "ok" or trouble is None else trouble.reason
        message = "" if state == "ok" or trouble is None else answers.clean(str(trouble))
        if state != "ok" and unit.tail and unit.tail[-1] not in message:
            message += f"; last lines of its log: {' | '.join(unit.tail)}"
        self._results.append(
            NodeResult(
                node=unit.node or unit.target,
                status=state,
                document=document,
                reason=reason,
                message=message,
            )
        )
        if self._fleet:
            self._progress(unit, state, reason)

    def _progress(self, unit: Unit, state: str, reason: str) -> None:
        total = len(self._plan.nodes)
        count = len(self._results)
        if state != "ok":
            self._ctx.log(f"node {unit.node or unit.target}: {state}: {reason}")
        if count == total or count * 10 // total != (count - 1) * 10 // total:
            good = sum(result.status == "ok" for result in self._results)
            self._ctx.log(f"{good} of {total} nodes measured, {count - good} failed")
