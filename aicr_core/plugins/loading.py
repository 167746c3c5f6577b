"""Import one plugin's module of hooks and see what it implements, apart from every other plugin.

Used for plugins without a manifest (``plugins.undeclared``) and by ``aicr plugins doctor``, both in child
processes. Commands load plugins through ``plugins.manager``.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from typing import Any, NamedTuple

import pluggy

from aicr_core.plugins.specs import HOOKS, PROJECT, Specs


class Implemented(NamedTuple):
    """Hooks of a module: those this core has, and those it has not (``optionalhook`` ones left out)."""

    known: list[str]
    unknown: list[str]


def implemented(module: Any) -> Implemented:
    """Register ``module`` alone; give its hooks. Raises what pluggy raises for wrong arguments."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Specs)
    manager.register(module, name="probe")
    known, unknown = [], []
    for caller in manager.get_hookcallers(module) or ():
        if caller.name in HOOKS:
            known.append(caller.name)
        elif not all(impl.optionalhook for impl in caller.get_hookimpls()):
            unknown.append(caller.name)
    return Implemented(sorted(known), sorted(unknown))


def import_quietly(name: str) -> Any:
    """Import a module; what it prints goes to standard error, and an exit it asks for is an ImportError."""
    with contextlib.redirect_stdout(sys.stderr):
        try:
            return importlib.import_module(name)
        except SystemExit as error:
            raise ImportError(f"importing {name} tries to end the process") from error


def probe(name: str) -> None:
    """Import module ``name`` in this process and write what happened to standard error, as one JSON line."""
    import inspect
    import json
    import time

    from aicr_core.plugins.effects import Watch

    watch = Watch()
    start = time.perf_counter()
    module = importlib.import_module(name)
    spent = (time.perf_counter() - start) * 1000
    effects = watch.stop()
    found = implemented(module)
    registering = {}
    registered: list[Any] = []
    for hook in found.known:
        # Registration hooks without arguments are pure and quick by contract: hold them to it.
        if list(inspect.signature(getattr(Specs, hook)).parameters) == ["self"]:
            start = time.perf_counter()
            registered += getattr(module, hook)() or ()
            registering[hook] = round((time.perf_counter() - start) * 1000, 2)
    nowhere = [text for provider in registered for text in _leading_nowhere(provider)]
    answer = {"import_ms": round(spent, 1), "hooks": found.known, "unknown": found.unknown,
              "registering_ms": registering, "nowhere": nowhere, "effects": effects}  # fmt: skip
    sys.stderr.write(f"\n{json.dumps(answer)}\n")


def _leading_nowhere(provider: Any) -> list[str]:
    """Give what is wrong with the import strings of a provider, which are followed only when they are needed."""
    from aicr_core.kit.errors import AicrError
    from aicr_core.plugins.manager import resolve
    from aicr_core.plugins.providers import calls_of

    problems = []
    for _, value in calls_of(provider):
        try:
            resolve(value)
        except AicrError as error:
            problems.append(error.message)
    return problems


if __name__ == "__main__":
    probe(sys.argv[1])
