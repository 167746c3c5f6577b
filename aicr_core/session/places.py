"""What a session does with places: files, folders, clusters, registries, the installed plugins.

The command line is a user of this: a command reads its options, calls one of these methods, and shows what it gives. A
method takes the request of its use case, or the request's fields by name; recipes, snapshots and criteria in it are
sources: paths, ``-``, http(s) URLs, ``cm://namespace/name``. Everything here raises AicrError and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from aicr_core.session.results import Resolved, Validation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aicr_core.app.bundle_check import CheckRequest as BundleCheckRequest
    from aicr_core.app.bundle_request import BundleRequest
    from aicr_core.app.charts import Progress as ChartProgress
    from aicr_core.app.check_process import CheckRequest, Verdict
    from aicr_core.app.drift import DiffRequest
    from aicr_core.app.environment import Environment
    from aicr_core.app.mirror import MirrorList, MirrorRequest
    from aicr_core.app.plugins_new import NewPlugin, Written
    from aicr_core.app.recipe import RecipeRequest
    from aicr_core.app.recipe_coverage import CoverageRequest
    from aicr_core.app.recipe_explain import ExplainRequest
    from aicr_core.app.recipe_lint import LintRequest
    from aicr_core.app.recipe_new import NewOverlay, NewRequest
    from aicr_core.app.recipediff import RecipeDiff
    from aicr_core.app.snapshot import SnapshotRequest, Taken
    from aicr_core.app.validate import Progress, ValidateRequest
    from aicr_core.app.validation_inputs import Inputs
    from aicr_core.app.verify import VerifyRequest
    from aicr_core.engine.bundle_findings import CheckReport
    from aicr_core.engine.lint_findings import LintReport
    from aicr_core.engine.trust import Report as TrustReport
    from aicr_core.model.agent import AgentRequest
    from aicr_core.model.bundle import BundleReport

Document = dict[str, Any]
T = TypeVar("T")


def _request(kind: type[T], request: T | None, fields: Mapping[str, Any]) -> T:
    """Give the request, or make one of its fields. Raises TypeError for both, and for a field it has not."""
    if request is not None and fields:
        raise TypeError(f"give a {kind.__name__}, or its fields, not both")
    return kind(**fields) if request is None else request


class Places:
    """The part of a session that reads and writes places."""

    _environment: Environment
    _data: tuple[str, ...]

    # --- snapshot -------------------------------------------------------------------------------------

    def snapshot(
        self,
        request: SnapshotRequest | None = None,
        *,
        agent: AgentRequest | None = None,
        agent_name: str = "",
        log: Callable[[str], None] | None = None,
        **fields: Any,
    ) -> Taken:
        """Measure this host and its cluster, or with ``agent`` nodes of a cluster (``aicr snapshot``)."""
        from aicr_core.app.snapshot import SnapshotRequest, take_by_agent, take_local

        asked = _request(SnapshotRequest, request, fields)
        if agent is None:
            return take_local(self._environment, asked, log)
        return take_by_agent(self._environment, asked, agent, agent_name, log)

    def compare_snapshots(
        self, request: DiffRequest | None = None, **fields: Any
    ) -> tuple[Document, list[str]]:
        """Compare two snapshots or fleets (``aicr diff``); give the result and what to warn of."""
        from aicr_core.app.drift import DiffRequest, compare

        return compare(self._environment, _request(DiffRequest, request, fields))

    def import_fleet(
        self, places: Sequence[str], *, kubeconfig: str = "", limit: int = 0
    ) -> tuple[Document, list[str]]:
        """Make a FleetSnapshot of node snapshots (``aicr fleet import``); ``limit`` is in bytes a document."""
        from aicr_core.app.fleet import import_nodes
        from aicr_core.engine.snapshots import MAX_BYTES

        return import_nodes(
            self._environment, places, kubeconfig=kubeconfig, limit=limit or MAX_BYTES
        )

    def open_fleet(
        self, places: Sequence[str], *, kubeconfig: str = "", limit: int = 0
    ) -> tuple[Document, list[str]]:
        """Read a FleetSnapshot, or put one together; what ``fleet_report`` and ``fleet_check`` take."""
        from aicr_core.app.fleet import open_fleet
        from aicr_core.engine.snapshots import MAX_BYTES

        return open_fleet(
            self._environment, places, kubeconfig=kubeconfig, limit=limit or MAX_BYTES
        )

    def fleet_report(self, fleet: Document) -> Document:
        """Give groups of equal nodes and the outliers, worst first (``aicr fleet report``)."""
        from aicr_core.app.drift import shipped_rules
        from aicr_core.app.fleet import report

        return report(fleet, shipped_rules(self._environment).of)

    def fleet_check(
        self, recipe: str, fleet: Document, *, quorum: str = "all", kubeconfig: str = ""
    ) -> Document:
        """Evaluate a recipe's constraints for every node (``aicr fleet check``)."""
        from aicr_core.app.bundle_plan import load_recipe
        from aicr_core.app.fleet import check

        return check(load_recipe(self._environment, recipe, kubeconfig=kubeconfig), fleet, quorum)

    # --- recipe ---------------------------------------------------------------------------------------

    def resolve(self, request: RecipeRequest | None = None, **fields: Any) -> Resolved:
        """Resolve criteria (``flags``), a criteria source or a snapshot to one recipe (``aicr recipe``)."""
        from aicr_core.app.recipe import RecipeRequest, build_recipe

        found = build_recipe(self._environment, _request(RecipeRequest, request, fields))
        return Resolved(found.document, found.warnings)

    def query(
        self,
        selector: str,
        request: RecipeRequest | None = None,
        *,
        empty: Any = None,
        **fields: Any,
    ) -> tuple[Any, tuple[str, ...]]:
        """Give one value of the hydrated recipe, and warnings (``aicr query``); ``empty`` stands for no values."""
        from aicr_core.app.recipe import RecipeRequest, query

        return query(
            self._environment, _request(RecipeRequest, request, fields), selector, empty=empty
        )

    def explain_criteria(
        self, request: RecipeRequest | None = None, **fields: Any
    ) -> tuple[Document, list[str]]:
        """Say where each criterion comes from (``--explain-criteria``), and what to warn of."""
        from aicr_core.app.criteria import explain
        from aicr_core.app.recipe import RecipeRequest, catalogue_for

        asked = _request(RecipeRequest, request, fields)
        return explain(self._environment, catalogue_for(self._environment, asked), asked)

    def explain_recipe(
        self, request: ExplainRequest | None = None, **fields: Any
    ) -> tuple[Document, tuple[str, ...]]:
        """Say where the values of a recipe come from (``aicr recipe explain``), and what to warn of."""
        from aicr_core.app.recipe_explain import ExplainRequest, explain

        return explain(self._environment, _request(ExplainRequest, request, fields))

    def compare_recipes(
        self, request: RecipeDiff | None = None, **fields: Any
    ) -> tuple[Document, list[str]]:
        """Compare two recipes (``aicr recipe diff``); give the differences and what to warn of."""
        from aicr_core.app.recipediff import RecipeDiff, compare

        return compare(self._environment, _request(RecipeDiff, request, fields))

    def list_overlays(self, request: RecipeRequest, *, health: bool = True) -> list[Document]:
        """List the overlays of the catalogue (``aicr recipe list``)."""
        from aicr_core.app.listing import overlays

        return overlays(self._environment, request, health=health)

    def criteria_matrix(self, request: CoverageRequest) -> Document:
        """Give the criteria that resolve, with checks and health, and those that do not (``aicr recipe coverage``)."""
        from aicr_core.app.recipe_coverage import coverage

        return coverage(self._environment, request)

    def repetitions(self, data: Sequence[str] = (), *, external_only: bool = False) -> Any:
        """Find what overlays repeat and a mixin could say once (``aicr recipe dedupe``)."""
        from aicr_core.engine.dedupe import proposals

        return proposals(
            self._environment.catalogue(tuple(data) or self._data, external_only=external_only)
        )

    def lint(
        self, files: Sequence[str] = (), *, plugin: str = "", severity: str = "error"
    ) -> Document:
        """Look for faults in files, else in the further catalogues, else in a plugin; give the findings' document."""
        from aicr_core.engine.lint_findings import document

        found = self.lint_catalogue(
            files=tuple(files), data=self._data, plugin=plugin, severity=severity
        )
        return document(found)

    def lint_catalogue(self, request: LintRequest | None = None, **fields: Any) -> LintReport:
        """Look for faults in overlays, mixins and registries (``aicr recipe validate``)."""
        from aicr_core.app.recipe_lint import LintRequest, lint_catalogue

        return lint_catalogue(self._environment, _request(LintRequest, request, fields))

    def new_overlay(self, criteria: Mapping[str, str], folder: str, *, name: str = "") -> list[str]:
        """Write the beginning of an overlay; give the paths below ``folder``."""
        made = self.begin_overlay(flags=dict(criteria), folder=folder, name=name, data=self._data)
        return list(made.written)

    def begin_overlay(self, request: NewRequest | None = None, **fields: Any) -> NewOverlay:
        """Write the beginning of an overlay (``aicr recipe new``)."""
        from aicr_core.app.recipe_new import NewRequest, new_overlay

        return new_overlay(self._environment, _request(NewRequest, request, fields))

    # --- validate -------------------------------------------------------------------------------------

    def validation_inputs(
        self, recipe: str, *, data: Sequence[str] = (), kubeconfig: str = ""
    ) -> Inputs:
        """Read a recipe and find its phases and checks: what :meth:`run_validation` works on."""
        from aicr_core.app.validation_inputs import gather

        return gather(
            self._environment, recipe, data=tuple(data) or self._data, kubeconfig=kubeconfig
        )

    def run_validation(
        self,
        inputs: Inputs,
        snapshot: Document,
        request: ValidateRequest | None = None,
        *,
        json: bool = False,
        notify: Callable[[Progress], None] = lambda _progress: None,
        **fields: Any,
    ) -> Validation:
        """Hold a snapshot and a cluster to a recipe (``aicr validate``); ``json``: the snapshot came as JSON."""
        from aicr_core.app.validate import ValidateRequest, validate

        asked = _request(ValidateRequest, request, fields)
        outcome = validate(self._environment, inputs, snapshot, asked, json=json, notify=notify)
        return Validation(outcome.report, outcome.warnings)

    def run_check(
        self, request: CheckRequest, log: Callable[[str], None] = lambda _text: None
    ) -> Verdict:
        """Run one check alone (``aicr check``); whatever is wrong is its verdict."""
        from aicr_core.app.check_process import check

        return check(self._environment, request, log)

    # --- bundle ---------------------------------------------------------------------------------------

    def write_bundle(
        self,
        request: BundleRequest | None = None,
        *,
        progress: ChartProgress | None = None,
        confirm: Callable[[str], bool] = lambda _text: True,
        **fields: Any,
    ) -> BundleReport:
        """Write a bundle to a folder, or publish it (``aicr bundle``).

        ``progress`` is told of charts; ``confirm`` is asked before a signature makes something public.
        """
        from aicr_core.app.bundle import write_bundle
        from aicr_core.app.bundle_request import BundleRequest

        return write_bundle(
            self._environment, _request(BundleRequest, request, fields), progress, confirm
        )

    def check_bundle(
        self,
        request: BundleCheckRequest | None = None,
        *,
        progress: ChartProgress | None = None,
        **fields: Any,
    ) -> tuple[CheckReport, list[str]]:
        """Find what is wrong in a bundle (``aicr bundle check``); give the report and what to warn of."""
        from aicr_core.app.bundle_check import CheckRequest, check_bundle

        return check_bundle(self._environment, _request(CheckRequest, request, fields), progress)

    def pull_bundle(
        self, uri: str, output: str, *, force: bool = False, **options: Any
    ) -> tuple[str, Sequence[Any]]:
        """Bring a published bundle back into a folder (``aicr bundle pull``); give its path and the files."""
        from aicr_core.app.bundle_pull import pull_bundle

        return pull_bundle(self._environment, uri, output, options, force=force)

    def verify(self, request: VerifyRequest | None = None, **fields: Any) -> TrustReport:
        """Tell whether a bundle is whole, and who made it (``aicr verify``)."""
        from aicr_core.app.verify import VerifyRequest, verify_bundle

        return verify_bundle(self._environment, _request(VerifyRequest, request, fields))

    def mirror(
        self,
        request: MirrorRequest | None = None,
        *,
        progress: ChartProgress | None = None,
        **fields: Any,
    ) -> MirrorList:
        """List the charts and images that a recipe needs (``aicr mirror list``)."""
        from aicr_core.app.mirror import MirrorRequest, mirror_list

        return mirror_list(self._environment, _request(MirrorRequest, request, fields), progress)

    # --- plugins --------------------------------------------------------------------------------------

    def plugins(self, *, all_states: bool = True) -> list[Document]:
        """List the installed plugins (``aicr plugins list``): name, version, state, hooks, what each provides."""
        from aicr_core.app.plugins import rows

        return rows(self._environment, all_states=all_states)

    def plugin_info(self, name: str) -> Document:
        """Give what a person asks about one plugin (``aicr plugins info``). Raises NOT_FOUND with the nearest name."""
        from aicr_core.app.plugins import info

        return info(self._environment, name)

    def plugin(self, name: str) -> Document:
        """Give all that the index knows of one plugin: its manifest with defaults, root, state. Raises NOT_FOUND."""
        from aicr_core.app.plugins import info

        return {**(self._environment.index.row(name) or {}), **info(self._environment, name)}

    def examine_plugins(self) -> list[Document]:
        """Import each plugin in a child process (``aicr plugins doctor``); give what happened."""
        from aicr_core.app.plugin_doctor import doctor

        return doctor(self._environment)

    def new_plugin(self, request: NewPlugin) -> Written:
        """Write the skeleton of a plugin (``aicr plugins new``); give its folder and files."""
        from aicr_core.app.plugins_new import new_plugin

        return new_plugin(self._environment, request)

    def lock_plugins(self) -> tuple[str, list[str]]:
        """Give a policy that pins what is installed (``aicr plugins lock``), and what to warn of."""
        from aicr_core.app.plugin_lock import lock

        return lock(self._environment)

    def lock_differences(self, path: str) -> list[str]:
        """Say where what is installed differs from a lock (``aicr plugins lock --check``); nothing when it does not."""
        from aicr_core.app.plugin_lock import differences

        return differences(self._environment, path)

    def switch_plugin(self, name: str, *, enabled: bool) -> tuple[str, str]:
        """Use a plugin again, or never import it; give the policy file, and what still speaks against it."""
        from aicr_core.app.plugins import switch

        return switch(self._environment, name, enabled=enabled)

    def write_index(self, folder: str) -> str:
        """Write the plugin index for a read-only image (``aicr plugins index``); give the file."""
        from aicr_core.app.plugins import write_index

        return write_index(self._environment, folder)
