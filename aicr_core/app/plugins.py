"""Use cases of ``aicr plugins``: list, info, doctor, enable, disable. Prints nothing."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from aicr_core.kit.errors import AicrError, Code, nearest
from aicr_core.kit.paths import atomic_write
from aicr_core.plugins import states

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment

Document = dict[str, Any]
_SHOWN = (
    "name", "version", "distribution", "state", "reason", "summary", "hookspec", "hooks", "provides",
    "permissions", "isolation", "license", "contact", "module", "root",
)  # fmt: skip
DOCTOR_TIMEOUT = 30.0


def rows(environment: Environment, *, all_states: bool = True) -> list[Document]:
    """Give the plugins, sorted by name; without ``all_states`` only those that are used."""
    return [
        {field: row[field] for field in _SHOWN} | {"criteria": _criteria(row)}
        for row in environment.index.rows
        if all_states or row["state"] in states.USABLE
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
    known = {row["name"]: row for row in rows(environment)}
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

    Plugins in other states are listed with their reason, a catalogue that cannot be built as ``catalogue``.
    """
    results = []
    for row in environment.index.rows:
        if row["state"] in states.USABLE:
            results.append({"name": row["name"], "state": row["state"], **_examine(row)})
        else:
            ok = row["state"] in ("disabled", "blocked")
            results.append(
                {"name": row["name"], "state": row["state"], "ok": ok, "import_ms": None,
                 "problem": row["reason"]}
            )  # fmt: skip
    if environment.index.problem is not None:
        problem = environment.index.problem
        results.append(
            {"name": "(catalogue)", "state": "broken", "ok": False, "import_ms": None,
             "problem": problem["message"]}
        )  # fmt: skip
    return results


_PROBE = """\
import importlib, sys, time
start = time.perf_counter()
module = importlib.import_module(sys.argv[1])
spent = (time.perf_counter() - start) * 1000
import pluggy
from aicr_core.plugins.specs import PROJECT, Specs
manager = pluggy.PluginManager(PROJECT)
manager.add_hookspecs(Specs)
manager.register(module, name="probe")
found = sorted(caller.name for caller in manager.get_hookcallers(module) or ())
sys.stderr.write("AICR-PROBE " + str(round(spent, 1)) + " " + ",".join(found) + "\\n")
"""


def _examine(row: Document) -> Document:
    import subprocess

    argv = [sys.executable, "-c", _PROBE, row["module"]]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=DOCTOR_TIMEOUT, env=env, check=False
        )
    except subprocess.TimeoutExpired:
        problem = f"its import took longer than {DOCTOR_TIMEOUT:g} s"
        return {"ok": False, "import_ms": None, "problem": problem}
    lines = done.stderr.strip().splitlines()
    if done.returncode or not lines or not lines[-1].startswith("AICR-PROBE "):
        return {
            "ok": False,
            "import_ms": None,
            "problem": lines[-1] if lines else "its import ended the process",
        }
    _, spent, *found = lines[-1].split(" ")
    hooks = [name for name in (found[0].split(",") if found else []) if name]
    problems = []
    if row["state"] == "active" and set(hooks) != set(row["hooks"]):
        declared = ", ".join(row["hooks"]) or "none"
        problems.append(
            f"the manifest lists hooks {declared}; implemented: {', '.join(hooks) or 'none'}"
        )
    if done.stdout:
        problems.append("its import prints to standard output")
    return {"ok": not problems, "import_ms": float(spent), "problem": "; ".join(problems)}


def switch(environment: Environment, name: str, *, enabled: bool) -> str:
    """Enable or disable a plugin in the user's policy file; give the file's path.

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
        from aicr_core.kit.paths import fault

        raise fault(error, path, "write") from None
    atomic_write(path, _toml(document).encode("utf-8"))
    return path


def _toml(document: dict[str, list[str]]) -> str:
    lines = ["# Written by `aicr plugins enable|disable`; allow and deny may be edited by hand."]
    for field in states.POLICY_FIELDS:
        if field in document:
            names = ", ".join(f'"{name}"' for name in document[field])
            lines.append(f"{field} = [{names}]")
    return "\n".join(lines) + "\n"
