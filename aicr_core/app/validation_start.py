"""What has to be there before the first check of a validation: a connection, rights, a namespace, the runner.

What is missing is no error but the verdict of the checks concerned, so that there is a report. No check is run here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.app import validation_inputs as loading
from aicr_core.app.validation_cleanup import RUN
from aicr_core.app.validation_rights import denied, is_at_home, untold
from aicr_core.app.validation_session import PROCESS, open_session
from aicr_core.kit.errors import AicrError, Code, one_line
from aicr_core.kit.run import Context
from aicr_core.model.check import OTHER, CheckResult, failed
from aicr_core.model.ledger import Ledger
from aicr_core.model.reads import Reads
from aicr_core.model.target import Target, is_leaving

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aicr_core.app.environment import Environment
    from aicr_core.app.validate import ValidateRequest
    from aicr_core.app.validation_cleanup import Makings
    from aicr_core.app.validation_inputs import Inputs
    from aicr_core.engine.selection import Entry
    from aicr_core.model.cluster import Cluster

Document = dict[str, Any]


class Start:
    """The beginning of one run, and what came of it; used once. ``warn`` takes what a person should know."""

    def __init__(
        self,
        environment: Environment,
        inputs: Inputs,
        snapshot: Document,
        request: ValidateRequest,
        run: str,
        makings: Makings,
        warn: Callable[[str], None],
    ) -> None:
        self._environment = environment
        self._inputs = inputs
        self._snapshot = snapshot
        self._request = request
        self._run = run
        self._makings = makings
        self._warn = warn
        self._recipe = inputs.with_asserts()
        self._cluster: Cluster | None = None
        self._lost: CheckResult | None = None
        """Why no check can run at all."""
        self._denied: dict[str, CheckResult] = {}
        self.session: Any = None
        """The runner's; None where checks run in this process."""

    def prepare(self, wanted: Sequence[Entry]) -> None:
        """Connect, ask for missing rights, start the runner. What fails is kept as the verdict of the checks."""
        try:
            self._cluster = cluster = self._environment.cluster(self._request.kubeconfig)
            cluster.version()
            self._preflight(cluster, wanted)
            if self._request.runner != PROCESS:
                allowed = [entry for entry in wanted if entry.name not in self._denied]
                self.session = open_session(
                    self._environment, self._inputs, self._snapshot, self._request, allowed,
                    run=self._run, cluster=cluster, log=self._warn,
                )  # fmt: skip
            else:
                self._home(cluster, [entry for entry in wanted if self._makes(entry)])
        except Exception as raised:  # also what a runner of a plugin raises
            error = raised
            if not isinstance(error, AicrError):
                error = AicrError(Code.INTERNAL, one_line(f"{type(raised).__name__}: {raised}"))
            self._lost = CheckResult(
                status=OTHER, code=error.code, reason="NoCluster" if self._cluster is None else "NotStarted",
                message=f"no check could be started: {error.message}", remediation=error.hint or "",
            )  # fmt: skip
            self._warn(str(error))

    def _makes(self, entry: Entry) -> bool:
        return entry.check is not None and entry.check.mutates and entry.name not in self._denied

    def _preflight(self, cluster: Cluster, wanted: Sequence[Entry]) -> None:
        """Find checks whose rights are missing, before anything is made. Checks that only read say so themselves."""
        in_process = self._request.runner == PROCESS
        needed = [entry for entry in wanted if self._makes(entry) or not in_process]
        self._denied = untold(needed, self._recipe)
        if in_process or not self._request.service_account:
            asking = [entry for entry in needed if entry.name not in self._denied]
            self._denied.update(denied(cluster, asking, self._recipe, self._request.namespace))

    def _home(self, cluster: Cluster, makers: Sequence[Entry]) -> None:
        """Make the namespace of the run if a check works in it; one that was not there is removed at the end.

        Who may not look, or not make one, may still have one that somebody prepared: the checks will say.
        """
        residents = [entry for entry in makers if is_at_home(entry, self._recipe)]
        if not residents:
            return
        name = self._request.namespace
        try:
            if not is_leaving(cluster.get(cluster.path("v1", "namespaces", name=name))):
                return
        except AicrError as error:
            if error.code is Code.UNAUTHORIZED:
                return
            if error.code is not Code.NOT_FOUND:
                raise
        try:
            context = Context(settings=self._environment.settings)
            self.target(RUN, context, Reads()).ensure_namespace(name)
        except AicrError as refused:
            result = failed(
                refused.code, "NoNamespace", f"namespace {name} cannot be made: {refused.message}",
                remediation=f"have it made: kubectl create namespace {name}; or name another with --namespace",
            )  # fmt: skip
            self._denied.update((entry.name, result) for entry in residents)

    # --- what came of it --------------------------------------------------------------------------

    def obstacle(self, entry: Entry) -> CheckResult | None:
        """Give the verdict of a check that cannot be run, None when it can."""
        if self._lost is not None:
            return self._lost
        if entry.name in self._denied:
            return self._denied[entry.name]
        if entry.check is None and self.session is None:
            return CheckResult(
                status=OTHER, code=Code.NOT_FOUND, reason="NeedsContainer",
                message=f"no installed plugin has code for {entry.name}: it runs as a container only",
                remediation="use --runner job, or install the plugin that has it",
            )  # fmt: skip
        if self.session is not None and not entry.container.image:
            return CheckResult(
                status=OTHER, code=Code.NOT_FOUND, reason="NoImage",
                message=f"nobody says what container {entry.name} is",
                remediation="leave --runner out, or give it an image in validators/catalog.yaml of a --data directory",
            )  # fmt: skip
        return None

    def target(self, name: str, ctx: Context, reads: Reads) -> Target:
        """Give what a check works on; what it makes is removed with the rest of the run's makings."""
        assert self._cluster is not None
        request = self._request
        phase = next((entry.phase for entry in self._inputs.entries if entry.name == name), "")
        target = Target(
            ctx, self._cluster.within(ctx.remaining), recipe=self._recipe, snapshot=self._snapshot,
            namespace=request.namespace, run=self._run, constraints=self._inputs.constraints(phase),
            asserts=self._inputs.asserts, profiles=loading.profiles_of(self._inputs.catalogue, name),
            nodes=self._inputs.settings(phase).get("nodeSelection") or {},
            node_selector=request.node_selector, tolerations=request.tolerations,
            image_pull_secrets=request.image_pull_secrets, reads=reads, ledger=Ledger(), pace=request.pace,
        )  # fmt: skip
        self._makings.add(name, target)
        return target
