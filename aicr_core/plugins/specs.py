"""The hook specifications: everything a plugin may implement.

Registration hooks are pure and quick: they yield providers (``plugins.providers``), which the core runs later, in
parallel, with deadlines. They are called at most once in a process. Arguments are passed by name; an
implementation takes those it needs. Each plugin is called alone, in order of plugin names; what one raises is
reported with its name and leaves the others' answers as they are. Implementations are marked with
``aicr_core.api.hookimpl`` and listed in the manifest's ``hooks``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aicr_core.model.bundle import BundleReport
    from aicr_core.model.settings import Settings
    from aicr_core.plugins import providers

PROJECT = "aicr"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Specs:
    """Namespace of the specifications."""

    # --- registration: what a plugin brings -------------------------------------------------------

    @hookspec
    def aicr_collectors(self, settings: Settings) -> Iterable[providers.Collector]:  # type: ignore[empty-body]
        """Register collectors of measurements.

        All of them run at once, each within its ``timeout``; one that fails is a warning. Two that produce the
        same measurement type have their subtypes merged. ``settings`` are those of the invocation.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_agents(self) -> Iterable[providers.Agent]:  # type: ignore[empty-body]
        """Register agents: they run host collectors on the nodes of a cluster.

        ``aicr snapshot`` uses the one that is installed; with several, ``--agent NAME`` chooses.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_dimensions(self) -> Iterable[providers.Dimension]:  # type: ignore[empty-body]
        """Register criteria dimensions beyond the six of the schema.

        The six (service, accelerator, intent, os, platform, nodes) are the core's own; a name used twice is an
        error that names both plugins. Values of the six need no code: they stand in the manifest.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_matchers(self) -> Iterable[providers.Matcher]:  # type: ignore[empty-body]
        """Register detectors of criteria values in snapshots.

        Each is asked for a :class:`Detection`: value, confidence, and the reading it came from. The highest
        confidence wins, with a warning that names a reading which says otherwise; a tie between different values
        leaves the dimension unset. Values that the catalogue in use does not know are left out, with a note.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_phases(self) -> Iterable[providers.Phase]:  # type: ignore[empty-body]
        """Register validation phases; they run by ``order``.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_checks(self, settings: Settings) -> Iterable[providers.Check]:  # type: ignore[empty-body]
        """Register checks; names are unique over all plugins. A recipe names the checks it wants.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_clusters(self) -> Iterable[providers.ClusterAccess]:  # type: ignore[empty-body]
        """Register ways to reach a cluster; there has to be one for what asks a cluster beside collectors and stores.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_check_runners(self) -> Iterable[providers.CheckRunner]:  # type: ignore[empty-body]
        """Register runners of checks; ``process`` is the core's own. ``aicr validate --runner NAME`` chooses.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_report_writers(self) -> Iterable[providers.ReportWriter]:  # type: ignore[empty-body]
        """Register report formats for ``aicr validate``.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_evidence_writers(self) -> Iterable[providers.EvidenceWriter]:  # type: ignore[empty-body]
        """Register ways to write evidence: ``pages`` for ``--evidence-dir``, ``submission`` for a conformance body.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_bundlers(self) -> Iterable[providers.Bundler]:  # type: ignore[empty-body]
        """Register bundlers, each for one component, or ``*`` for all that have none of their own.

        One bundler runs for each enabled component: its own, else ``*``, else the generic one of the core. Two
        plugins that register one component are an error that names both. If any bundler fails, all failures are
        listed and no bundle is written.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_bundle_checks(self) -> Iterable[providers.BundleCheck]:  # type: ignore[empty-body]
        """Register validations that entries of the component registry name by function.

        Their messages become notes or errors of ``aicr bundle``; the registry entry says which.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_deployers(self) -> Iterable[providers.Deployer]:  # type: ignore[empty-body]
        """Register deployers; ``aicr bundle --deployer NAME`` runs exactly one of them.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_stores(self) -> Iterable[providers.Store]:  # type: ignore[empty-body]
        """Register stores, each for one URI scheme; ``file``, ``http`` and ``https`` are the core's own.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_signers(self) -> Iterable[providers.Signer]:  # type: ignore[empty-body]
        """Register signers of bundles; ``aicr bundle --attest`` signs with one, ``aicr verify`` asks the one that fits.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_publishers(self) -> Iterable[providers.Publisher]:  # type: ignore[empty-body]
        """Register places bundles are pushed to and pulled from, each for one URI scheme (``--output SCHEME://...``).

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_chart_engines(self) -> Iterable[providers.ChartEngine]:  # type: ignore[empty-body]
        """Register chart engines; there has to be exactly one for what renders charts or brings them along.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_bundle_lints(self) -> Iterable[providers.BundleLint]:  # type: ignore[empty-body]
        """Register lints of bundles; ``aicr bundle check`` runs all of them, and one that fails is a finding itself.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_inventory_writers(self) -> Iterable[providers.InventoryWriter]:  # type: ignore[empty-body]
        """Register formats of mirror lists and software bills of materials.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_commands(self) -> Iterable[providers.Command]:  # type: ignore[empty-body]
        """Register further commands; a name of the core's own commands cannot be taken.

        List each in the manifest as well (``[[provides]]`` with kind ``command``, name, section, summary): then
        ``aicr --help`` shows it without importing the plugin.

        Added in hookspec 1.0.
        """

    # --- decision, pipeline, collection -----------------------------------------------------------

    @hookspec(firstresult=True)
    def aicr_read_constraint(
        self, path: str, snapshot: Mapping[str, Any] | None, recipe: Mapping[str, Any]
    ) -> str | int | float | bool | None:
        """Give the reading that the constraint path ``path`` names, or None when it is not yours.

        Asked in name order until one answers. The core reads paths ``Type.subtype.key`` from the snapshot after
        every plugin has declined; a path nobody reads is NOT_FOUND, never a silent pass.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_patch_values(
        self, component: Mapping[str, Any], values: Mapping[str, Any], criteria: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """Change a component's values before ``--set`` and scheduling; None leaves them as they are.

        The core walks the implementations in name order and feeds each the former's result. The given
        mappings are shared: return new ones.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_extra_images(  # type: ignore[empty-body]
        self, component: Mapping[str, Any], values: Mapping[str, Any]
    ) -> Iterable[str]:
        """Name images that ``component`` pulls at run time and that its rendered manifests do not show.

        The answers of all plugins are joined, sorted and freed of duplicates.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_policy(self, subject: Mapping[str, Any], stage: str) -> Iterable[Mapping[str, str]]:  # type: ignore[empty-body]
        """Judge a recipe document (``stage`` "recipe" or "bundle").

        Yield findings ``{"verdict": "deny" or "warn", "message": text}``. All plugins are asked; a denial stops
        the command before anything is written. A policy that fails stops it as well: what was not judged was
        not allowed.

        Added in hookspec 1.0.
        """

    # --- events: results are ignored, a failure is a warning, nobody waits longer than two seconds --

    @hookspec(historic=True)
    def aicr_configure(self, settings: Settings) -> None:
        """Learn the settings of this invocation; called once, right after the plugin is imported.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_snapshot_taken(self, snapshot: Mapping[str, Any], outcomes: Sequence[Any]) -> None:
        """Learn that a snapshot was taken, and how each collector ended.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_recipe_built(self, recipe: Mapping[str, Any]) -> None:
        """Learn the recipe document that was resolved; it is shared, do not change it.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_bundle_written(self, report: BundleReport) -> None:
        """Learn that a bundle was written, and where.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_validated(self, report: Mapping[str, Any]) -> None:
        """Learn the report of a validation.

        Added in hookspec 1.0.
        """


HOOKS = frozenset(name for name in vars(Specs) if name.startswith("aicr_"))
