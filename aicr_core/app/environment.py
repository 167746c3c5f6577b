"""Open the environment of one invocation: plugin index, plugin manager, catalogue.

The index is compiled here because only this layer may see both the plugins' rows and the catalogue's builder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.app.layering import catalogue_inputs
from aicr_core.kit.errors import AicrError, Code
from aicr_core.plugins.index import USABLE, Index, open_index

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aicr_core.engine.catalogue import Catalogue
    from aicr_core.kit.run import Context
    from aicr_core.model.cluster import Cluster
    from aicr_core.model.settings import Settings
    from aicr_core.plugins.manager import PluginManager

Document = dict[str, Any]


class Environment:
    """What a use case works with; its parts are made when first asked for."""

    def __init__(self, settings: Settings, warn: Callable[[str], None] | None = None) -> None:
        self.settings = settings
        self._warn = warn or (lambda _text: None)
        self._index: Index | None = None
        self._manager: PluginManager | None = None
        self._catalogues: dict[Any, Catalogue] = {}
        self._clusters: dict[str, Cluster] = {}

    def with_settings(self, settings: Settings) -> Environment:
        """Give an environment with other settings, whose warnings go where those of this one go."""
        return Environment(settings, self._warn)

    @property
    def index(self) -> Index:
        """The plugin index; its warnings (broken, shadowed plugins) are passed on once."""
        if self._index is None:
            self._index = open_index(self.settings, compile_sections)
            for text in self._index.warnings:
                self._warn(text)
        return self._index

    @property
    def manager(self) -> PluginManager:
        """The plugin manager."""
        if self._manager is None:
            from aicr_core.plugins.manager import PluginManager

            settings = self.settings
            trace = self._warn if settings.env.get("AICR_TRACE_PLUGINS") == "1" else None
            self._manager = PluginManager(settings, self.index, trace, self._warn)
        return self._manager

    def manager_needed(self, hook: str) -> bool:
        """Tell from the index, without importing anything, whether a plugin implements ``hook``."""
        return any(hook in row["hooks"] for row in self.index.rows if row["state"] in USABLE)

    def catalogue(
        self, data: Sequence[str] = (), *, external_only: bool = False, lenient: bool = False
    ) -> Catalogue:
        """Give the catalogue of the installed plugins and the directories ``data``, in order.

        With ``external_only`` the plugins' layers are left out; their criteria values stay known. With
        ``lenient`` unknown keys in ``data`` are warned of, not refused. Raises AicrError for bad data; it
        names file, line and column.
        """
        key = (tuple(data), external_only, lenient)
        if key not in self._catalogues:
            self._catalogues[key] = self._open(data, external_only, lenient)
        return self._catalogues[key]

    def cluster(self, kubeconfig: str = "") -> Cluster:
        """Give the cluster of a kubeconfig, the same one for the whole invocation: nothing is split over two.

        Raises AicrError: NOT_FOUND without a plugin that reaches clusters, or without a kubeconfig.
        """
        if kubeconfig not in self._clusters:
            from aicr_core.plugins.manager import resolve

            _, way = self.only_provider(
                "aicr_clusters", "cluster", "reaches a cluster", "reach clusters"
            )
            context = self.context({"kubeconfig": kubeconfig})
            self._clusters[kubeconfig] = resolve(way.connect)(context)
        return self._clusters[kubeconfig]

    def only_provider(self, hook: str, kind: str, does: str, do: str) -> tuple[str, Any]:
        """Give plugin and provider of a registration hook of which there is one; ``does`` and ``do`` say what for.

        Raises AicrError: NOT_FOUND where none is installed, with the way to get it, INVALID_REQUEST for several.
        """
        known = self.manager.named(hook, "name") if self.manager_needed(hook) else {}
        if not known:
            hint = self.index.way_to(kind, "*") or f"install a plugin that {does}"
            raise AicrError(Code.NOT_FOUND, f"no plugin is installed that {does}", hint=hint)
        if len(known) > 1:
            raise AicrError(
                Code.INVALID_REQUEST, f"several plugins {do}: {', '.join(sorted(known))}",
                hint="leave all but one out: --no-plugin NAME",
            )  # fmt: skip
        (found,) = known.values()
        return found

    def provider(self, hook: str, attribute: str, kind: str, name: str, *, flag: str = "") -> Any:
        """Give the provider called ``name``, as :meth:`provider_of` finds it."""
        return self.provider_of(hook, attribute, kind, name, flag=flag)[1]

    def provider_of(
        self, hook: str, attribute: str, kind: str, name: str, *, flag: str = ""
    ) -> tuple[str, Any]:
        """Give plugin and provider of a registration hook by name; ``kind`` is the word for it in hints and messages.

        Raises AicrError that names ``flag``: NOT_FOUND where a package is known that brings it, else INVALID_REQUEST
        with what is installed.
        """
        known = self.manager.named(hook, attribute) if self.manager_needed(hook) else {}
        if name in known:
            return known[name]
        hints = self.index.hints(kind)
        error = self.manager.missing(kind, name, sorted(known), hints)
        code = Code.NOT_FOUND if name in hints else Code.INVALID_REQUEST
        raise AicrError(code, error.message, where=flag or None, hint=error.hint)

    def context(self, options: Document, timeout: float | None = None) -> Context:
        """Give the context that a provider is called with, outside a runner."""
        from aicr_core.kit import limits
        from aicr_core.kit.run import Context

        within = limits.TASK if timeout is None else timeout
        return Context(settings=self.settings, options=options, timeout=within)

    def known_cluster(self, kubeconfig: str) -> Cluster | None:
        """Give the cluster of a kubeconfig if this invocation has connected to it already."""
        return self._clusters.get(kubeconfig)

    def origin(self, path: str, parts: Sequence[str]) -> Document | None:
        """Tell where a scalar of the plugins' catalogue is written: {layer, file, line, column}.

        ``path`` is the catalogue file (``overlays/x.yaml``), ``parts`` the keys and list positions as text. None
        when there is no such scalar. Positions are a cold part of the index: nothing else loads them.
        """
        catalogue = self.catalogue()
        place = catalogue.positions(path).get("\0".join(parts))
        if place is None or not catalogue.has_file(path):
            return None
        return {**catalogue.file_origin(path), "line": place[0], "column": place[1]}

    def _open(self, data: Sequence[str], external_only: bool, lenient: bool) -> Catalogue:
        index = self.index
        if data or external_only:
            from aicr_core.engine.catalogue_build import from_directories

            if external_only and not data:
                raise AicrError(
                    Code.INVALID_REQUEST, "--external-only without --data", hint="add --data DIR"
                )
            usable = [row for row in index.rows if row["state"] in USABLE]
            layers, criteria, hints = catalogue_inputs(usable)
            plugins = [] if external_only else layers
            return from_directories(
                data, plugins=plugins, criteria=criteria, hints=hints, lenient=lenient
            )
        from aicr_core.engine.catalogue import Catalogue

        if index.problem is not None or index.hot is None:
            problem = index.problem or {"code": "INTERNAL", "message": "the index has no catalogue"}
            raise AicrError(
                Code(problem["code"]),
                problem["message"],
                where=problem.get("where"),
                hint=problem.get("hint"),
            )
        return Catalogue(
            index.hot,
            lambda name: index.cold("bodies", name),
            lambda path: index.cold("values", path),
            lambda path: index.cold("positions", path),
        )


def compile_sections(rows: list[Document]) -> Document:
    """Build the catalogue sections of plugin rows, for the index.

    Plugins whose data cannot be read are named under ``broken``, with the reason; then there are no sections yet. What
    two plugins both claim raises AicrError that names both.
    """
    from aicr_core.engine.catalogue_build import build

    layers, criteria, hints = catalogue_inputs(rows)
    return build(layers, criteria=criteria, hints=hints)
