"""Call a plugin's functions, in a child process: once, again, all at once, cancelled, out of time.

A call is never waited for longer than its limit: it runs in a thread that is left alone then.
"""

from __future__ import annotations

import copy
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from aicr_testkit.shown import outline, paths, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from aicr_testkit.calls import Call
    from aicr_testkit.streams import Streams

Document = dict[str, Any]
CALL = 10.0
"""Seconds that one call is waited for; its context says half of it."""
SOON = 2.0
"""Seconds within which a call ends after its cancellation, and after its deadline."""
TEXT = 2_000_000
"""Characters of an answer that are kept."""


def new_context(
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


def arguments_of(call: Call, context: Any) -> tuple[list[Any], Document]:
    """Give positional and named arguments; hooks are called by name, providers by position."""
    inputs = call.inputs()
    if call.key.startswith("hook "):
        return [], accepted(call.function, inputs)
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


def accepted(function: Any, inputs: Document) -> Document:
    import inspect

    takes = inspect.signature(function).parameters
    return {name: value for name, value in inputs.items() if name in takes}


def ask(call: Call, streams: Streams) -> Document:
    """Make a call; give how it ended, the text of its answer, and whether it changed what it was given."""
    logged: list[str] = []
    context = new_context(log=logged.append)
    places, named = arguments_of(call, context)
    given = [item for item in (*places, *named.values()) if item is not context]
    held = [
        getattr(item, "recipe", item) if type(item).__name__ == "Target" else item for item in given
    ]
    before = [copy.deepcopy(item) for item in held]
    with streams.caught() as said:
        note = run(lambda: whole(call.function(*places, **named)), CALL)
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


def whole(answer: Any) -> Any:
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


def run(work: Callable[[], Any], limit: float) -> Document:
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


def stopped(call: Call, *, cancel: bool) -> float | None:
    """Give the seconds that a call went on after it was no longer wanted; None for one that did not end in time."""
    event = threading.Event()
    context = new_context(timeout=60.0 if cancel else 0.3, cancelled=event)
    places, named = arguments_of(call, context)
    if cancel:
        threading.Timer(0.1, event.set).start()
    wait = SOON + (0.1 if cancel else 0.3)
    note = run(lambda: whole(call.function(*places, **named)), wait)
    return None if note["status"] == "slow" else float(note["seconds"])


def again(calls: list[Call], answers: Document) -> None:
    """Make quick calls once more and note which of them say something else: they keep a state."""
    for call in calls:
        answer = answers[call.key]
        if answer["status"] == "ok" and answer["seconds"] < 1 and not call.varies:
            places, named = arguments_of(call, new_context())
            note = run(lambda c=call, p=places, n=named: whole(c.function(*p, **n)), CALL)  # type: ignore[misc]
            answer["again"] = (
                note["status"] != "ok" or shown(note["value"])[:TEXT] != answer["text"]
            )


def together(calls: list[Call], seen: Document) -> None:
    """Make all calls at once, as ``--jobs 8`` does; what they print is not told apart."""
    waiting = []
    for call in calls:
        context = new_context()
        places, named = arguments_of(call, context)
        ended: Document = {}

        def go(
            call: Call = call, places: Any = places, named: Any = named, ended: Document = ended
        ) -> None:
            ended.update(run(lambda: whole(call.function(*places, **named)), CALL))

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
