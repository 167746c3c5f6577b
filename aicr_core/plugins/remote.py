"""Plugins in processes of their own: what the manager and the use cases see of one (docs/plugins/isolation.md).

A :class:`RemotePlugin` answers hooks as an imported module does, and the providers it gives have functions that run in
a worker. Several calls at once take several workers; one that answered is kept for the next call, one that did anything
else is ended with all its children. Its faults become errors with the plugin's name. The other side is
``plugins.worker``.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aicr_core._version import HOOKSPEC
from aicr_core.kit import limits
from aicr_core.kit.context import Context
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.process import POLL
from aicr_core.model.target import Target
from aicr_core.plugins import wire
from aicr_core.plugins.asking import Asked
from aicr_core.plugins.workers import WorkerProcess, environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from aicr_core.model.settings import Settings

Document = dict[str, Any]
_SCALARS = (str, bytes, int, float)


class RemotePlugin:
    """One plugin, run in workers. Made by the manager, closed by it."""

    def __init__(
        self,
        row: Document,
        settings: Settings,
        log: Callable[[str], None],
        trace: Callable[[str], None] | None = None,
    ) -> None:
        """``log`` takes what the plugin prints outside of calls with a context, ``trace`` a line for each call."""
        self.name: str = row["name"]
        self._row = row
        self._settings = settings
        self._log = log
        self._trace = trace
        self._lock = threading.Lock()
        self._closed = False
        self._own()
        bounds = row["limits"]
        self._seconds = float(bounds.get("seconds") or 0)
        self._memory = float(bounds.get("memory_mib") or limits.WORKER_MEMORY_MIB)
        self.env = environment(settings.env, row["environment"], row["permissions"])

    def hook(self, hook: str, arguments: Document, timeout: float = limits.HOOK) -> Any:
        """Call a hook in a worker; give its answer, providers with functions that run in workers. Raises AicrError."""
        given = {
            name: value._replace(env=self.env) if name == "settings" else value
            for name, value in arguments.items()
        }
        request = {"op": "hook", "hook": hook, "arguments": given}
        answer = self._ask(request, self._bounded(timeout), lambda: False, self._log)
        if isinstance(answer, (list, tuple, set, frozenset)):
            return [self._provider(item) for item in answer]
        if isinstance(answer, Mapping):
            # Iterated over, keys could be providers, which name code of this process.
            if all(key is None or isinstance(key, _SCALARS) for key in answer):
                return answer
        elif answer is None or isinstance(answer, _SCALARS):
            return answer
        raise AicrError(
            Code.INTERNAL, f"{hook} cannot give a {type(answer).__name__}", plugin=self.name
        )

    def _provider(self, item: Any) -> Any:
        import attrs

        from aicr_core.plugins.providers import LIVE, calls_of

        if type(item).__name__ in LIVE:
            raise AicrError(
                Code.INVALID_REQUEST,
                f"a {type(item).__name__} cannot run in a process of its own",
                plugin=self.name,
                hint='take it out of the plugin, or run that with isolation = "inline"',
            )
        changed = {name: RemoteCall(self, str(target)) for name, target in calls_of(item)}
        return attrs.evolve(item, **changed) if changed else item

    def call(self, target: str, arguments: tuple[Any, ...], named: Document) -> Any:
        """Call a function of the plugin in a worker. Raises AicrError."""
        ctx = next((item for item in arguments if isinstance(item, Context)), None)
        # A little later than whoever made the context gives it up, so that the fault reads the same each time.
        timeout = self._bounded(limits.TASK if ctx is None else ctx.remaining() + POLL)

        def crossing(value: Any) -> Any:
            if isinstance(value, Context):
                return wire.context_document(value, timeout, self.env)
            if isinstance(value, Target):
                return wire.target_document(value)
            return value

        request = {
            "op": "call", "target": target,
            "arguments": [crossing(item) for item in arguments],
            "named": {name: crossing(item) for name, item in named.items()},
        }  # fmt: skip
        # What a plugin prints has to be seen also where the caller has no ear for it.
        log = ctx.log if ctx is not None and ctx.listens else self._log
        held = next((item for item in arguments if isinstance(item, Target)), None)
        asked = None if held is None else Asked(held)
        start = time.perf_counter()
        result = "failure"
        try:
            answer = self._ask(
                request, timeout, lambda: ctx is not None and ctx.cancelled, log, asked
            )
            result = type(answer).__name__
            return answer
        finally:
            if self._trace is not None:
                spent = (time.perf_counter() - start) * 1e3
                self._trace(f"{self.name}: {target} -> {result} in {spent:.1f} ms, in a worker")

    def _bounded(self, timeout: float) -> float:
        return min(timeout, self._seconds) if self._seconds else timeout

    def _ask(
        self,
        request: Document,
        timeout: float,
        cancelled: Callable[[], bool],
        log: Callable[[str], None],
        asked: Asked | None = None,
    ) -> Any:
        end = time.monotonic() + timeout
        line = self._line({**request, "seconds": timeout})
        worker = self._worker()
        try:
            if worker.fresh:
                greeting = self._line(self._greeting(timeout))
                agreed = worker.exchange(greeting, end, timeout, cancelled, log)
                if not isinstance(agreed, Mapping) or agreed.get("hookspec") != HOOKSPEC:
                    raise AicrError(
                        Code.INTERNAL, "its worker did not agree on a version of the hook API"
                    )
                worker.fresh = False
            answer = worker.exchange(line, end, timeout, cancelled, log, asked)
        except BaseException as error:
            # A reported error leaves the worker as it was; after anything else nobody knows what it is doing.
            if worker.answered and not worker.fresh:
                self._keep(worker)
            else:
                worker.close()
            if isinstance(error, AicrError):
                error.plugin = self.name
            raise
        self._keep(worker)
        return answer

    def _line(self, request: Document) -> bytes:
        try:
            return wire.dumps(request)
        except AicrError as error:
            error.plugin = self.name
            raise

    def _greeting(self, timeout: float) -> Document:
        return {
            "op": "hello", "protocol": wire.PROTOCOL, "offers": [HOOKSPEC], "wants": self._row["hookspec"],
            "module": self._row["module"], "memory": self._memory,
            "settings": self._settings._replace(env=self.env), "seconds": timeout,
        }  # fmt: skip

    def _own(self) -> None:
        """Begin with no workers, which end with this process, or when nobody has a function of the plugin any more."""
        self._owner = os.getpid()
        self._idle: list[WorkerProcess] = []
        weakref.finalize(self, _close, self._idle, self._owner)

    def _worker(self) -> WorkerProcess:
        with self._lock:
            if self._owner != os.getpid():
                # Those of the process that this one was forked from are its own: two cannot share a pipe.
                self._own()
            while self._idle:
                worker = self._idle.pop()
                if worker.alive:
                    return worker
                worker.close()
        flags = ["-B"] if sys.dont_write_bytecode else []
        argv = [sys.executable, *flags, "-m", "aicr_core.app.worker"]
        return WorkerProcess(argv, self.env, self.name)

    def _keep(self, worker: WorkerProcess) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < (os.cpu_count() or 1):
                self._idle.append(worker)
                return
        worker.close()

    def close(self) -> None:
        """End the workers that wait; those at work end with their calls."""
        with self._lock:
            self._closed = True
        _close(self._idle, self._owner)


def _close(idle: list[WorkerProcess], owner: int) -> None:
    while idle and owner == os.getpid():
        with contextlib.suppress(OSError, IndexError):
            idle.pop().close()


class RemoteCall:
    """A function of an isolated plugin: called like any other, run in a worker."""

    def __init__(self, plugin: RemotePlugin, target: str) -> None:
        self._plugin = plugin
        self._target = target

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Run it; raises AicrError for whatever goes wrong there."""
        return self._plugin.call(self._target, arguments, named)

    def __repr__(self) -> str:
        return f"<{self._target} in a worker of {self._plugin.name}>"
