"""The agent ``kubernetes``: prepare, run, clean up whatever happens, and say what is left.

``run`` is what the hook names. Reading, deciding and making are in the modules beside; here is only their order, and
that nothing stays behind on success, failure, timeout and Ctrl-C (spec/snapshot.md 11.2, 14.3, 14.16).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from aicr_core.api import AgentResult, AicrError, Code, NodeResult
from aicr_kube.agent import access, pods, sink
from aicr_kube.agent import plan as planning
from aicr_kube.agent.engine import Engine
from aicr_kube.jobs import names
from aicr_kube.jobs.api import Api, Budget, collection_of, namespaced, status
from aicr_kube.jobs.ledger import Ledger
from aicr_kube.jobs.watching import Pace

if TYPE_CHECKING:
    from aicr_core.api import AgentRequest, Context
    from aicr_kube.agent.plan import Found
    from aicr_kube.agent.pods import Plan

Object = dict[str, Any]
_HOST_TYPES = ("SystemD", "OS", "GPU")
"""What an agent measures, for the document of a run that may have none."""


def run(ctx: Context, request: AgentRequest, pace: Pace | None = None) -> AgentResult:
    """Measure one node, or many, with agents in pods; the hook's contract is ``aicr_core.model.agent``.

    Raises AicrError: INVALID_REQUEST, NOT_FOUND, UNAUTHORIZED before anything is made; SERVICE_UNAVAILABLE when
    the API server stays away. What is left in the cluster then is named in the log.
    """
    pace = pace or Pace()
    planning.check(request)
    budget = Budget(ctx.remaining)
    api = Api.open(ctx, budget)
    identity = names.new_run()
    found = planning.find(api, request, identity, ctx.log)
    if found.plan is None:
        if found.said:
            ctx.log(found.said)
        return AgentResult(run=identity, results=(_without_pod(request, found.said),))
    if request.dry_run:
        return AgentResult(run=identity, manifests=tuple(_manifests(request, found, found.plan)))
    _preflight(ctx, api, request, found)
    kubeconfig = str(ctx.options.get("kubeconfig") or "")
    ledger = Ledger(api, identity, patience=pace.outage, pause=pace.pause, kubeconfig=kubeconfig)
    finished = False
    try:
        results = _measure(ctx, api, ledger, request, found, found.plan, pace)
        finished = True
    finally:
        budget.start_cleanup()
        residue = _clean(ctx, ledger, request)
        if residue and not finished:
            # The caller gets an exception and no result: this is the only place to say it.
            ctx.log("left in the cluster; remove with:\n  " + "\n  ".join(residue))
    return AgentResult(run=identity, results=results, residue=residue)


def _preflight(ctx: Context, api: Api, request: AgentRequest, found: Found) -> None:
    wanted = access.needs(
        request, fleet=planning.is_fleet(request), make_namespace=found.missing_namespace,
        make_account=found.make_account,
    )  # fmt: skip
    denied = access.check(api, [need for need in wanted if not need.optional])
    if not denied:
        return
    ctx.log(access.as_yaml(access.roles(wanted)))
    error = access.refusal(denied, f"--namespace {request.namespace}")
    if any(need.resource == "namespaces" for need in denied):
        error.message += f"; namespace {request.namespace} is not there"
    raise error


def _measure(
    ctx: Context, api: Api, ledger: Ledger, request: AgentRequest, found: Found, plan: Plan, pace: Pace
) -> tuple[NodeResult, ...]:  # fmt: skip
    if found.missing_namespace:
        _make_namespace(ctx, api, request.namespace)
    helpers: list[Object] = []
    if request.sink:
        plan, helpers = _prepare_sink(ledger, api, request, plan, make_account=found.make_account)
    unready = tuple(
        NodeResult(
            node=node, status="failed", reason="NodeNotReady",
            message="the node's kubelet does not answer; look at the node with: kubectl describe node",
        )
        for node in found.unready
    )  # fmt: skip
    if planning.is_fleet(request) and not plan.nodes:
        return unready
    count = f"{len(plan.nodes)} nodes" if plan.nodes else "one node"
    ctx.log(
        f"run {plan.run}: measuring {count} from namespace {request.namespace}, profile {plan.profile.name}"
    )

    def own(made: Object) -> None:
        _adopt(api, helpers, made)

    measured = Engine(ctx, api, ledger, request, plan, pace, own).run()
    return tuple(sorted((*measured, *unready), key=lambda result: result.node))


def _make_namespace(ctx: Context, api: Api, name: str) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "labels": {names.MANAGED: "aicr"}}}  # fmt: skip
    try:
        api.create("/api/v1/namespaces", body)
    except AicrError as error:
        if status(error) != 409:
            raise
    ctx.log(f"made namespace {name}; it stays")


def _prepare_sink(
    ledger: Ledger, api: Api, request: AgentRequest, plan: Plan, *, make_account: bool
) -> tuple[Plan, list[Object]]:
    """Make what an agent that writes to its sink needs. Gives the plan with its account, and the helpers made."""
    namespace, name = sink.target(request.sink)
    if api.find(namespaced("v1", namespace, "configmaps", name)) is None:
        ledger.create(sink.placeholder(request, plan.run), removable=sink.is_unused_placeholder)
    if not make_account:
        return plan, []
    account = sink.account(request, plan.run)
    plan = plan._replace(account=account["metadata"]["name"])
    helpers = [
        ledger.create(item) for item in (account, *sink.rights(request, plan.run, plan.account))
    ]
    return plan, helpers


def _adopt(api: Api, helpers: list[Object], job: Object) -> None:
    """Let the Job own the helpers, so that its time to live removes them too, should we die."""
    owner = {"apiVersion": "batch/v1", "kind": "Job"}
    owner |= {key: job["metadata"][key] for key in ("name", "uid")}
    for item in helpers:
        metadata = item["metadata"]
        if metadata.get("namespace") != job["metadata"].get("namespace"):
            continue
        place = f"{collection_of(item)}/{metadata['name']}"
        # A caller without the right to patch loses only this second net.
        with contextlib.suppress(AicrError):
            api.patch(place, {"metadata": {"ownerReferences": [owner]}})


def _clean(ctx: Context, ledger: Ledger, request: AgentRequest) -> tuple[str, ...]:
    if not request.cleanup:
        return ledger.commands()
    try:
        for problem in ledger.clean():
            ctx.log(f"cleaning up: {problem.message}")
    except KeyboardInterrupt:
        # A second Ctrl-C: leave at once, but say what remains.
        ctx.log("left in the cluster; remove with:\n  " + "\n  ".join(ledger.commands()))
        raise
    return ledger.commands()


def _without_pod(request: AgentRequest, said: str) -> NodeResult:
    """Give the document of an agent that was not run: it has no facts, and says why (profile ``api``)."""
    reason = said or "profile api runs no pod: only the cluster is read"
    if planning.is_fleet(request) or request.sink:
        raise AicrError(Code.UNAUTHORIZED, reason, where="--profile")
    entries = [
        {
            "collector": "kubernetes",
            "subtype": name,
            "status": "skipped",
            "reason": reason,
            "durationMs": 0,
        }
        for name in _HOST_TYPES
    ]
    document = {"kind": "Snapshot", "measurements": [], "collection": entries}
    return NodeResult(node="", status="ok", document=document, reason="PodSecurity" if said else "")


def _manifests(request: AgentRequest, found: Found, plan: Plan) -> list[Object]:
    """Give all objects that the run would make, in their order."""
    made: list[Object] = []
    if found.missing_namespace:
        made.append({"apiVersion": "v1", "kind": "Namespace",
                     "metadata": {"name": request.namespace, "labels": {names.MANAGED: "aicr"}}})  # fmt: skip
    if request.sink:
        made.append(sink.placeholder(request, plan.run))
        if found.make_account:
            account = sink.account(request, plan.run)
            plan = plan._replace(account=account["metadata"]["name"])
            made += [account, *sink.rights(request, plan.run, plan.account)]
    if plan.nodes:
        made += [pods.node_pod(request, plan, node) for node in plan.nodes]
    else:
        made.append(pods.job(request, plan))
    return made
