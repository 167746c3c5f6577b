"""Import plugins on demand, call their hooks one plugin at a time, and keep a broken one from harm.

A plugin is imported when a hook that its index row lists is about to be called, and not before. An exception in
one (at import, at registration, in a hook) becomes a :class:`PluginProblem` and a warning; the others' answers are
kept. pluggy is imported here only, and only once a plugin has to be called.
"""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.kit import limits
from aicr_core.kit.errors import AicrError, Code, nearest
from aicr_core.plugins.index import USABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from aicr_core.model.settings import Settings
    from aicr_core.plugins.index import Index
    from aicr_core.plugins.remote import RemotePlugin

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
        self,
        settings: Settings,
        index: Index,
        trace: Callable[[str], None] | None = None,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self._warn = warn
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
            self._pluggy = manager
        return self._pluggy

    def rows_with(self, hook: str) -> list[Document]:
        """Index rows of the usable plugins that have ``hook``."""
        return [row for row in self.index.rows if row["state"] in USABLE and hook in row["hooks"]]

    def load(self, row: Document) -> Any:
        """Import, register and configure one plugin; None when that fails, which is noted once."""
        name = row["name"]
        if name not in self._loaded and row["isolation"] == "process":
            self._loaded[name] = self._remote(row)
        if name not in self._loaded:
            self._loaded[name] = None
            manager = self._manager()
            try:
                module = importlib.import_module(row["module"])
                manager.register(module, name=name)
            except (Exception, SystemExit) as error:
                # Whatever a plugin raises is its problem alone: it is unregistered and named.
                if manager.has_plugin(name):
                    manager.unregister(name=name)
                self._note(row, "import", error)
            else:
                self._loaded[name] = module
                self._configure(row)
        return self._loaded[name]

    def _remote(self, row: Document) -> RemotePlugin:
        """Make the stand-in of a plugin that runs in workers; they start when it is first called."""
        from aicr_core.plugins.remote import RemotePlugin

        return RemotePlugin(row, self.settings, self._warn or (lambda _text: None), self._trace)

    def _configure(self, row: Document) -> None:
        # Not pluggy's historic call: an exception there would leave the plugin half registered.
        given = {"settings": self.settings}
        for caller in self._manager().get_hookcallers(self._loaded[row["name"]]) or ():
            for impl in caller.get_hookimpls() if caller.name == "aicr_configure" else ():
                if impl.plugin_name == row["name"]:
                    try:
                        impl.function(*(given[argument] for argument in impl.argnames))
                    except (Exception, SystemExit) as error:
                        self._note(row, caller.name, error)

    def call(self, hook: str, *, only: str = "", **arguments: Any) -> list[tuple[str, Any]]:
        """Call ``hook`` of each plugin that has it, in name order; give (plugin, answer) pairs.

        ``only`` names the one plugin to ask. A plugin that raises is noted in ``problems`` and left out.
        """
        answers = []
        for row in self.rows_with(hook):
            if only and row["name"] != only:
                continue
            module = self.load(row)
            if module is None or not (row["isolation"] == "process" or hasattr(module, hook)):
                continue
            start = time.perf_counter()
            try:
                answer = self._answer(row, hook, arguments)
            except (Exception, SystemExit) as error:
                self._traced(row, hook, arguments, type(error).__name__, start)
                self._note(row, hook, error)
                continue
            self._traced(row, hook, arguments, type(answer).__name__, start)
            answers.append((row["name"], answer))
        return answers

    def event(self, hook: str, **arguments: Any) -> None:
        """Tell the plugins of an event, each for at most ``limits.EVENT`` seconds; failures are noted."""
        from aicr_core.kit.run import Runner, Task

        for row in self.rows_with(hook):
            name = row["name"]

            def tell(_context: Any, name: str = name) -> None:
                self.call(hook, only=name, **arguments)

            (outcome,) = Runner(1).run([Task(hook, name, tell, limits.EVENT)])
            if outcome.error is not None:
                self._note(row, hook, outcome.error)

    def _traced(
        self, row: Document, hook: str, arguments: Document, result: str, start: float
    ) -> None:
        if self._trace is not None:
            given = ", ".join(
                f"{name}: {type(value).__name__}" for name, value in arguments.items()
            )
            spent = (time.perf_counter() - start) * 1e3
            self._trace(f"{row['name']}: {hook}({given}) -> {result} in {spent:.1f} ms")

    def _answer(self, row: Document, hook: str, arguments: Document) -> Any:
        """Call one plugin's hook the way its manifest wants to be run."""
        name = row["name"]
        if row["isolation"] == "process":
            return self._loaded[name].hook(hook, arguments)
        if row["isolation"] == "thread":
            from aicr_core.plugins.guarded import guarded, in_thread

            answer = in_thread(
                hook, name, limits.HOOK, lambda: self._call_one(name, hook, arguments)
            )
            return guarded(answer, name)
        return self._call_one(name, hook, arguments)

    def _call_one(self, name: str, hook: str, arguments: Document) -> Any:
        manager = self._manager()
        others = [p for n, p in manager.list_name_plugin() if n != name and p is not None]
        result = manager.subset_hook_caller(hook, others)(**arguments)
        answer = result[0] if isinstance(result, list) and result else result
        # A registering hook is often a generator: run it here, inside the guard.
        return list(answer) if hasattr(answer, "__next__") else answer

    def providers(self, hook: str, **arguments: Any) -> list[tuple[str, Any]]:
        """Give (plugin, provider) pairs of a registration hook, sorted by plugin name."""
        pairs: list[tuple[str, Any]] = []
        for plugin, answer in self.call(hook, **arguments):
            try:
                pairs.extend((plugin, provider) for provider in (answer or ()))
            except TypeError as error:
                self._note(self._row(plugin), hook, error)
        return pairs

    def named(self, hook: str, attribute: str, **arguments: Any) -> dict[str, tuple[str, Any]]:
        """Give providers by name. Raises AicrError when two plugins register one name."""
        found: dict[str, tuple[str, Any]] = {}
        for plugin, provider in self.providers(hook, **arguments):
            name = getattr(provider, attribute, None)
            if not isinstance(name, str):
                got = type(provider).__name__
                self._note(self._row(plugin), hook, TypeError(f"a {got} is no provider"))
                continue
            if name in found and found[name][0] == plugin:
                raise AicrError(
                    Code.INVALID_REQUEST,
                    f'{type(provider).__name__} "{name}" is registered twice',
                    plugin=plugin,
                )
            if name in found:
                raise AicrError(
                    Code.INVALID_REQUEST,
                    f'{type(provider).__name__} "{name}" is registered by plugins '
                    f"{self._owner(found[name][0])} and {self._owner(plugin)}",
                    hint="disable one of them: aicr plugins disable NAME",
                )
            found[name] = (plugin, provider)
        return found

    def missing(self, kind: str, name: str, known: list[str], hints: dict[str, str]) -> AicrError:
        """Make the NOT_FOUND error for a provider nobody brings, with the way to get it."""
        if name in hints:
            hint = self.index.remedy(hints[name])
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
        for problem in dict.fromkeys(broken):
            hint += f"; plugin {problem.plugin} is broken: {problem.message}"
        told = {problem.plugin for problem in broken}
        for row in self.index.rows if name not in hints else ():
            # Its author's first mistakes: a hook that the manifest does not list, a range that does not fit.
            listed = any((p["kind"], p["name"]) == (kind, name) for p in row["provides"])
            if listed and row["name"] not in told:
                state = "" if row["state"] == "active" else f", is {row['state']}"
                hint += f"; plugin {row['name']} lists it{state}: `aicr plugins doctor` says what is wrong"
        return AicrError(Code.NOT_FOUND, f'no {kind} "{name}"', hint=hint)

    def _owner(self, name: str) -> str:
        """Name plugin and distribution: the one is disabled, the other uninstalled."""
        return f"{name} ({self._row(name)['distribution']})"

    def _row(self, name: str) -> Document:
        return next(row for row in self.index.rows if row["name"] == name)

    def unanswered(self, hook: str) -> list[PluginProblem]:
        """Problems of plugins that have ``hook`` and so did not answer it."""
        names = {row["name"] for row in self.rows_with(hook)}
        return [p for p in self.problems if p.plugin in names and p.hook in ("import", hook)]

    def _note(self, row: Document, hook: str, error: BaseException) -> None:
        text = str(error) if isinstance(error, AicrError) else f"{type(error).__name__}: {error}"
        self.problems.append(PluginProblem(row["name"], row["distribution"], hook, text))
        if self._warn is not None:
            self._warn(f"plugin {row['name']} ({row['distribution']}) is left out: {hook}: {text}")


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
