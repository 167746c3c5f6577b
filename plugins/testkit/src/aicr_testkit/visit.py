"""The parts of a visit to a plugin, in a child process: importing, registering, calling, stopping, fuzzing.

What is seen is builtins only, as it goes to the parent as JSON.
"""

from __future__ import annotations

import importlib
import threading
import time
from typing import Any

from aicr_testkit import samples
from aicr_testkit.asking import again, ask, new_context, stopped, together
from aicr_testkit.calls import Call, of_hook, of_provider
from aicr_testkit.describing import described
from aicr_testkit.seen import blank
from aicr_testkit.streams import Streams
from aicr_testkit.watching import Watch

Document = dict[str, Any]


def visit(wish: Document) -> Document:
    """Import and exercise the plugin that ``wish`` names; give all that was seen."""
    import aicr_core.api

    _warm(aicr_core.api)
    streams = Streams()
    watch = Watch(wish["own"], wish["permissions"], wish["module"].split(".")[0])
    watch.start()
    seen = blank() | {"events": watch.events}
    module = _import(wish["module"], watch, seen, streams)
    if module is None or wish["only_import"]:
        return seen
    made = _register(module, watch, seen, wish)
    calls = _calls(module, made, seen)
    if wish["reverse"]:
        calls.reverse()
    if wish["together"]:
        together(calls, seen)
    else:
        for call in calls:
            watch.where = call.key
            seen["answers"][call.key] = ask(call, streams)
            watch.where = ""
    if wish["again"]:
        again(calls, seen["answers"])
    if wish["stop"]:
        for call in calls:
            if call.timed and seen["answers"][call.key]["status"] != "slow":
                watch.where = call.key
                seen["cancelled"][call.key] = stopped(call, cancel=True)
                seen["late"][call.key] = stopped(call, cancel=False)
                watch.where = ""
    if wish["fuzz"]:
        from aicr_testkit.fuzz import fuzz

        seen["fuzz"] = fuzz(calls, seen["answers"], wish["fuzz"], watch)
    return seen


def _warm(api: Any) -> None:
    """Load what the kit itself needs of the API, so that its files are not laid at the plugin's door."""
    for name in (
        "Context",
        "Settings",
        "render_template",
        "Session",
        "Target",
        "provider_calls",
        "implemented_hooks",
        "Report",
        "Inventory",
        "BundleView",
        "to_json",
        "load_all",
        "ChartWanted",
    ):
        getattr(api, name)
    api.render_template("{{ x }}", x=1)
    samples.plan(), samples.report(), samples.inventory(), samples.view()


def _import(name: str, watch: Watch, seen: Document, streams: Streams) -> Any:
    threads = threading.active_count()
    start = time.perf_counter()
    watch.where = "import"
    with streams.caught() as said:
        try:
            module = importlib.import_module(name)
        except BaseException as error:
            # A plugin may raise SystemExit too; whatever it is, it is what is to be reported.
            seen["problem"] = f"{type(error).__name__}: {error}"
            module = None
        watch.where = ""
    seen["seconds"] = time.perf_counter() - start
    seen["said"] = said()
    seen["threads"] = threading.active_count() - threads
    return module


def _register(module: Any, watch: Watch, seen: Document, wish: Document) -> list[tuple[str, Any]]:
    """Ask the registration hooks; give (hook, provider) pairs."""
    from aicr_core.api import implemented_hooks

    try:
        found = implemented_hooks(module)
    except Exception as error:
        # pluggy's own text says which argument of which hook is wrong.
        seen["problem"] = f"{type(error).__name__}: {str(error).splitlines()[-1].strip()}"
        return []
    seen["hooks"], seen["unknown"] = list(found.known), list(found.unknown)
    made = []
    for hook in found.known if not wish["reverse"] else reversed(found.known):
        if of_hook(hook, None) is not None:
            continue
        watch.where = f"hook {hook}"
        start = time.perf_counter()
        try:
            answer = _given(getattr(module, hook), new_context())
            made += [(hook, item) for item in (answer or ())]
            note: Document = {"status": "ok"}
        except Exception as error:
            note = {"status": "crashed", "message": f"{type(error).__name__}: {error}"}
        watch.where = ""
        seen["registering"][hook] = {**note, "seconds": time.perf_counter() - start}
    return sorted(made, key=lambda pair: pair[0]) if not wish["reverse"] else made


def _given(hook: Any, context: Any) -> Any:
    """Call a registration hook or event with the arguments that it takes."""
    import inspect

    known = {
        "settings": context.settings,
        "snapshot": samples.snapshot(),
        "recipe": samples.recipe(),
        "outcomes": (),
        "report": None,
    }
    wanted = [name for name in inspect.signature(hook).parameters if name in known]
    if "report" in wanted:
        return ()
    return hook(**{name: known[name] for name in wanted})


def _calls(module: Any, made: list[tuple[str, Any]], seen: Document) -> list[Call]:
    from aicr_core.api import resolve_call

    calls = []
    for hook, provider in made:
        kind = type(provider).__name__
        seen["providers"].append(described(hook, kind, provider))
        for call in of_provider(kind, provider):
            try:
                calls.append(call._replace(function=resolve_call(call.function)))
            except Exception as error:
                seen["providers"][-1]["problems"].append(getattr(error, "message", str(error)))
    for hook in seen["hooks"]:
        own = of_hook(hook, getattr(module, hook))
        if own is not None:
            calls.append(own)
    return calls
