"""The hook specifications: everything a plugin may implement.

Registration hooks are pure and quick: they yield providers (``plugins.providers``), which the core runs later, in
parallel, with deadlines. They are called at most once in a process. Arguments are passed by name; an
implementation takes those it needs. Answers of all plugins are joined in order of plugin names.
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

    @hookspec(historic=True)
    def aicr_configure(self, settings: Settings) -> None:
        """Learn the settings of this invocation; called once for each plugin, also one imported late.

        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_collectors(self, settings: Settings) -> Iterable[providers.Collector]:  # type: ignore[empty-body]
        """Register collectors of measurements. Added in hookspec 1.0."""

    @hookspec
    def aicr_dimensions(self) -> Iterable[providers.Dimension]:  # type: ignore[empty-body]
        """Register criteria dimensions beyond the six of the schema. Added in hookspec 1.0."""

    @hookspec
    def aicr_matchers(self) -> Iterable[providers.Matcher]:  # type: ignore[empty-body]
        """Register detectors of criteria values in snapshots. Added in hookspec 1.0."""

    @hookspec
    def aicr_phases(self) -> Iterable[providers.Phase]:  # type: ignore[empty-body]
        """Register validation phases. Added in hookspec 1.0."""

    @hookspec
    def aicr_checks(self, settings: Settings) -> Iterable[providers.Check]:  # type: ignore[empty-body]
        """Register checks; names are unique over all plugins. Added in hookspec 1.0."""

    @hookspec
    def aicr_bundlers(self) -> Iterable[providers.Bundler]:  # type: ignore[empty-body]
        """Register bundlers of components. Added in hookspec 1.0."""

    @hookspec
    def aicr_bundle_checks(self) -> Iterable[providers.BundleCheck]:  # type: ignore[empty-body]
        """Register validations that registry entries name by function. Added in hookspec 1.0."""

    @hookspec
    def aicr_deployers(self) -> Iterable[providers.Deployer]:  # type: ignore[empty-body]
        """Register deployers. Added in hookspec 1.0."""

    @hookspec
    def aicr_stores(self) -> Iterable[providers.Store]:  # type: ignore[empty-body]
        """Register stores of URI schemes. Added in hookspec 1.0."""

    @hookspec
    def aicr_signers(self) -> Iterable[providers.Signer]:  # type: ignore[empty-body]
        """Register signers. Added in hookspec 1.0."""

    @hookspec
    def aicr_commands(self) -> Iterable[providers.Command]:  # type: ignore[empty-body]
        """Register further commands. Added in hookspec 1.0."""

    @hookspec
    def aicr_patch_values(
        self, component: Mapping[str, Any], values: Mapping[str, Any], criteria: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """Change a component's values before ``--set`` and scheduling; None leaves them as they are.

        The core walks the implementations in name order and feeds each the former's result. The given
        mappings are shared: return new ones. Added in hookspec 1.0.
        """

    @hookspec
    def aicr_policy(self, subject: Mapping[str, Any], stage: str) -> Iterable[Mapping[str, str]]:  # type: ignore[empty-body]
        """Judge a recipe document (``stage`` "recipe" or "bundle").

        Yield findings ``{"verdict": "deny" or "warn", "message": text}``; a denial stops the command.
        Added in hookspec 1.0.
        """

    @hookspec
    def aicr_recipe_built(self, recipe: Mapping[str, Any]) -> None:
        """Learn that a recipe was resolved; a failure here is logged and ignored. Added in hookspec 1.0."""

    @hookspec
    def aicr_bundle_written(self, report: BundleReport) -> None:
        """Learn that a bundle was written; a failure here is logged and ignored. Added in hookspec 1.0."""

    @hookspec
    def aicr_snapshot_taken(self, snapshot: Mapping[str, Any], outcomes: Sequence[Any]) -> None:
        """Learn that a snapshot was taken. Added in hookspec 1.0."""

    @hookspec
    def aicr_validated(self, report: Mapping[str, Any]) -> None:
        """Learn the report of a validation. Added in hookspec 1.0."""


HOOKS = frozenset(name for name in vars(Specs) if name.startswith("aicr_"))
