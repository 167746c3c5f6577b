"""Every recorded run of checks as Jobs: verdicts, outputs, Jobs, objects, what is left, and the order of writes.

``aicr validate --runner job`` runs against the emulated cluster with the rights of an administrator. Names of runs and
objects are normalised; wording is not compared, codes, names and numbers are.
"""

from __future__ import annotations

import functools
import json
import os
import pathlib
import re
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from check_compare import names
from job_differences import DIFFERENCES, MORE, OTHER
from job_lab import Ran, case_of, play

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Item = dict[str, Any]

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "shared/data/golden/validate/jobs"
CASES = sorted(FOLDER.glob("*.json"))
_RUN = re.compile(r"\d{8}-\d{6}-[0-9a-f]{16}")
_SUFFIX = re.compile(r"(?<=-)[0-9a-f]{8}(?![0-9a-z])")
_RBAC = ("roles", "rolebindings", "clusterroles", "clusterrolebindings")
_MARGIN = 210
_SEEN: set[str] = set()
"""Paths of MORE and OTHER that some case needed."""


def _normal(text: str) -> str:
    text = _SUFFIX.sub("<suffix>", _RUN.sub("<run-id>", text))
    return text.replace("aicr.run/", "aicr.nvidia.com/").replace(
        "aicr-validator-<run-id>", "aicr-validator"
    )


def _normal_item(item: Item) -> Item:
    found: Item = json.loads(_normal(json.dumps(item)))
    for key in ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"):
        found["metadata"].pop(key, None)
    found.pop("status", None)
    return found


# --- a run, and where it differs ------------------------------------------------------------------------


@functools.cache
def _ran(path: pathlib.Path) -> tuple[Ran, str]:
    """Run a case, once in a session; give also the report that it wrote to a file."""
    case = case_of(path)
    before = pathlib.Path.cwd()
    kept = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(case["env"])
        os.chdir(folder)
        try:
            found = play(case, pathlib.Path(folder))
            written = pathlib.Path(folder) / "report.out"
            return found, written.read_text("utf-8") if written.exists() else ""
        finally:
            os.chdir(before)
            os.environ.clear()
            os.environ.update(kept)


@functools.cache
def _differences(path: pathlib.Path) -> dict[str, str]:
    case = case_of(path)
    expect = case["expect"]
    ran, written = _ran(path)
    report = json.loads(ran.out or written) if ran.out or written else None
    recorded = expect["report"] or _in_file(expect)
    found = {}
    if ran.status != expect["exit_code"]:
        found["status"] = f"{ran.status}, recorded {expect['exit_code']}: {ran.err}"
    for aspect, ours, theirs in (
        ("tests", _tests(report), _tests(recorded)),
        ("jobs", [_job(job) for job in ran.jobs], [_plain(job) for job in expect["jobs"]]),
        ("objects", sorted(_objects(ran.made)), sorted(_objects(expect["other_objects"]))),
        ("left", sorted(map(_normal, ran.left)), sorted(expect["objects_left"])),
        ("writes", _writes(ran.writes), _writes(expect["requests"])),
    ):
        if ours != theirs:
            found[aspect] = f"ours: {ours}\nrecorded: {theirs}"
    about = {"api": case["api"], "recipe": case["files"]["recipe.yaml"]}
    missing = list(_unsaid(report, recorded, about))
    if missing:
        found["messages"] = "; ".join(missing)
    return found


def _in_file(expect: Item) -> Item | None:
    text = (expect.get("files") or {}).get("report.out")
    return json.loads(text) if isinstance(text, str) else text


def _tests(report: Item | None) -> list[tuple[Any, ...]]:
    tests = report["results"]["tests"] or [] if report else []
    return [
        (test["name"], test["status"], test["duration"] if test["duration"] % 1000 == 0 else 0, test["suite"],
         test.get("stdout"))
        for test in tests
        if test["suite"] != ["readiness"]
    ]  # fmt: skip


def _unsaid(report: Item | None, recorded: Item | None, case: Item) -> Iterator[str]:
    """Give what recorded messages name and ours do not."""
    ours = {test["name"]: _normal(test.get("message", "")) for test in (report or {"results": {"tests": []}})["results"]["tests"] or []}  # fmt: skip
    for test in (recorded or {"results": {"tests": []}})["results"]["tests"] or []:
        said = ours.get(test["name"])
        message = test.get("message", "")
        if said is None:
            continue
        code = re.match(r"\[[A-Z_]+\]", message)
        wanted = [*([code[0]] if code else []), *names(message, case)]
        lacking = [name for name in wanted if name not in said]
        if lacking or (said and not message):
            yield f'{test["name"]}: {lacking} not in "{said}"'


# --- bodies ---------------------------------------------------------------------------------------------


def _plain(job: Item) -> Item:
    return _normal_item(job)


def _job(job: Item) -> Item:
    """Give a Job of ours as the reference makes it: what differs on purpose is taken back."""
    found = _normal_item(job)
    for path in sorted(MORE, reverse=True):
        holder, key = _at(found, path)
        if holder is not None:
            _SEEN.add(path)
            del holder[key]
    deadline = found["spec"]["activeDeadlineSeconds"]
    _SEEN.update(OTHER)
    assert deadline > _MARGIN
    found["spec"]["activeDeadlineSeconds"] = deadline - _MARGIN
    assert _RUN.search(job["spec"]["template"]["spec"]["serviceAccountName"])
    return found


def _at(item: Any, path: str) -> tuple[Any, Any]:
    """Give the container and key of a dotted path, (None, None) where there is none; keys may hold dots."""
    if isinstance(item, list):
        head, _, rest = path.partition(".")
        number = int(head)
        if number >= len(item):
            return None, None
        return _at(item[number], rest) if rest else (item, number)
    for key in item if isinstance(item, dict) else ():
        if path == key:
            return item, key
        if path.startswith(f"{key}."):
            return _at(item[key], path[len(key) + 1 :])
    return None, None


def _objects(made: Iterable[Item]) -> Iterator[str]:
    """Give objects but for rights: kind, name, labels, keys of data. Accounts are of a run, so are their labels."""
    for item in map(_normal_item, made):
        if item["kind"] in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"):
            continue
        metadata = item["metadata"]
        labels = {} if item["kind"] == "ServiceAccount" else dict(metadata.get("labels") or {})
        # What the run knows besides recipe and snapshot travels beside the recipe (16.2: same function, same result).
        data = sorted(set(item.get("data") or ()) - {"inputs.yaml"})
        yield json.dumps([item["kind"], metadata.get("namespace"), metadata["name"], labels, data], sort_keys=True)  # fmt: skip


def test_rights_are_those_of_the_checks_and_of_the_run() -> None:
    """16.1 item 8: nothing is bound to cluster-admin, and every account has the name of its run."""
    if not CASES:
        pytest.skip("../shared (goldens of the reference) is not beside this checkout")
    ran, _ = _ran(CASES[0])
    bindings = [item for item in ran.made if item["kind"].endswith("Binding")]
    assert bindings
    for item in bindings:
        assert _RUN.search(item["metadata"]["name"])
        assert item["roleRef"]["name"] == item["metadata"]["name"]
    for item in ran.made:
        assert "*" not in json.dumps(item.get("rules") or ())


# --- requests -------------------------------------------------------------------------------------------


def _writes(lines: Iterable[str]) -> list[str]:
    """Give what was written, in order; the removals at the end by name, each once.

    How an object is made (POST here, server-side apply there) is no difference, nor is deleting what was never made.
    """
    ordered, removed = [], set()
    for line in lines:
        method, _, rest = _normal(line).partition(" ")
        parts = rest.partition("?")[0].strip("/").split("/")
        if method == "GET" or "selfsubjectaccessreviews" in parts or set(parts) & set(_RBAC):
            continue
        if method == "POST":
            ordered.append(f"make {parts[-1]}")
        elif method == "PATCH":
            ordered.append(f"make {parts[-2]}")
        elif parts[-2] == "jobs":
            ordered.append(f"delete jobs/{parts[-1]}")
        else:
            removed.add(f"delete {parts[-2]}/{parts[-1]}")
    phases = sum(line == "make configmaps" for line in ordered) - 2
    if phases < len([line for line in removed if "/aicr-ctrf-" in line]):
        removed = {line for line in removed if "/aicr-ctrf-" not in line}
    else:
        removed = {"delete the reports" if "/aicr-ctrf-" in line else line for line in removed}
    return [*ordered, *sorted(removed - {"delete the reports"})]


# --- tests ----------------------------------------------------------------------------------------------


def test_there_are_cases(shared: pathlib.Path) -> None:
    assert len(list((shared / "data/golden/validate/jobs").glob("*.json"))) == 21


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_case(path: pathlib.Path) -> None:
    told = {
        aspect: text
        for aspect, text in _differences(path).items()
        if f"{path.stem}:{aspect}" not in DIFFERENCES
    }
    assert not told, "\n".join(f"{aspect}: {text}" for aspect, text in told.items())


@pytest.mark.parametrize("key", DIFFERENCES)
def test_a_listed_difference_is_there(key: str, shared: pathlib.Path) -> None:
    stem, _, aspect = key.partition(":")
    assert aspect in _differences(FOLDER / f"{stem}.json"), DIFFERENCES[key]


def test_every_listed_field_is_one_of_ours(shared: pathlib.Path) -> None:
    for path in CASES:
        _differences(path)
    assert set(MORE) | set(OTHER) == _SEEN
