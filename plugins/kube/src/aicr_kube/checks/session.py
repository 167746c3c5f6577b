"""The runner ``job``: prepare documents and rights, run each check as a Job, remove everything whatever happens.

Reading and deciding are in the modules beside; here is the order of things, and what is left at the end. Which checks
run, and whether side by side, is the core's business: every method may be called from several threads.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from typing import TYPE_CHECKING, Any

import attrs

from aicr_core.api import RUN_NAMESPACE, AicrError, Code, Question, ReportItem, Right, questions
from aicr_kube.checks import objects, outcome, waiting
from aicr_kube.jobs.api import CALL, CLEANUP, Api, Budget, collection_of, namespaced, status
from aicr_kube.jobs.ledger import Ledger
from aicr_kube.jobs.watching import Pace
from aicr_kube.parallel import each

if TYPE_CHECKING:
    from aicr_core.api import CatalogEntry, Check, CheckResult, CheckRun, Context

Object = dict[str, Any]
SLACK = 15.0
"""Seconds after its deadline in which the cluster has to end a Job."""
ENDING = 60.0
"""Seconds that a check which was stopped has to clean up and end, before its rights are taken away."""
_OWN = (
    Right(verbs=("create", "delete", "get"), resources=("configmaps",), namespace=RUN_NAMESPACE),
    Right(verbs=("create", "delete", "list", "watch"), resources=("jobs",), group="batch",
          namespace=RUN_NAMESPACE),
    Right(verbs=("list", "watch"), resources=("pods",), namespace=RUN_NAMESPACE),
    Right(verbs=("get",), resources=("pods/log",), namespace=RUN_NAMESPACE),
)  # fmt: skip
"""What the runner itself does."""


def open_session(ctx: Context, run: CheckRun) -> Session:
    """Prepare a run; what the hook names. After an error nothing of it is left, or the log says what.

    Raises AicrError: INVALID_REQUEST for documents that are too large, UNAUTHORIZED with every right that the runner
    itself lacks, both before anything is made; and what the API server says.
    """
    objects.check_name(run)
    made = objects.documents(run)
    session = Session(ctx, run)
    try:
        session.prepare(made)
    except BaseException:
        residue = session.close()
        if residue:
            # The caller gets an exception and no session: this is the only place to say it.
            ctx.log("left in the cluster; remove with:\n  " + "\n  ".join(residue))
        raise
    return session


class Session:
    """One run of checks as Jobs."""

    def __init__(self, ctx: Context, run: CheckRun) -> None:
        self._ctx, self._run = ctx, run
        factor = run.pace
        usual = Pace()
        self._pace = Pace(
            grace=usual.grace * factor, outage=usual.outage * factor, pause=usual.pause * factor,
            tick=usual.tick * factor, drain=usual.drain * factor,
        )  # fmt: skip
        self._work_budget, self._access_budget = Budget(lambda: CALL), Budget(lambda: CALL)
        self._api = Api(run.cluster.within(self._work_budget))
        self._work = self._ledger(self._api)
        self._access = self._ledger(Api(run.cluster.within(self._access_budget)))
        self._ending: set[str] = set()
        """Jobs that are removed while their check may still be cleaning up, with the rights of the run."""
        self._closed = threading.Event()

    def _ledger(self, api: Api) -> Ledger:
        kubeconfig = str(self._ctx.options.get("kubeconfig") or "")
        return Ledger(
            api, self._run.run, patience=self._pace.outage, pause=self._pace.pause, kubeconfig=kubeconfig
        )  # fmt: skip

    # --- preparing --------------------------------------------------------------------------------

    def prepare(self, documents: list[Object]) -> None:
        """Make namespace, service account, rights and documents."""
        run = self._run
        given = attrs.evolve(run, rights=self._reachable(run.rights))
        self._preflight(given)
        self._ensure_namespace()
        if not run.service_account:
            for item in objects.rights(run, given):
                self._access.create(item)
        for item in documents:
            self._work.create(item)

    def _reachable(self, rights: tuple[Right, ...]) -> tuple[Right, ...]:
        """Give rights that can be granted: RBAC has no rule for a namespace that is not there.

        What a check may do in such a one, it may do everywhere; else it could not tell that the namespace is missing
        from not being allowed to look.
        """
        spaces = {right.namespace for right in rights} - {"", RUN_NAMESPACE, self._run.namespace}
        missing = {space for space in spaces if not self._has_namespace(space)}
        if missing and not self._run.service_account:
            self._ctx.log(
                f"no namespace {', '.join(sorted(missing))}: what checks may do there, they may do in the whole cluster"
            )
        return tuple(
            attrs.evolve(right, namespace="") if right.namespace in missing else right
            for right in rights
        )

    def _has_namespace(self, name: str) -> bool:
        try:
            return self._api.find(f"/api/v1/namespaces/{name}") is not None
        except AicrError as error:
            if status(error) == 403:
                return True
            raise

    def _preflight(self, run: CheckRun) -> None:
        """Ask for every right at once. Raises AicrError(UNAUTHORIZED) that lists those that are missing."""
        wanted = list(questions(_OWN, run.namespace))
        if not run.service_account:
            wanted += self._account_questions(run)
        # Whether the caller may give what the checks need, the server itself tells when it is given.
        answers = each(self._may, wanted)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        denied = [one for one, allowed in zip(wanted, answers, strict=True) if not allowed]
        if denied:
            raise AicrError(
                Code.UNAUTHORIZED, f"you may not {', '.join(map(str, denied))}",
                where=f"--namespace {run.namespace}",
                hint="ask for these rights, run the checks in this process (--runner process), or have an "
                "administrator prepare a service account: aicr validate --print-rbac",
            )  # fmt: skip

    def _account_questions(self, run: CheckRun) -> list[Question]:
        making = []
        for item in objects.rights(run, run):
            group, _, _ = item["apiVersion"].rpartition("/")
            plural = collection_of(item).rpartition("/")[2]
            space = item["metadata"].get("namespace", "")
            making.append(
                Right(verbs=("create", "delete"), resources=(plural,), group=group, namespace=space)
            )
        return list(questions(making, run.namespace))

    def _may(self, one: Question) -> bool:
        return self._api.can_i(
            one.verb, one.group, one.resource,
            subresource=one.subresource, namespace=one.namespace, name=one.name,
        )  # fmt: skip

    def _ensure_namespace(self) -> None:
        name = self._run.namespace
        try:
            self._api.create("/api/v1/namespaces", objects.namespace(self._run))
        except AicrError as error:
            if status(error) == 409 or (status(error) == 403 and self._has_namespace(name)):
                return
            raise
        self._ctx.log(f"made namespace {name}; it stays")

    # --- running ----------------------------------------------------------------------------------

    def run(self, ctx: Context, check: Check | None, entry: CatalogEntry) -> ReportItem:
        """Run one check as a Job; whatever happens in the cluster, the answer is an item.

        ``check`` is None for one that only the validator catalogue knows.
        """
        item = objects.job(self._run, entry, secrets.token_hex(4))
        name = item["metadata"]["name"]
        if self._closed.is_set():
            return self._item(check, entry, outcome.Ended(_late()), ())
        try:
            made = self._work.create(item)
        except AicrError as error:
            result = outcome.of_error(error, f"Job {name} could not be made")
            return self._item(check, entry, outcome.Ended(result), ())
        place = f"{collection_of(item)}/{name}"
        if self._closed.is_set():
            # It was being made while everything was removed: nobody else knows of it.
            self._remove(ctx, place, name, None)
            return self._item(check, entry, outcome.Ended(_late()), ())
        found = None
        lines: tuple[str, ...] = ()
        limit = (objects.lifetime(entry) + SLACK) * self._run.pace
        try:
            found = waiting.Waiter(ctx, self._api, made, limit, self._pace).wait()
            if found.pod is not None and found.ended.started:
                log = waiting.log_of(ctx, self._api, found.pod)
                ended, lines = outcome.with_log(
                    found.ended, found.pod, log, run=self._run.run, check=entry.name
                )
                found = found._replace(ended=ended)
        finally:
            if not self._run.keep:
                self._remove(ctx, place, name, found)
        return self._item(check, entry, found.ended, lines)

    def _item(
        self, check: Check | None, entry: CatalogEntry, ended: outcome.Ended, lines: tuple[str, ...]
    ) -> ReportItem:
        result = ended.result
        wanting = result.status in (outcome.FAILED, outcome.OTHER) and not result.remediation
        if wanting and check is not None:
            result = attrs.evolve(result, remediation=check.remediation)
        return ReportItem(
            name=entry.name, phase=entry.phase, title=check.title if check is not None else "",
            result=result, runner="job", start=ended.start, stop=ended.stop,
            duration=ended.stop - ended.start, output=lines,
            page=check.evidence if check is not None else None,
        )  # fmt: skip

    def _remove(self, ctx: Context, place: str, job: str, found: waiting.Found | None) -> None:
        """Delete a Job; one whose container may still run gets time to clean up with the rights it has."""
        try:
            if found is not None and found.removed and found.pod is not None:
                # Whoever deleted the Job may have left its pod.
                metadata = found.pod["metadata"]
                pod = namespaced("v1", self._run.namespace, "pods", str(metadata["name"]))
                self._api.delete(pod, str(metadata.get("uid") or ""))
            self._work.remove(place)
            if found is None or outcome.of_pod(found.pod or {}) is None:
                self._ending.add(job)
                self._await_end(job, ctx.remaining())
        except AicrError as error:
            ctx.log(f"removing Job {job}: {error.message}")

    def _await_end(self, job: str, limit: float) -> None:
        """Wait until a stopped check has cleaned up and ended; what is still there then, ``close`` waits for."""
        path = namespaced("v1", self._run.namespace, "pods")
        end = time.monotonic() + min(ENDING * self._run.pace, limit)
        while True:
            if self._api.first(path, f"batch.kubernetes.io/job-name={job}") is None:
                self._ending.discard(job)
                return
            if time.monotonic() >= end:
                return
            time.sleep(self._pace.pause)

    def _see_out(self) -> None:
        for job in sorted(self._ending):
            with contextlib.suppress(AicrError):
                self._await_end(job, objects.REPORT * self._run.pace)
        self._ending.clear()

    # --- ending -----------------------------------------------------------------------------------

    def publish(self, phase: str, report: str) -> None:
        """Put the CTRF text of a phase that ended into the cluster; what goes wrong is only said."""
        if len(report.encode("utf-8")) > objects.MOST - 8192:
            self._ctx.log(f"the report of phase {phase} is too large for a ConfigMap")
            return
        try:
            self._work.create(objects.report(self._run, phase, report))
        except AicrError as error:
            self._ctx.log(f"the report of phase {phase} could not be published: {error.message}")

    def close(self) -> tuple[str, ...]:
        """Remove what the run made, within 30 seconds for its work and 30 for its rights; once is enough.

        Gives the commands that delete what is left: after a failure, or everything with ``keep``.
        """
        ledgers = {self._work: self._work_budget, self._access: self._access_budget}
        if not self._run.keep and not self._closed.is_set():
            self._closed.set()
            try:
                for ledger, budget in ledgers.items():
                    budget.start_cleanup(CLEANUP)
                    for problem in ledger.clean():
                        self._ctx.log(f"cleaning up: {problem.message}")
                    self._see_out()
            except KeyboardInterrupt:
                # A second Ctrl-C: leave at once, but say what remains.
                left = [line for ledger in ledgers for line in ledger.commands()]
                self._ctx.log("left in the cluster; remove with:\n  " + "\n  ".join(left))
                raise
        return tuple(line for ledger in ledgers for line in ledger.commands())


def _late() -> CheckResult:
    return outcome.other("Interrupted", "the run had ended before the check began")
