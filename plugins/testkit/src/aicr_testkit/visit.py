"""The parts of a visit to a plugin, in a child process: importing, registering, calling, stopping, fuzzing.

What is seen is builtins only, as it goes to the parent as JSON. A call is never waited for longer than its limit.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import os
import sys
import tempfile
import threading
import time
from typing import TYPE_CHECKING, Any

from aicr_testkit import samples
from aicr_testkit.calls import Call, of_hook, of_provider
from aicr_testkit.shown import outline, paths, shown
from aicr_testkit.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Document = dict[str, Any]
CALL = 10.0
"""Seconds that one call is waited for; its context says half of it."""
SOON = 2.0
"""Seconds within which a call ends after its cancellation, and after its deadline."""
TEXT = 2_000_000
"""Characters of an answer that are kept."""


def visit(wish: Document) -> Document:
    """Import and exercise the plugin that ``wish`` names; give all that was seen."""
    import aicr_core.api

    _warm(aicr_core.api)
    streams = _Streams()
    watch = Watch(wish["own"], wish["permissions"], wish["module"].split(".")[0])
    watch.start()
    seen: Document = {
        "events": watch.events,
        "hooks": [],
        "unknown": [],
        "problem": "",
        "answers": {},
        "registering": {},
        "providers": [],
        "cancelled": {},
        "late": {},
        "fuzz": {},
        "threads": 0,
    }
    module = _import(wish["module"], watch, seen, streams)
    if module is None or wish["only_import"]:
        return seen
    made = _register(module, watch, seen, wish)
    calls = _calls(module, made, seen)
    if wish["reverse"]:
        calls.reverse()
    if wish["together"]:
        _together(calls, seen)
    else:
        for call in calls:
            watch.where = call.key
            seen["answers"][call.key] = _ask(call, streams)
            watch.where = ""
    if wish["again"]:
        _again(calls, seen["answers"])
    if wish["stop"]:
        for call in calls:
            if call.timed and seen["answers"][call.key]["status"] != "slow":
                watch.where = call.key
                seen["cancelled"][call.key] = _stopped(call, cancel=True)
                seen["late"][call.key] = _stopped(call, cancel=False)
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


def _import(name: str, watch: Watch, seen: Document, streams: _Streams) -> Any:
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


class _Streams:
    """The standard streams, caught below Python too. Opened once, before anything is watched."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process

    @contextlib.contextmanager
    def caught(self) -> Iterator[Callable[[], str]]:
        """Catch what is written meanwhile; the value gives it afterwards."""
        number = self._file.fileno()
        os.ftruncate(number, 0)
        os.lseek(number, 0, os.SEEK_SET)
        kept = [os.dup(1), os.dup(2)]
        sys.stdout.flush()
        os.dup2(number, 1)
        os.dup2(number, 2)
        try:
            yield lambda: os.pread(number, 1000, 0).decode("utf-8", "replace")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for stream, old in enumerate(kept, 1):
                os.dup2(old, stream)
                os.close(old)


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
            answer = _given(getattr(module, hook), _context())
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
        seen["providers"].append(_described(hook, kind, provider))
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


def _described(hook: str, kind: str, provider: Any) -> Document:
    """Give of a provider what checks ask for: its name, texts for people, what is wrong with its fields."""
    from aicr_core.api import provider_calls, resolve_call

    texts = {
        name: str(getattr(provider, name))
        for name in ("title", "description", "summary", "remediation", "section")
        if hasattr(provider, name)
    }
    options = [
        (item.name, item.description)
        for item in getattr(provider, "options", ())
        if hasattr(item, "description")
    ]
    problems, arguments, options_help = [], {}, []
    calls = [("call", provider.call)] if kind == "Command" else provider_calls(provider)
    for field, target in calls:
        try:
            function = resolve_call(target)
        except Exception as error:
            problems.append(getattr(error, "message", str(error)))
            continue
        if kind == "Command":
            texts["help"] = str(getattr(function, "help", "") or "")
            for item in getattr(function, "params", ()):
                if getattr(item, "param_type_name", "") == "option" and not getattr(
                    item, "help", None
                ):
                    options_help.append(item.name)
        elif not callable(function):
            problems.append(f"{field} is a {type(function).__name__}, which cannot be called")
        else:
            arguments[field] = _takes(function)
    name = str(
        getattr(provider, "name", "")
        or getattr(provider, "component", "")
        or getattr(provider, "scheme", "")
    )
    return {
        "hook": hook,
        "kind": kind,
        "name": name,
        "texts": texts,
        "options": options,
        "problems": problems,
        "takes": arguments,
        "where": getattr(provider, "where", ""),
        "dimension": getattr(provider, "dimension", ""),
        "module": type(provider).__module__.split(".")[0],
        "unhelped": options_help,
        "timeout": getattr(provider, "timeout", None),
    }


def _takes(function: Any) -> list[int] | None:
    """Give the least and the most positional arguments that a function takes; None when it does not say."""
    import inspect

    try:
        shown_parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    plain = [p for p in shown_parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    most = 99 if any(p.kind is p.VAR_POSITIONAL for p in shown_parameters) else len(plain)
    return [sum(1 for p in plain if p.default is p.empty), most]


def _context(
    timeout: float = CALL / 2, cancelled: threading.Event | None = None, log: Any = None
) -> Any:
    from aicr_core.api import Context, Settings, render_template

    options = {
        "offline": True,
        "charts": (),
        "host_root": "/",
        "kubeconfig": "",
        "context": "",
        "node": "",
        "kind": "snapshot",
        "max_nodes_per_entry": 0,
        "systemd_units": (),
        "plain_http": False,
        "insecure_tls": False,
    }
    return Context(
        settings=Settings.from_env(os.environ),
        timeout=timeout,
        render=render_template,
        log=log,
        cancelled=cancelled,
        options=options,
    )


def _arguments(call: Call, context: Any) -> tuple[list[Any], Document]:
    """Give positional and named arguments; hooks are called by name, providers by position."""
    inputs = call.inputs()
    if call.key.startswith("hook "):
        return [], _accepted(call.function, inputs)
    if "target" in inputs:
        from aicr_core.api import Target
        from aicr_testkit.no_cluster import NoCluster

        target = Target(
            context,
            NoCluster(),
            recipe=inputs["recipe"],
            snapshot=inputs["snapshot"],
            namespace="aicr-validation",
            run="20231114-221320-abcdef",
        )
        return [context, target], {}
    return ([context] if call.timed else []) + list(inputs.values()), {}


def _accepted(function: Any, inputs: Document) -> Document:
    import inspect

    takes = inspect.signature(function).parameters
    return {name: value for name, value in inputs.items() if name in takes}


def _ask(call: Call, streams: _Streams) -> Document:
    """Make a call; give how it ended, the text of its answer, and whether it changed what it was given."""
    logged: list[str] = []
    context = _context(log=logged.append)
    places, named = _arguments(call, context)
    given = [item for item in (*places, *named.values()) if item is not context]
    held = [
        getattr(item, "recipe", item) if type(item).__name__ == "Target" else item for item in given
    ]
    before = [copy.deepcopy(item) for item in held]
    with streams.caught() as said:
        note = _run(lambda: _whole(call.function(*places, **named)), CALL)
    seconds = note.pop("seconds")
    value = note.pop("value", None)
    text = "\n".join(logged)
    answer: Document = {
        **note,
        "seconds": seconds,
        "log": text[:TEXT],
        "said": said(),
        "clusterless": call.clusterless,
        "varies": call.varies,
        "beside": call.beside,
        "files": call.files,
        "text": "",
        "paths": [],
        "shape": [],
        "again": False,
    }
    answer["changed"] = any(shown(a) != shown(b) for a, b in zip(before, held, strict=True))
    if note["status"] == "ok":
        answer["shape"] = list(call.shape(value))[:10]
        answer["text"] = (outline(value) if call.varies else shown(value))[:TEXT]
        answer["paths"] = paths(value) if call.files else []
        answer["said_status"] = _statuses(value)
    return answer


def _whole(answer: Any) -> Any:
    return list(answer) if hasattr(answer, "__next__") else answer


def _statuses(value: Any) -> list[list[str]]:
    """Give status and reason of what a collector or a check says it found."""
    if hasattr(value, "status"):
        return [
            [str(value.status), str(getattr(value, "reason", "") or getattr(value, "message", ""))]
        ]
    found = value if isinstance(value, list | tuple) else [value]
    return [
        [p.status, p.reason]
        for one in found
        for p in getattr(one, "subtypes", ())
        if hasattr(p, "status")
    ]


def _run(work: Callable[[], Any], limit: float) -> Document:
    """Run ``work`` in a thread that can be left alone; give how it ended."""
    note: Document = {"status": "slow", "code": "", "message": f"still running after {limit:g} s"}
    done = threading.Event()

    def go() -> None:
        from aicr_core.api import AicrError

        ended: Document
        try:
            ended = {"status": "ok", "code": "", "message": "", "value": work()}
        except AicrError as error:
            ended = {"status": "refused", "code": str(error.code), "message": str(error)}
        except BaseException as error:
            ended = {"status": "crashed", "code": "", "message": f"{type(error).__name__}: {error}"}
        note.update(ended)
        done.set()

    start = time.monotonic()
    threading.Thread(target=go, daemon=True).start()
    done.wait(limit)
    return {**note, "seconds": time.monotonic() - start}


def _stopped(call: Call, *, cancel: bool) -> float | None:
    """Give the seconds that a call went on after it was no longer wanted; None for one that did not end in time."""
    event = threading.Event()
    context = _context(timeout=60.0 if cancel else 0.3, cancelled=event)
    places, named = _arguments(call, context)
    if cancel:
        threading.Timer(0.1, event.set).start()
    wait = SOON + (0.1 if cancel else 0.3)
    note = _run(lambda: _whole(call.function(*places, **named)), wait)
    return None if note["status"] == "slow" else float(note["seconds"])


def _again(calls: list[Call], answers: Document) -> None:
    """Make quick calls once more and note which of them say something else: they keep a state."""
    for call in calls:
        answer = answers[call.key]
        if answer["status"] == "ok" and answer["seconds"] < 1 and not call.varies:
            places, named = _arguments(call, _context())
            note = _run(lambda c=call, p=places, n=named: _whole(c.function(*p, **n)), CALL)  # type: ignore[misc]
            answer["again"] = (
                note["status"] != "ok" or shown(note["value"])[:TEXT] != answer["text"]
            )


def _together(calls: list[Call], seen: Document) -> None:
    """Make all calls at once, as ``--jobs 8`` does; what they print is not told apart."""
    waiting = []
    for call in calls:
        context = _context()
        places, named = _arguments(call, context)
        ended: Document = {}

        def go(
            call: Call = call, places: Any = places, named: Any = named, ended: Document = ended
        ) -> None:
            ended.update(_run(lambda: _whole(call.function(*places, **named)), CALL))

        thread = threading.Thread(target=go, daemon=True)
        waiting.append((call, thread, ended))
        thread.start()
    for call, thread, ended in waiting:
        thread.join(CALL + 1)
        value = ended.pop("value", None)
        text = (
            (outline(value) if call.varies else shown(value))[:TEXT]
            if ended.get("status") == "ok"
            else ""
        )
        seen["answers"][call.key] = {**ended, "text": text}
