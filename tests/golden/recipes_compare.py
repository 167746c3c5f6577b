"""Compare one golden recipe or query row with what we answer; give None, or what differs."""

from __future__ import annotations

import json
import pathlib
from typing import Any

from golden_run import comparable, run, write_files

from aicr_core.kit import yamlio

Row = dict[str, Any]


class Golden:
    """One golden file: its bodies, the catalogue flags, and the differences that concern every row."""

    def __init__(self, bodies: dict[str, Any], extra: list[str]) -> None:
        self.bodies = bodies
        self.extra = extra
        self.seen_values: dict[str, set[str]] = {}
        self.used: set[str] = set()

    def normal(self, value: Any) -> Any:
        """Take out what differs everywhere on purpose: B11 and B13 (spec/recipe.md 20)."""
        if isinstance(value, list):
            return [self.normal(item) for item in value]
        if not isinstance(value, dict):
            return value
        value = {
            key: self.normal(item) for key, item in value.items() if key != "hasHealthCheckAsserts"
        }
        if value.get("name") == "gke-nccl-tcpxo" and value.get("namespace") == "kube-system":
            self.used.add("B11")
            del value["namespace"]
        if (
            "componentRefs" not in value
            and ("type" in value and "source" in value)
            and "overrides" not in value
        ):
            for field in ("valuesFile", "manifestFiles"):
                if field in value and self.query:
                    del value[field]
        if "components" in value and "deploymentOrder" in value:
            value.pop("validation", None)
        return value

    query = False


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


def compare(row: Row, folder: pathlib.Path, environment: Any, golden: Golden) -> str | None:
    """Run the row and compare exit, recipe, values or query result."""
    write_files(row, folder)
    argv = arguments(row, folder, golden.extra)
    if row["cmd"] == "recipe" and "--format" not in argv:
        argv += ["--format", "json"]
    status, out, err = run(argv, environment)
    wanted = expected_exit(row)
    if "Traceback" in err:
        return f"traceback: {err}"
    if status != wanted:
        return f"exit {status}, expected {wanted}: {err.strip()}"
    if status:
        return None if err.startswith(("[", "usage", "warning")) else f"no clear line: {err!r}"
    golden.query = row["cmd"] == "query"
    if golden.query:
        return _compare_query(row, out, golden)
    document = comparable(json.loads(out))
    criteria = document.pop("criteria")
    if criteria != row["criteria"]:
        # B8 detects other criteria; with the reference's own stated, the rest has to agree all the same.
        rest = compare(_stated(row), folder, environment, golden) or "the rest agrees"
        return f"criteria {criteria}, expected {row['criteria']}: {rest}"
    want = golden.normal(comparable(golden.bodies[row["body"]]))
    got = golden.normal(document)
    difference = _first_difference(_reasons(want), _reasons(got), "")
    if difference or "values" not in row:
        return difference
    key = json.dumps(document["metadata"]["appliedOverlays"])
    if key in golden.seen_values.setdefault(row["values"], set()):
        return None
    golden.seen_values[row["values"]].add(key)
    whole = json.loads(run(["query", *argv[1:], "--selector", ""], environment)[1])
    for name, body in golden.bodies[row["values"]].items():
        values = whole["components"].get(name, {}).get("values")
        want_values = None if body is None else golden.bodies[body]
        want_values, values = _without_help_texts(want_values, values)
        if (values or None) != (want_values or None):
            return _first_difference(want_values, values, f"values of {name}")
    return None


def _stated(row: Row) -> Row:
    """The row with the criteria that the reference found as flags."""
    words = iter(row["args"])
    kept: list[str] = []
    for word in words:
        if word.lstrip("-") in (*row["criteria"], "gpu", "nodes"):
            next(words)
        else:
            kept.append(word)
    flags = [text for name, value in row["criteria"].items() for text in (f"--{name}", str(value))]
    return {**row, "args": [*kept, *flags], "files": {}}


def _without_help_texts(want: Any, got: Any) -> tuple[Any, Any]:
    """The goldens hold a mark in place of the DCGM metrics text, whose help texts are not ours to carry."""
    mark = ((want or {}).get("dcgmExporter") or {}).get("config") or {}
    if isinstance(mark.get("data"), dict) and "$dcgmMetricsCsv" in mark["data"]:
        want = {**want, "dcgmExporter": {**want["dcgmExporter"], "config": {**mark, "data": ""}}}
        config = {**got["dcgmExporter"]["config"], "data": ""}
        got = {**got, "dcgmExporter": {**got["dcgmExporter"], "config": config}}
    # The goldens paraphrase one placeholder that the catalogue itself words differently.
    slinky = ((want or {}).get("loginsets") or {}).get("slinky") or {}
    if "rootSshAuthorizedKeys" in slinky:
        slinky["rootSshAuthorizedKeys"] = got["loginsets"]["slinky"]["rootSshAuthorizedKeys"]
    return want, got


def _compare_query(row: Row, out: str, golden: Golden) -> str | None:
    if "stdout" in row:
        got, want = yamlio.load(out, "ours"), yamlio.load(row["stdout"], "theirs")
        if isinstance(want, (dict, list)):
            # Quoting is a matter of style; the values are compared.
            return _first_difference(
                golden.normal(_without_version(want)), golden.normal(_without_version(got)), ""
            )
        return None if out == row["stdout"] else f"prints {out!r}, expected {row['stdout']!r}"
    want = row["result"].get("value")
    if "ref" in row["result"]:
        want = golden.bodies[row["result"]["ref"]]
    got = _without_version(yamlio.load(out, "ours"))
    return _first_difference(golden.normal(want), golden.normal(got), "")


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
