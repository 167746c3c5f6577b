"""The workflows of the public CI, which nothing here runs: pinned, with no right too many, and calling what exists.

Beyond this they were held once against the published schema (check-jsonschema) and zizmor, see
``docs/contributor/releases.md``.
"""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
from typing import Any

import pytest

from aicr_core.api import load_all

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHELLCHECK = pathlib.Path(sys.executable).with_name("shellcheck")
FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
PINNED = re.compile(r"(?P<action>[\w.-]+/[\w.-]+)@[0-9a-f]{40}")
# Refuses to be named by a commit: slsa-verifier reads the identity of the builder from the tag.
BY_TAG = "slsa-framework/slsa-github-generator/.github/workflows/generator_generic_slsa3.yml@v2.1.0"
# What a job may do, beyond reading the code; whoever adds a right adds it here and says why there.
RIGHTS = {
    ("release", "provenance"): {"actions": "read", "id-token": "write", "contents": "write"},
    ("release", "pypi"): {"id-token": "write"},
    ("release", "github"): {"contents": "write"},
}


def _workflow(path: pathlib.Path) -> dict[str, Any]:
    (document,) = load_all(path.read_text("utf-8"), path.name)
    assert isinstance(document, dict)
    return document


def _jobs() -> list[tuple[str, str, dict[str, Any]]]:
    return [(f.stem, name, job) for f in FILES for name, job in _workflow(f)["jobs"].items()]


JOBS = pytest.mark.parametrize(
    ("workflow", "name", "job"), _jobs(), ids=lambda v: v if isinstance(v, str) else ""
)


def _steps(job: dict[str, Any]) -> list[dict[str, Any]]:
    return job.get("steps", [])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_workflow_starts_without_rights(path: pathlib.Path) -> None:
    workflow = _workflow(path)
    assert workflow["permissions"] == {}
    assert set(workflow["on"]) <= {"push", "pull_request"}, (
        "no event that runs others' code with our rights"
    )
    assert "secrets." not in path.read_text("utf-8")


@JOBS
def test_a_job_has_the_rights_it_needs_and_an_end(
    workflow: str, name: str, job: dict[str, Any]
) -> None:
    assert job["permissions"] == RIGHTS.get((workflow, name), {"contents": "read"})
    assert "uses" in job or job["timeout-minutes"] <= 60


@JOBS
def test_what_a_job_uses_is_pinned(workflow: str, name: str, job: dict[str, Any]) -> None:
    text = (ROOT / f".github/workflows/{workflow}.yml").read_text("utf-8")
    used = [step["uses"] for step in _steps(job) if "uses" in step]
    used += [job["uses"]] if "uses" in job else []
    for one in used:
        if one != BY_TAG:
            assert PINNED.fullmatch(one), one
            assert re.search(rf"{re.escape(one)} # v\d+\.\d+\.\d+$", text, re.MULTILINE), (
                f"{one}: which version?"
            )


def test_an_action_is_pinned_to_one_commit_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for path in FILES:
        for found in re.finditer(PINNED, path.read_text("utf-8")):
            pins.setdefault(found["action"], set()).add(found.group())
    assert {action for action, commits in pins.items() if len(commits) > 1} == set()


@JOBS
def test_a_checkout_keeps_no_credentials(workflow: str, name: str, job: dict[str, Any]) -> None:
    for step in _steps(job):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@JOBS
def test_a_script_is_sound_and_takes_nothing_from_outside_as_code(
    workflow: str, name: str, job: dict[str, Any]
) -> None:
    for step in _steps(job):
        if "run" in step:
            assert "${{" not in step["run"], "values reach a script by its environment"
            script = f"#!/bin/bash\nset -e\n{step['run']}\n"
            result = subprocess.run([SHELLCHECK, "-"], input=script, capture_output=True, text=True)
            assert result.returncode == 0, result.stdout


@JOBS
def test_what_a_script_calls_is_there(workflow: str, name: str, job: dict[str, Any]) -> None:
    sessions = re.findall(
        r"^def (\w+)\(session", (ROOT / "noxfile.py").read_text("utf-8"), re.MULTILINE
    )
    for step in _steps(job):
        for session in re.findall(r"nox -s (\w+)", step.get("run", "")):
            assert session in sessions
        for file in re.findall(r"(?:^|\s)((?:\.ci|packaging)/\S+)", step.get("run", "")):
            assert (ROOT / file).is_file(), file


def test_nothing_is_published_that_is_not_tested_stated_and_checked() -> None:
    jobs = _workflow(ROOT / ".github/workflows/release.yml")["jobs"]
    for name, job in jobs.items():
        assert set(job.get("needs", ())) <= jobs.keys(), name
    before: dict[str, set[str]] = {}
    for name, job in jobs.items():  # in the order of the file, so each after what it needs
        before[name] = {n for need in job.get("needs", ()) for n in {need, *before[need]}}
    assert before["pypi"] == {"test", "build", "provenance", "check"}
    assert before["github"] == {"test", "build", "provenance", "check", "pypi"}
    assert jobs["pypi"]["environment"] == "pypi"
    (publish,) = [s for s in _steps(jobs["pypi"]) if "pypi-publish" in s.get("uses", "")]
    assert publish["with"]["attestations"] is True


def test_the_provenance_speaks_of_every_listed_file() -> None:
    from aicr_release import layout

    jobs = _workflow(ROOT / ".github/workflows/release.yml")["jobs"]
    asked = jobs["provenance"]["with"]
    assert asked["provenance-name"] == layout.SLSA
    assert asked["base64-subjects"] == "${{ needs.build.outputs.subjects }}"
    assert jobs["build"]["outputs"]["subjects"] == "${{ steps.subjects.outputs.subjects }}"
    (step,) = [s for s in _steps(jobs["build"]) if s.get("id") == "subjects"]
    assert layout.SUMS in step["run"]


def test_ci_runs_on_every_supported_interpreter() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    supported = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', text)
    job = _workflow(ROOT / ".github/workflows/ci.yml")["jobs"]["test"]
    assert job["strategy"]["matrix"]["python"] == supported
