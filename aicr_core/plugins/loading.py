"""Import one plugin's module of hooks and see what it implements, apart from every other plugin.

Used while the index is built (for plugins without a manifest) and by ``aicr plugins doctor``, which runs this
module in a child process. Commands load plugins through ``plugins.manager``.
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
    import json
    import time

    start = time.perf_counter()
    module = importlib.import_module(name)
    spent = (time.perf_counter() - start) * 1000
    found = implemented(module)
    registering = {}
    for hook in found.known:
        # Registration hooks without arguments are pure and quick by contract: hold them to it.
        if hook in ("aicr_bundlers", "aicr_bundle_checks", "aicr_deployers", "aicr_stores",
                    "aicr_agents", "aicr_dimensions", "aicr_matchers", "aicr_phases", "aicr_signers",
                    "aicr_commands"):  # fmt: skip
            start = time.perf_counter()
            list(getattr(module, hook)() or ())
            registering[hook] = round((time.perf_counter() - start) * 1000, 2)
    answer = {"import_ms": round(spent, 1), "hooks": found.known, "unknown": found.unknown,
              "registering_ms": registering}  # fmt: skip
    sys.stderr.write(f"\n{json.dumps(answer)}\n")


if __name__ == "__main__":
    probe(sys.argv[1])
