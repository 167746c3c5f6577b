"""Compare one golden recipe or query row with what we answer; give None, or what differs."""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from golden_run import bodies, comparable, run, write_files

Row = dict[str, Any]


def arguments(row: Row, folder: pathlib.Path, extra: list[str]) -> list[str]:
    """The command line of a row, with the smaller recipe allowed as the reference always does."""
    given = [argument.replace("{dir}", str(folder)) for argument in row["args"]]
    return [row["cmd"], *given, *extra, "--allow-partial"]


def expected_exit(row: Row) -> int:
    """The reference's exit, bar B1: the first class in the chain that is not INTERNAL decides."""
    classes = {"INVALID_REQUEST": 2, "NOT_FOUND": 3}
    if row["exit"] == 8:
        return next((classes.get(code, 8) for code in row["codes"] if code != "INTERNAL"), 8)
    return int(row["exit"])


def compare(row: Row, folder: pathlib.Path, environment: Any, shared: pathlib.Path, body_file: str,
            extra: list[str]) -> str | None:  # fmt: skip
    """Run the row and compare exit, recipe, values or query result."""
    write_files(row, folder)
    argv = arguments(row, folder, extra)
    if row["cmd"] == "recipe" and "--format" not in argv:
        argv += ["--format", "json"]
    status, out, err = run(argv, environment)
    wanted = expected_exit(row)
    if "Traceback" in err:
        return f"traceback: {err}"
    if status != wanted:
        return f"exit {status}, expected {wanted}: {err.strip()}"
    if status:
        return None if err.startswith(("[", "usage")) else f"no clear line: {err!r}"
    known = bodies(shared / "data" / "golden" / body_file)
    if row["cmd"] == "query":
        if "stdout" in row:
            return None if out == row["stdout"] else f"prints {out!r}, expected {row['stdout']!r}"
        want = row["result"].get("value")
        if "ref" in row["result"]:
            want = known[row["result"]["ref"]]
        got = _without_version(json.loads(out))
        return None if got == want else _first_difference(want, got, "")
    document = comparable(json.loads(out))
    criteria = {**document.pop("criteria")}
    if criteria != row["criteria"]:
        return f"criteria {criteria}, expected {row['criteria']}"
    want = comparable(known[row["body"]])
    difference = _first_difference(_reasons(want), _reasons(document, want), "")
    if difference or "values" not in row:
        return difference
    whole = json.loads(run(["query", *argv[1:], "--selector", ""], environment)[1])
    for name, body in known[row["values"]].items():
        got = whole["components"].get(name, {}).get("values")
        want_values = None if body is None else known[body]
        if (got or None) != (want_values or None):
            return _first_difference(want_values, got, f"values of {name}")
    return None


def _without_version(value: Any) -> Any:
    if isinstance(value, dict):
        value = comparable(value)
        return {
            key: item
            for key, item in value.items()
            if key != "version" or "appliedOverlays" not in value
        }
    return value


def _reasons(document: Any, like: Any = None) -> Any:
    """Take the wording of error reasons out: goldens hold their classes, we hold a sentence."""
    warnings = document.get("metadata", {}).get("constraintWarnings")
    if not warnings:
        return document
    shown = []
    for warning in warnings:
        kept = {
            key: value for key, value in warning.items() if key not in ("reason", "reasonCodes")
        }
        reason = warning.get("reason", "")
        plain = "reasonCodes" not in warning and not reason.startswith("[")
        shown.append({**kept, "why": reason if plain else "error"})
    shown.sort(key=lambda item: json.dumps(item, sort_keys=True))
    return {**document, "metadata": {**document["metadata"], "constraintWarnings": shown}}


def _first_difference(want: Any, got: Any, path: str) -> str | None:
    if isinstance(want, dict) and isinstance(got, dict):
        for key in [*want, *(k for k in got if k not in want)]:
            if key not in got:
                return f"{path}.{key} is missing, expected {str(want[key])[:200]}"
            if key not in want:
                return f"{path}.{key} is extra: {str(got[key])[:200]}"
            found = _first_difference(want[key], got[key], f"{path}.{key}")
            if found:
                return found
        return None
    if isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for number, (left, right) in enumerate(zip(want, got, strict=True)):
            found = _first_difference(left, right, f"{path}[{number}]")
            if found:
                return found
        return None
    return (
        None
        if want == got and type(want) is type(got)
        else f"{path}: {str(got)[:200]}, expected {str(want)[:200]}"
    )
