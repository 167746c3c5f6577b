"""Use cases of ``aicr plugins``: list, info, doctor, enable, disable, index. Prints nothing."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from aicr_core.kit import limits
from aicr_core.kit.errors import AicrError, Code, nearest
from aicr_core.kit.paths import atomic_write, fault
from aicr_core.plugins import states
from aicr_core.plugins.index import USABLE

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment
    from aicr_core.kit.run import Context

Document = dict[str, Any]
_SHOWN = (
    "name", "version", "distribution", "state", "reason", "summary", "hookspec", "hooks", "provides",
    "permissions", "isolation", "license", "contact", "module", "root",
)  # fmt: skip
SLOW_HOOK_MS = 5.0
"""What one registration hook may take (docs/plugins/manifest.md)."""


def rows(environment: Environment, *, all_states: bool = True) -> list[Document]:
    """Give the plugins, sorted by name; without ``all_states`` only those that are used."""
    return [
        {field: row[field] for field in _SHOWN} | {"criteria": _criteria(row)}
        for row in environment.index.rows
        if all_states or row["state"] in USABLE
    ]


def _criteria(row: Document) -> list[str]:
    return [
        f"{dimension}={value}"
        for dimension, values in row["criteria"].items()
        for value in values
        if value != "any"
    ]


def info(environment: Environment, name: str) -> Document:
    """Give everything known about one plugin. Raises AicrError(NOT_FOUND) with the nearest name."""
    # Of several distributions with one plugin name the used one comes first.
    known = {row["name"]: row for row in reversed(rows(environment))}
    if name not in known:
        close = nearest(name, known)
        hint = f'did you mean "{close}"?' if close else f"installed: {', '.join(known) or 'none'}"
        raise AicrError(Code.NOT_FOUND, f'no plugin "{name}" is installed', hint=hint)
    row = known[name]
    index = environment.index
    if index.hot is not None:
        root = f"{row['root']}/"
        row["files"] = sorted(
            path
            for path, number in index.hot["files"].items()
            if index.hot["layers"][number]["root"].startswith(root)
        )
    return row


def doctor(environment: Environment) -> list[Document]:
    """Import each usable plugin in a child process; give what happened and how long it took.

    Plugins in other states are listed with their reason, a catalogue that cannot be built as ``(catalogue)``.
    Several are examined at once; the results are in the order of the names.
    """
    from aicr_core.kit.run import Runner, Task

    tasks = []
    for row in environment.index.rows:
        if row["state"] in USABLE:

            def examine(context: Context, row: Document = row) -> Document:
                return _examine(context, row)

            tasks.append(Task(row["name"], row["name"], examine, limits.DOCTOR))
    outcomes = iter(Runner(os.cpu_count() or 1, settings=environment.settings).run(tasks))
    results = []
    for row in environment.index.rows:
        verdict: Document = {"ok": row["state"] in ("disabled", "blocked"), "import_ms": None,
                             "hooks_ms": {}, "problem": row["reason"]}  # fmt: skip
        if row["state"] in USABLE:
            outcome = next(outcomes)
            verdict = outcome.value or verdict | {"ok": False, "problem": str(outcome.error)}
        results.append({"name": row["name"], "state": row["state"], **verdict})
    problem = environment.index.problem
    if problem is not None:
        results.append({"name": "(catalogue)", "state": "broken", "ok": False, "import_ms": None,
                        "hooks_ms": {}, "problem": problem["message"]})  # fmt: skip
    return results


def _examine(context: Context, row: Document) -> Document:
    import json

    argv = [sys.executable, "-m", "aicr_core.plugins.loading", row["module"]]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = context.run(argv, env=env, check=False)
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    try:
        answer = json.loads(lines[-1])
        hooks = answer["hooks"]
    except (IndexError, ValueError, KeyError, TypeError):
        answer = None
    if done.status or answer is None:
        problem = lines[-1] if lines else f"its import ended the process (status {done.status})"
        return {"ok": False, "import_ms": None, "hooks_ms": {}, "problem": problem}
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
    return {"ok": not problems, "import_ms": float(answer["import_ms"]),
            "hooks_ms": answer["registering_ms"], "problem": "; ".join(problems)}  # fmt: skip


def write_index(environment: Environment, folder: str) -> str:
    """Write the index of this environment for an image; give the file. Raises AicrError."""
    from aicr_core.app.environment import compile_sections
    from aicr_core.plugins.index import write_image

    return write_image(environment.settings, compile_sections, folder)


def switch(environment: Environment, name: str, *, enabled: bool) -> tuple[str, str]:
    """Enable or disable a plugin in the user's policy file; give the file, and what still speaks against it.

    Raises AicrError: NOT_FOUND for a name nobody has, UNAUTHORIZED when the file cannot be written.
    """
    settings = environment.settings
    policy = states.read_policy(settings)
    disabled = set(policy.get("disabled", ()))
    if not enabled or name not in disabled:
        info(environment, name)
    disabled = disabled - {name} if enabled else disabled | {name}
    document = {**policy, "disabled": sorted(disabled)}
    path = settings.policy_path
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    except OSError as error:
        raise fault(error, path, "write") from None
    atomic_write(path, _toml(document).encode("utf-8"))
    if not enabled:
        return path, ""
    allow = policy.get("allow")
    if name in policy.get("deny", ()) or (allow is not None and name not in allow):
        return path, f"the lists deny and allow in {path}"
    if name in settings.disabled:
        return path, "AICR_DISABLE_PLUGINS or --no-plugin"
    return path, ""


def _toml(document: dict[str, list[str]]) -> str:
    lines = ["# Written by `aicr plugins enable|disable`; allow and deny may be edited by hand."]
    for field in states.POLICY_FIELDS:
        if field in document:
            names = ", ".join(_quoted(name) for name in document[field])
            lines.append(f"{field} = [{names}]")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    import json

    # A TOML basic string escapes as JSON does, as far as names of plugins go.
    return json.dumps(text)
