"""Use case ``plugins doctor``: import each plugin in a process of its own and say what is wrong. Prints nothing."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from aicr_core.kit import limits
from aicr_core.plugins.index import USABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aicr_core.app.environment import Environment
    from aicr_core.kit.run import Context

Document = dict[str, Any]
SLOW_HOOK_MS = 5.0
"""What one registration hook may take (docs/plugins/manifest.md)."""
_UNIQUE = frozenset((
    "agent", "bundler", "chart-engine", "check", "collector", "command", "deployer", "dimension", "inventory",
    "lint", "phase", "publisher", "report", "runner", "signer", "store",
))  # fmt: skip
"""Kinds of which two plugins may not provide one name."""
_EFFECTS = {
    "output": "prints",
    "files": "writes {}",
    "network": "uses the network: {}",
    "processes": "starts {}",
    "environment": "changes the environment: {}",
    "threads": "leaves threads: {}",
}


def doctor(environment: Environment) -> list[Document]:
    """Import each usable plugin in a child process; give what happened, what it did beside, how long it took.

    Plugins in other states are listed with their reason, a catalogue that cannot be built as ``(catalogue)``.
    Several are examined at once; the results are in the order of the names.
    """
    from aicr_core.kit.run import Runner, Task

    tasks = []
    usable = [row for row in environment.index.rows if row["state"] in USABLE]
    for row in usable:

        def examine(context: Context, row: Document = row) -> Document:
            return _examine(context, row)

        tasks.append(Task(row["name"], row["name"], examine, limits.DOCTOR))
    outcomes = iter(Runner(os.cpu_count() or 1, settings=environment.settings).run(tasks))
    claimed = _claims(usable)
    results = []
    for row in environment.index.rows:
        if row["state"] in USABLE:
            outcome = next(outcomes)
            verdict = outcome.value or _verdict([str(outcome.error)])
            verdict = _joined(verdict, claimed.get(row["name"], []))
            verdict["warnings"] = _warnings(environment, row["name"])
        else:
            verdict = _verdict([row["reason"]], ok=row["state"] in ("disabled", "blocked"))
        results.append({"name": row["name"], "state": row["state"], **verdict})
    problem = environment.index.problem
    if problem is not None:
        hint = f" ({problem['hint']})" if problem["hint"] else ""
        verdict = _verdict([f"{problem['message']}{hint}"])
        results.append({"name": "(catalogue)", "state": "broken", **verdict})
    return results


def _verdict(problems: Sequence[str], *, ok: bool = False, **found: Any) -> Document:
    empty: Document = {"import_ms": None, "hooks_ms": {}, "effects": [], "warnings": []}
    return {"ok": ok or not problems, **empty, **found, "problem": "; ".join(problems)}


def _joined(verdict: Document, more: Sequence[str]) -> Document:
    problems = [*([verdict["problem"]] if verdict["problem"] else []), *more]
    return verdict | {"ok": verdict["ok"] and not more, "problem": "; ".join(problems)}


def _claims(rows: Sequence[Document]) -> dict[str, list[str]]:
    """Give by plugin what another one provides too, by what the manifests say."""
    owners: dict[tuple[str, str], list[Document]] = {}
    for row in rows:
        for item in row["provides"]:
            if item["kind"] in _UNIQUE:
                owners.setdefault((item["kind"], item["name"]), []).append(row)
    found: dict[str, list[str]] = {}
    for (kind, name), claimants in owners.items():
        for row in claimants:
            others = [o["distribution"] for o in claimants if o["name"] != row["name"]]
            if others:
                text = f'{kind} "{name}" is also provided by {", ".join(others)}'
                found.setdefault(row["name"], []).append(text)
    return found


def _warnings(environment: Environment, name: str) -> list[str]:
    hot = environment.index.hot
    if hot is None:
        return []
    idle = hot["idle_overrides"].get(name, ())
    return [f'`overrides` lists "{item}", which nothing before it brings' for item in idle]


def _examine(context: Context, row: Document) -> Document:
    import json

    # -B: the compiled files that an import leaves are Python's doing, not the plugin's.
    argv = [sys.executable, "-B", "-m", "aicr_core.plugins.loading", row["module"]]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = context.run(argv, env=env, check=False)
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    try:
        answer = json.loads(lines[-1])
        hooks = answer["hooks"]
    except (IndexError, ValueError, KeyError, TypeError):
        answer = None
    if done.status or answer is None:
        said = lines[-1] if lines else f"its import ended the process (status {done.status})"
        return _verdict([said])
    problems = [row["reason"]] if row["state"] == "newer" else []
    if row["state"] != "undeclared" and set(hooks) != set(row["hooks"]):
        declared = ", ".join(row["hooks"]) or "none"
        problems.append(
            f"the manifest lists hooks {declared}; implemented: {', '.join(hooks) or 'none'}"
        )
    problems += answer["nowhere"]
    slow = [hook for hook, spent in answer["registering_ms"].items() if spent > SLOW_HOOK_MS]
    if slow:
        problems.append(f"takes more than {SLOW_HOOK_MS:g} ms to register: {', '.join(slow)}")
    if done.stdout:
        problems.append("its import prints to standard output")
    effects = answer["effects"] | ({"output": [""]} if done.stdout or lines[:-1] else {})
    return _verdict(
        problems,
        import_ms=float(answer["import_ms"]),
        hooks_ms=answer["registering_ms"],
        effects=_sentences(effects),
    )


def _sentences(effects: Mapping[str, Sequence[str]]) -> list[str]:
    return [
        text.format(", ".join(effects[kind])) for kind, text in _EFFECTS.items() if kind in effects
    ]
