"""Import plugins on demand, call their hooks one plugin at a time, and keep a broken one from harm.

A plugin is imported when a hook that its index row lists is about to be called, and not before. An exception in
one (at import, at registration, in a hook) becomes a :class:`PluginProblem`; the others' answers are kept.
pluggy is imported here only, and only once a plugin has to be called.
"""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.kit.errors import AicrError, Code, nearest
from aicr_core.plugins.states import USABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from aicr_core.model.settings import Settings
    from aicr_core.plugins.index import Index

Document = dict[str, Any]


class PluginProblem(NamedTuple):
    """What went wrong with one plugin, and where."""

    plugin: str
    distribution: str
    hook: str
    message: str


class PluginManager:
    """The plugins of one :class:`Settings`; made per invocation, never at import."""

    def __init__(
        self, settings: Settings, index: Index, trace: Callable[[str], None] | None = None
    ) -> None:
        self.settings = settings
        self.index = index
        self.problems: list[PluginProblem] = []
        self._trace = trace
        self._loaded: dict[str, Any] = {}
        self._pluggy: Any = None

    def _manager(self) -> Any:
        if self._pluggy is None:
            import pluggy

            from aicr_core.plugins.specs import PROJECT, Specs

            manager = pluggy.PluginManager(PROJECT)
            manager.add_hookspecs(Specs)
            manager.hook.aicr_configure.call_historic(kwargs={"settings": self.settings})
            self._pluggy = manager
        return self._pluggy

    def rows_with(self, hook: str) -> list[Document]:
        """Index rows of the usable plugins that list ``hook`` (or list nothing, being undeclared)."""
        return [
            row
            for row in self.index.rows
            if row["state"] in USABLE and (hook in row["hooks"] or row["state"] == "undeclared")
        ]

    def load(self, row: Document) -> Any:
        """Import and register one plugin; None when that fails, which is noted once."""
        name = row["name"]
        if name not in self._loaded:
            manager = self._manager()
            try:
                module = importlib.import_module(row["module"])
                manager.register(module, name=name)
                self._loaded[name] = module
            except Exception as error:
                # Whatever a plugin raises is its problem alone: it is unregistered and named.
                if manager.has_plugin(name):
                    manager.unregister(name=name)
                self._loaded[name] = None
                self._note(row, "import", error)
        return self._loaded[name]

    def call(self, hook: str, *, only: str = "", **arguments: Any) -> list[tuple[str, Any]]:
        """Call ``hook`` of each plugin that has it, in name order; give (plugin, answer) pairs.

        ``only`` names the one plugin to ask. A plugin that raises is noted in ``problems`` and left out.
        """
        answers = []
        for row in self.rows_with(hook):
            if only and row["name"] != only:
                continue
            module = self.load(row)
            if module is None or getattr(module, hook, None) is None:
                continue
            start = time.perf_counter()
            try:
                answer = self._call_one(row["name"], module, hook, arguments)
            except Exception as error:
                self._note(row, hook, error)
                continue
            if self._trace is not None:
                seconds = time.perf_counter() - start
                self._trace(
                    f"{row['name']}: {hook}: {type(answer).__name__} in {seconds * 1e3:.1f} ms"
                )
            answers.append((row["name"], answer))
        return answers

    def _call_one(self, name: str, module: Any, hook: str, arguments: Document) -> Any:
        manager = self._manager()
        others = [p for n, p in manager.list_name_plugin() if n != name and p is not None]
        result = manager.subset_hook_caller(hook, others)(**arguments)
        answer = result[0] if isinstance(result, list) and result else result
        # A registering hook is often a generator: run it here, inside the guard.
        return list(answer) if hasattr(answer, "__next__") else answer

    def providers(self, hook: str, **arguments: Any) -> list[tuple[str, Any]]:
        """Give (plugin, provider) pairs of a registration hook, sorted by plugin name."""
        return [
            (plugin, provider)
            for plugin, answer in self.call(hook, **arguments)
            for provider in (answer or ())
        ]

    def named(self, hook: str, attribute: str, **arguments: Any) -> dict[str, tuple[str, Any]]:
        """Give providers by name. Raises AicrError when two plugins register one name."""
        found: dict[str, tuple[str, Any]] = {}
        for plugin, provider in self.providers(hook, **arguments):
            name = getattr(provider, attribute)
            if name in found:
                raise AicrError(
                    Code.INVALID_REQUEST,
                    f'{type(provider).__name__} "{name}" is registered by plugins '
                    f"{found[name][0]} and {plugin}",
                    hint="disable one of them: aicr plugins disable NAME",
                )
            found[name] = (plugin, provider)
        return found

    def missing(self, kind: str, name: str, known: list[str], hints: dict[str, str]) -> AicrError:
        """Make the NOT_FOUND error for a provider nobody brings, with the way to get it."""
        if name in hints:
            hint = f"it comes with {hints[name]}: pip install {hints[name]}"
        else:
            close = nearest(name, known)
            hint = (
                f'did you mean "{close}"?' if close else f"installed: {', '.join(known) or 'none'}"
            )
        broken = list(self.problems) or [
            PluginProblem(row["name"], row["distribution"], "", row["reason"])
            for row in self.index.rows
            if row["state"] == "broken"
        ]
        for problem in broken:
            hint += f"; plugin {problem.plugin} is broken: {problem.message}"
        return AicrError(Code.NOT_FOUND, f'no {kind} "{name}"', hint=hint)

    def _note(self, row: Document, hook: str, error: Exception) -> None:
        message = f"{type(error).__name__}: {error}"
        self.problems.append(PluginProblem(row["name"], row["distribution"], hook, message))


def resolve(call: Any) -> Any:
    """Give the function behind a provider's ``call``: itself, or what its import string names.

    Raises AicrError(INTERNAL) when the string leads nowhere.
    """
    if not isinstance(call, str):
        return call
    module, _, attribute = call.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise AicrError(
            Code.INTERNAL, f'a plugin names "{call}", which is not there: {error}'
        ) from error
