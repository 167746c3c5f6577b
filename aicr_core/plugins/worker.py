"""The inside of a plugin's worker process: reads requests, runs the plugin's code, answers; one line of JSON each.

``aicr_core.app.worker`` is the entry. What the plugin prints goes to standard error, however it prints it; standard
output belongs to the messages alone. The process ends with all its children when whoever started it goes away, or
says so. What a request may hold is ``plugins.wire``'s business; limits of time are the other side's.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import queue
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from aicr_core._version import HOOKSPEC
from aicr_core.kit.context import Context
from aicr_core.kit.errors import AicrError, Code
from aicr_core.plugins import wire

if TYPE_CHECKING:
    from collections.abc import Callable

Document = dict[str, Any]
_REGISTERED = "@"
"""Begins the name of a function that has none of its own: where it stands among what a hook registers."""
_LATE = 5
"""Seconds after the deadline at which a worker that nobody ended ends by itself."""


class Worker:
    """Serves the requests for one plugin, one at a time."""

    def __init__(
        self, source: int, sink: int, render: Callable[..., str], folder: str = ""
    ) -> None:
        """``folder`` is its own, which it removes when nobody else is left to."""
        self._source, self._sink = source, sink
        self._folder = folder
        self._render = render
        self._requests: queue.SimpleQueue[Document] = queue.SimpleQueue()
        self._sending = threading.Lock()
        self._module = ""
        self._settings: Any = None
        self._registered: dict[str, list[Any]] = {}
        self._numbers = itertools.count()
        self._answers: dict[int, queue.SimpleQueue[Document]] = {}

    def serve(self) -> None:
        """Answer requests until the other side goes away. Does not return."""
        threading.Thread(target=self._read, daemon=True).start()
        while True:
            request = self._requests.get()
            # The other side ends us at the deadline; should it be gone, the kernel does, whatever holds the
            # interpreter.
            signal.alarm(int(request["seconds"]) + _LATE)
            try:
                line = wire.dumps({"type": "result", "value": self._answer(request)})
            except (Exception, SystemExit) as error:
                line = wire.dumps({"type": "error", "error": wire.error_document(error)})
            signal.alarm(0)
            self._send(line)

    def _read(self) -> None:
        try:
            with os.fdopen(self._source, "rb") as stream:
                for line in stream:
                    request = wire.loads(line)
                    if request["op"] == "answer":
                        self._answers[request["id"]].put(request)
                    else:
                        self._requests.put(request)
        finally:
            end(self._folder)

    def ask(self, what: str, method: str, arguments: Any, named: Document) -> Any:
        """Have the other side call a method of something that stayed there. Raises what that raises."""
        number = next(self._numbers)
        answers = self._answers[number] = queue.SimpleQueue()
        self._send(wire.dumps({
            "type": "ask", "id": number, "object": what, "method": method, "arguments": list(arguments), "named": named,
        }))  # fmt: skip
        answer = answers.get()
        del self._answers[number]
        if "error" in answer:
            raise wire.error_from(answer["error"], "")
        return answer["value"]

    def _send(self, line: bytes) -> None:
        with self._sending:
            view = memoryview(line)
            while view:
                view = view[os.write(self._sink, view) :]

    def _log(self, text: str) -> None:
        self._send(wire.dumps({"type": "log", "text": text}))

    def _answer(self, request: Document) -> Any:
        op = request["op"]
        if op == "hello":
            return self._hello(request)
        if op == "hook":
            return self._hook(request["hook"], request["arguments"])
        if op == "call":
            arguments = [self._context(item) for item in request["arguments"]]
            named = {name: self._context(item) for name, item in request["named"].items()}
            ctx = next((item for item in arguments if isinstance(item, Context)), None)
            arguments = [self._target(item, ctx) for item in arguments]
            answer = self._function(request["target"])(*arguments, **named)
            return list(answer) if hasattr(answer, "__next__") else answer
        raise AicrError(Code.INTERNAL, f'a worker cannot "{op}"')

    def _hello(self, request: Document) -> Document:
        """Agree on the version of the hook API, bound this process, and import the plugin."""
        from packaging.specifiers import SpecifierSet

        fitting = SpecifierSet(request["wants"] or ">=0")
        shared = [version for version in request["offers"] if fitting.contains(version)]
        if request["protocol"] != wire.PROTOCOL or HOOKSPEC not in shared:
            raise AicrError(
                Code.INTERNAL,
                f"it wants hook API {request['wants']}, offered were {', '.join(request['offers'])}",
                hint="reinstall aicr-core and the plugin, so that both are of one installation",
            )
        _bound(request["memory"])
        self._module, self._settings = request["module"], request["settings"]
        module = importlib.import_module(self._module)
        from aicr_core.plugins import loading

        # Wrong arguments of an implementation are refused here, as they are in process.
        found = loading.implemented(module)
        if "aicr_configure" in found.known:
            self._hook("aicr_configure", {"settings": request["settings"]})
        return {"hookspec": HOOKSPEC, "hooks": found.known}

    def _hook(self, hook: str, arguments: Document) -> Any:
        import inspect

        function = getattr(importlib.import_module(self._module), hook, None)
        if function is None:
            # The manifest says more than there is, which `aicr plugins doctor` tells; no answer, as in process.
            return None
        taken = inspect.signature(function).parameters
        given = {name: value for name, value in arguments.items() if name in taken}
        answer = function(**given)
        if isinstance(answer, (str, bytes, dict)) or not hasattr(answer, "__iter__"):
            return answer
        self._registered[hook] = list(answer)
        return [
            self._portable(hook, number, item) for number, item in enumerate(self._registered[hook])
        ]

    def _portable(self, hook: str, number: int, provider: Any) -> Any:
        """Give a provider with names for its functions that any worker of the plugin can follow."""
        import attrs

        from aicr_core.plugins.providers import calls_of

        changed = {
            field: f"{_REGISTERED}{hook}:{number}:{field}"
            for field, function in calls_of(provider)
            if callable(function)
        }
        return attrs.evolve(provider, **changed) if changed else provider

    def _function(self, target: str) -> Any:
        """Give the function of an import string, or the one that stands there in what a hook registers."""
        from aicr_core.plugins.manager import resolve

        if not target.startswith(_REGISTERED):
            return resolve(target)
        hook, number, field = target.removeprefix(_REGISTERED).split(":")
        if hook not in self._registered:
            # Registering is pure, so another worker of this plugin has the same providers in the same order.
            self._hook(hook, {"settings": self._settings})
        return getattr(self._registered[hook][int(number)], field)

    def _context(self, value: Any) -> Any:
        if not (isinstance(value, dict) and wire.CONTEXT in value):
            return value
        given = value[wire.CONTEXT]
        return Context(
            settings=given["settings"], timeout=given["timeout"], options=given["options"],
            render=self._render, log=self._log,
        )  # fmt: skip

    def _target(self, value: Any, ctx: Context | None) -> Any:
        if ctx is None or not (isinstance(value, dict) and wire.TARGET in value):
            return value
        from aicr_core.plugins.asking import target

        return target(self.ask, ctx, value[wire.TARGET])


def _bound(memory_mib: float) -> None:
    import resource

    size = int(memory_mib * 1024 * 1024)
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = size if most == resource.RLIM_INFINITY else min(size, most)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def end(folder: str) -> None:
    """End this process and every child of it that stayed in its group, at once, and remove its own folder."""
    import shutil

    if folder:
        shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def pipes() -> tuple[int, int]:
    """Take the two pipes for messages away from whoever reads or writes the standard streams; give both."""
    source, sink = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return source, sink
