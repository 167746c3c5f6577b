"""The kit as its users meet it: the command, its formats and exit statuses, the report, pytest options and fixtures."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from aicr_testkit.golden import Case, compare, record
from aicr_testkit.run import run_checks
from wrong_plugins import RIGHT

from aicr_core.api import AicrError, Session, Settings, read_conformance

if TYPE_CHECKING:
    from aicr_testkit.fixtures import Golden, Plugins, Runner

CHEAP = ("--check", "T01", "--check", "t21")


@pytest.fixture
def acme(
    aicr_plugins: Plugins, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> pathlib.Path:
    """The right plugin, installed; reports go to a folder of the test's."""
    monkeypatch.setenv("AICR_PLUGINS", "acme,recipes,testkit")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return aicr_plugins.add(
        "acme",
        hooks=RIGHT.hooks,
        manifest=RIGHT.manifest,
        data=RIGHT.data,
        files={"work.py": RIGHT.work},
    )


def test_a_run_of_all_checks_is_reported_and_kept(acme: pathlib.Path, aicr: Runner) -> None:
    run = aicr("plugins", "test", "acme", "--format", "json")
    document = json.loads(run.stdout)
    assert (run.status, document["passed"], len(document["results"])) == (0, True, 24)
    assert read_conformance(Settings.from_env(os.environ), "acme") == document
    assert str(acme.parent) not in run.stdout


def test_a_failure_is_exit_2_and_says_how_to_mend_it(acme: pathlib.Path, aicr: Runner) -> None:
    manifest = acme / "aicr-plugin.toml"
    manifest.write_text(manifest.read_text().replace('contact = "nobody"\n', ""))
    run = aicr("plugins", "test", "acme", *CHEAP)
    assert run.status == 2
    assert (
        "T01    Manifest schema       FAILED   the manifest has no contact. To mend it: "
        in run.stdout
    )
    assert "1 passed, 1 failed, 0 skipped" in run.stdout
    # A run of some checks says nothing of the others.
    assert read_conformance(Settings.from_env(os.environ), "acme") is None


def test_junit_goes_to_a_file(acme: pathlib.Path, aicr: Runner) -> None:
    run = aicr("plugins", "test", "acme", *CHEAP, "--format", "junit", "--output", "report.xml")
    assert (run.status, run.stdout) == (0, "")
    root = ET.fromstring(run.tree["report.xml"])
    assert [case.get("name") for case in root.iter("testcase")] == [
        "T01 Manifest schema",
        "T21 Old and new hook API",
    ]


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["acm"], 3, 'did you mean "acme"?'),
        (["acme", "--check", "T99"], 2, 'no check "T99"'),
        (["acme", "--format", "jsn"], 2, 'did you mean "json"?'),
        (["acme", "--golden", "nowhere"], 3, "no folder nowhere"),
        (["acme", *CHEAP, "--output", "no/such/folder"], 2, "cannot write"),
        ([], 1, "Missing argument"),
    ],
)
def test_bad_requests_are_one_line(
    acme: pathlib.Path, aicr: Runner, arguments: list[str], status: int, says: str
) -> None:
    run = aicr("plugins", "test", *arguments)
    assert run.status == status
    assert says in run.stderr
    assert "Traceback" not in run.stderr


def test_a_policy_that_asks_for_the_report_does_not_stop_its_making(
    acme: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config/aicr"
    config.mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(config.parent))
    (config / "plugins.toml").write_text('require_conformance = ["acme"]\n')
    assert Session().plugin("acme")["state"] == "blocked"
    assert {item.status for item in run_checks("acme", ["T01", "T13"])} == {"passed"}
    (config / "plugins.toml").write_text('require_conformance = ["acme"]\ndeny = ["acme"]\n')
    (refused,) = run_checks("acme", ["T01"])
    assert "denies it" in refused.message


def test_as_a_module_it_needs_no_command(acme: pathlib.Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "aicr_testkit", "acme", *CHEAP], capture_output=True, text=True, check=False,
        env={**os.environ, "AICR_PLUGINS": "acme", "PYTHONPATH": str(acme.parent)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "2 passed" in done.stdout


def test_a_plugin_that_ends_its_process_or_eats_memory_is_reported(
    aicr_plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AICR_PLUGINS", "deadly,greedy")
    aicr_plugins.add("deadly", hooks="import os\nos._exit(0)\n")
    aicr_plugins.add("greedy", hooks="x = bytearray(6 << 30)\n")
    for name in ("deadly", "greedy"):
        (result,) = run_checks(name, ["T03"])
        assert result.status == "failed", result


def test_a_check_that_falls_over_is_a_failure(
    acme: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aicr_testkit.run.verdict", lambda *_: 1 / 0)
    (result,) = run_checks("acme", ["T01"])
    assert (result.status, "ZeroDivisionError" in result.message) == ("failed", True)


def test_unknown_names_are_ours(acme: pathlib.Path) -> None:
    with pytest.raises(AicrError, match="no plugin"):
        run_checks("nobody")


def test_pytest_runs_the_checks(acme: pathlib.Path, tmp_path: pathlib.Path) -> None:
    manifest = acme / "aicr-plugin.toml"
    manifest.write_text(manifest.read_text().replace('contact = "nobody"\n', ""))
    (tmp_path / "project").mkdir()

    def run(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", *arguments],
            cwd=tmp_path / "project", capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(acme.parent)},
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    status, text = run(
        "--aicr-plugin",
        "acme",
        "--aicr-check",
        "T01",
        "--aicr-check",
        "T20",
        "--aicr-check",
        "T21",
        "-rs",
    )
    assert (status, "1 failed, 1 passed, 1 skipped" in text) == (1, True), text
    assert "the manifest has no contact" in text
    assert "it has no golden/" in text
    assert "visit.py" not in text
    status, text = run("--aicr-plugin", "nobody")
    assert (status, 'no plugin "nobody" is installed' in text) == (4, True), text


def test_the_pytest_plugin_costs_nothing() -> None:
    code = "import pytest, sys; before = set(sys.modules); import aicr_testkit.pytest_plugin; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['aicr_testkit', 'aicr_testkit.pytest_plugin']"


HOOKS = """
from aicr_core.api import Bundler, ComponentBundle, hookimpl

@hookimpl
def aicr_bundlers():
    yield Bundler(component="c", call=lambda ctx, component, values, plan: ComponentBundle(name="c", values={"answer": 42}))
"""
RECIPE = """
kind: RecipeResult
apiVersion: aicr.nvidia.com/v1alpha1
criteria: {service: eks}
componentRefs: [{name: c, namespace: n, type: Helm, source: "https://e.example", version: "1"}]
"""


def test_plugins_come_and_go(aicr_plugins: Plugins, aicr: Runner, tmp_path: pathlib.Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    aicr_plugins.add("acme", hooks=HOOKS)
    run = aicr("bundle", "-r", "recipe.yaml", "-o", "with", plugins=["acme", "helm", "recipes"])
    assert run.status == 0, run.stderr
    assert b"answer: 42" in run.tree["with/c/values.yaml"]
    aicr_plugins.remove("acme")
    run = aicr("bundle", "-r", "recipe.yaml", "-o", "without", plugins=["helm", "recipes"])
    assert (run.status, b"answer: 42" in run.tree["without/c/values.yaml"]) == (0, False), (
        run.stderr
    )


def test_the_runner_leaves_the_process_as_it_was(aicr: Runner) -> None:
    import gc
    import signal

    before = gc.isenabled(), signal.getsignal(signal.SIGTERM), sys.argv, pathlib.Path.cwd()
    assert aicr("nonsense").status == 3
    assert aicr("--version").stdout.startswith("aicr version")
    assert (
        gc.isenabled(),
        signal.getsignal(signal.SIGTERM),
        sys.argv,
        pathlib.Path.cwd(),
    ) == before


def test_golden_compares_and_records(tmp_path: pathlib.Path) -> None:
    from aicr_testkit.fixtures import Golden

    golden: Any = Golden(tmp_path / "golden", update=False)
    with pytest.raises(AssertionError, match="nothing is recorded"):
        golden({"a": "1\n"}, "case")
    Golden(tmp_path / "golden", update=True)({"a": "1\n", "b/c": b"\xff"}, "case")
    golden({"a": "1\n", "b/c": b"\xff"}, "case")
    with pytest.raises(
        AssertionError,
        match=r"a differs in line 1: '2' instead of '1'(.|\n)*b/c is missing(.|\n)*d is new",
    ):
        golden({"a": "2\n", "d": ""}, "case")


def test_recorded_cases(tmp_path: pathlib.Path) -> None:
    case = Case("x", tmp_path / "x")
    case.folder.mkdir()
    (case.folder / "arguments").write_text("recipe\nlist\n--output\nlist.txt\n")
    assert compare(case) == ["nothing is recorded yet"]
    record(case)
    assert compare(case) == []
    (case.expected / "status").write_text("7\n")
    assert (
        compare(case) == ["status differs in line 1: '0' instead of '7'"]
        or "status differs" in compare(case)[0]
    )


def test_the_fixture_is_there(golden: Golden) -> None:
    assert golden is not None
