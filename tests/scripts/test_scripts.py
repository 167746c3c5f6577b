"""The scripts of a bundle, run for real against recording tools. No shared data is needed."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import subprocess
import time
from typing import Any

import pytest
from fakes import SMALL, calls, environment, install, run_script


def test_the_whole_bundle_is_installed_in_order(
    small: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    done = run_script(small / "deploy.sh", [], tmp_path, {})
    assert done.returncode == 0, done.stderr
    assert calls(tmp_path, small) == [
        ["helm", "upgrade", "--install", "first", "first", "--repo", "https://charts.example",
         "--version", "1.0.0", "-n", "one", "--create-namespace", "-f", "$BUNDLE/first/values.yaml",
         "--wait", "--timeout", "10m"],
        ["ensure-namespace", "two"],
        ["kubectl", "apply", "-f", "$BUNDLE/second/manifests/"],
        ["helm", "upgrade", "--install", "second", "oci://registry.example/charts/second",
         "--version", "v2.0.0", "-n", "two", "--create-namespace", "-f", "$BUNDLE/second/values.yaml",
         "--wait", "--timeout", "10m"],
        ["kubectl", "apply", "-f", "$BUNDLE/second/manifests/"],
        ["ensure-namespace", "three"],
        ["kustomize-apply", "https://git.example/repo//deploy/prod?ref=v1", "three"],
    ]  # fmt: skip
    assert "All 3 components are installed." in done.stdout


def test_readmes_show_the_very_commands(small: pathlib.Path, tmp_path: pathlib.Path) -> None:
    run_script(small / "deploy.sh", [], tmp_path, {})
    made = []
    for call in calls(tmp_path, small):
        if call[0] == "ensure-namespace":
            made.append(
                f"kubectl create namespace {call[1]} --dry-run=client -o yaml | kubectl apply -f -"
            )
        elif call[0] == "kustomize-apply":
            made.append(f"kustomize build '{call[1]}' | kubectl apply -n {call[2]} -f -")
        else:
            made.append(" ".join(call).replace("$BUNDLE/", ""))
    text = (small / "README.md").read_text("utf-8")
    by_hand = text.partition("## By hand")[2].partition("## Customization")[0]
    assert [line for line in by_hand.splitlines() if line.startswith(("k", "helm"))] == made
    for name in ("first", "second", "third"):
        own = (small / name / "README.md").read_text("utf-8")
        block = own.partition("```sh\n")[2].partition("```")[0].splitlines()
        assert block == [line for line in made if line in block]
        assert block


def test_a_readme_is_sound_markdown(make_bundle: Any) -> None:
    recipe = {
        **SMALL,
        "criteria": {"service": "eks", "platform": "kubeflow", "nodes": 8},
        "constraints": [{"name": "a|b", "value": "x || y"}],
    }
    folder = make_bundle(recipe, "--disable", "first")
    text = (folder / "README.md").read_text("utf-8")
    assert "| `a\\|b` | `x \\|\\| y` |" in text
    assert "- platform: kubeflow\n- nodes: 8\n" in text
    assert "- second needs first, which this bundle leaves out" in text
    assert "- kubectl, helm, kustomize on PATH" in text
    assert "\n\n\n" not in text
    own = (folder / "third/README.md").read_text("utf-8")
    assert "|\n\nNeeds first: second.\n" in own
    assert "\n\n\n" not in own


def test_install_sh_installs_just_its_component(
    small: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    done = run_script(small / "first" / "install.sh", ["--no-wait"], tmp_path, {})
    assert done.returncode == 0, done.stderr
    (call,) = calls(tmp_path, small)
    assert call[3] == "first"
    assert "--wait" not in call


def test_dry_run_changes_nothing(small: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for script in ("deploy.sh", "undeploy.sh"):
        done = run_script(small / script, ["--dry-run"], tmp_path, {})
        assert done.returncode == 0, done.stderr
        assert calls(tmp_path, small) == []
        assert "first" in done.stdout


def test_undeploy_without_terminal_and_yes_is_a_dry_run(
    small: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    done = run_script(small / "undeploy.sh", [], tmp_path, {})
    assert done.returncode == 0
    assert calls(tmp_path, small) == []


def test_undeploy_goes_backwards(small: pathlib.Path, tmp_path: pathlib.Path) -> None:
    done = run_script(small / "undeploy.sh", ["--yes"], tmp_path, {})
    assert done.returncode == 0, done.stderr
    kinds = [call[:3] for call in calls(tmp_path, small)]
    assert kinds[0] == ["kustomize-delete", "https://git.example/repo//deploy/prod?ref=v1", "three"]
    assert kinds[1] == ["kubectl", "delete", "-f"]
    assert kinds[2] == ["helm", "uninstall", "second"]
    assert kinds[3] == ["helm", "uninstall", "first"]
    assert [call[3] for call in calls(tmp_path, small)[4:]] == ["three", "two", "one"]


def test_an_unreachable_cluster_stops_before_anything(
    small: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    done = run_script(small / "deploy.sh", [], tmp_path, {"FAIL_MATCH": "get namespaces"})
    assert done.returncode == 1
    assert "does not answer" in done.stderr
    assert calls(tmp_path, small) == []


def test_missing_rights_stop_before_anything(small: pathlib.Path, tmp_path: pathlib.Path) -> None:
    done = run_script(
        small / "deploy.sh", [], tmp_path, {"FAIL_MATCH": "auth can-i create namespaces"}
    )
    assert done.returncode == 1
    assert "you may not create namespaces" in done.stderr
    assert calls(tmp_path, small) == []


def test_missing_tools_are_named(small: pathlib.Path, tmp_path: pathlib.Path) -> None:
    install(tmp_path / "bin", ("kubectl", "sleep"))
    done = run_script(
        small / "deploy.sh", [], tmp_path, {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    )
    if shutil.which("helm", path="/usr/bin:/bin"):
        pytest.skip("this machine has helm in /usr/bin")
    assert done.returncode == 1
    assert "helm" in done.stderr


def test_failures_are_retried_and_then_reported(
    small: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    fail = {"FAIL_MATCH": "install second", "FAIL_TIMES": "2"}
    done = run_script(small / "deploy.sh", [], tmp_path, fail)
    assert done.returncode == 0, done.stderr
    assert [c for c in calls(tmp_path, small) if c[0] == "sleep"] == [
        ["sleep", "5"],
        ["sleep", "20"],
    ]
    done = run_script(small / "deploy.sh", ["--retries", "0"], tmp_path, fail)
    assert done.returncode == 1
    assert "--from second" in done.stderr


def test_an_error_that_waiting_does_not_heal_is_not_retried(
    small: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    fail = {
        "FAIL_MATCH": "install first",
        "FAIL_MSG": "Error: values don't meet the specifications of the schema",
    }
    done = run_script(small / "deploy.sh", [], tmp_path, fail)
    assert done.returncode == 1
    assert len(calls(tmp_path, small)) == 1


def test_from_goes_on_where_it_stopped(small: pathlib.Path, tmp_path: pathlib.Path) -> None:
    done = run_script(small / "deploy.sh", ["--from", "third"], tmp_path, {})
    assert done.returncode == 0, done.stderr
    assert [call[0] for call in calls(tmp_path, small)] == ["ensure-namespace", "kustomize-apply"]
    done = run_script(small / "deploy.sh", ["--from", "nosuch"], tmp_path, {})
    assert done.returncode == 1
    assert 'no component "nosuch"' in done.stderr


def test_an_interruption_says_how_to_go_on(small: pathlib.Path, tmp_path: pathlib.Path) -> None:
    install(tmp_path / "bin")
    env = environment(tmp_path, {"HANG_MATCH": "install second"})
    process = subprocess.Popen(
        [str(small / "deploy.sh")], env=env, cwd=tmp_path, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    log = tmp_path / "calls.log"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if log.exists() and '"second"' in log.read_text("utf-8"):
            break
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--from second" in err
    assert not any("third" in " ".join(call) for call in calls(tmp_path, small))


def test_script_bytes_are_the_same_in_every_bundle(small: pathlib.Path, make_bundle: Any) -> None:
    other = make_bundle({**SMALL, "deploymentOrder": []}, "--disable", "third", name="other")
    for name in ("deploy.sh", "undeploy.sh", "lib.sh", "first/install.sh"):
        assert (small / name).read_bytes() == (other / name).read_bytes()
