"""What an operator of an expensive cluster relies on: scripts refuse, ask, warn and say how to go on.

Run for real against recording tools, like test_scripts.py.
"""

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

LIB = pathlib.Path(__file__).parents[2] / "plugins/helm/src/aicr_helm/scripts/lib.sh"


@pytest.mark.parametrize("flag", ["--skip", "--only", "--from"])
def test_a_misspelt_component_stops_before_anything(
    flag: str, small: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    done = run_script(small / "deploy.sh", [flag, "secnod"], tmp_path, {})
    assert done.returncode == 1
    assert 'no component "secnod"' in done.stderr
    assert calls(tmp_path, small) == []


def test_the_plan_is_shown_before_the_question(small: pathlib.Path, tmp_path: pathlib.Path) -> None:
    done = run_script(small / "deploy.sh", [], tmp_path, {})
    before = done.stdout.partition("[1/3]")[0]
    assert "To be installed in fake" in before
    assert "second (helm, v2.0.0, namespace two)" in before
    done = run_script(small / "undeploy.sh", ["--yes", "--delete-pvcs"], tmp_path, {})
    before = done.stdout.partition("[1/3]")[0]
    assert "third (kustomize, v1, namespace three)" in before
    assert "DATA IS LOST" in before


def test_going_on_keeps_the_options(small: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Without --context the rest would go to whatever cluster the kubeconfig names."""
    fail = {"FAIL_MATCH": "install second"}
    argv = ["--context", "the big one", "--no-wait", "--retries", "0", "--skip", "third"]
    done = run_script(small / "deploy.sh", argv, tmp_path, fail)
    assert done.returncode == 1
    told = done.stderr.partition("to go on: ")[2].strip()
    assert told.endswith(
        "--context the\\ big\\ one --no-wait --retries 0 --skip third --from second"
    )
    again = subprocess.run(
        ["/bin/bash", "-c", told], env=environment(tmp_path, {}), capture_output=True, text=True,
        stdin=subprocess.DEVNULL, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert "[1/1] second" in again.stdout


def test_no_wait_holds_in_every_order(small: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for argv in (["--no-wait", "--timeout", "20m"], ["--timeout", "20m", "--no-wait"]):
        run_script(small / "deploy.sh", ["--only", "first", *argv], tmp_path, {})
        (call,) = calls(tmp_path, small)
        assert "--wait" not in call
    run_script(small / "deploy.sh", ["--only", "first", "--timeout", "1h30m"], tmp_path, {})
    assert calls(tmp_path, small)[0][-3:] == ["--wait", "--timeout", "1h30m"]
    done = run_script(small / "deploy.sh", ["--timeout", "soon"], tmp_path, {})
    assert done.returncode == 1
    assert '--timeout needs a time such as 90s or 10m, not "soon"' in done.stderr


def test_helm_and_kubectl_talk_to_one_cluster(small: pathlib.Path, tmp_path: pathlib.Path) -> None:
    other = {"HELM_KUBECONTEXT": "other"}
    done = run_script(small / "deploy.sh", [], tmp_path, other)
    assert done.returncode == 1
    assert "HELM_KUBECONTEXT is set, which kubectl does not follow" in done.stderr
    assert calls(tmp_path, small) == []
    done = run_script(
        small / "deploy.sh", ["--context", "mine", "--only", "first"], tmp_path, other
    )
    assert done.returncode == 0, done.stderr


def test_a_context_that_changes_half_way_stops_the_script(
    small: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    install(tmp_path / "bin")
    real = tmp_path / "bin/kubectl"
    real.rename(tmp_path / "bin/kubectl.real")
    log = tmp_path / "calls.log"
    real.write_text(
        "#!/bin/bash\n"
        f'if [ "$*" = "config current-context" ] && grep -q "install.*first" {log}; then echo other; exit; fi\n'
        f'exec -a kubectl {tmp_path}/bin/kubectl.real "$@"\n'
    )
    real.chmod(0o755)
    text = (tmp_path / "bin/kubectl.real").read_text().replace(
        "name = os.path.basename(sys.argv[0])", 'name = "kubectl"'
    )  # fmt: skip
    (tmp_path / "bin/kubectl.real").write_text(text)
    done = run_script(small / "deploy.sh", [], tmp_path, {})
    assert done.returncode == 1
    assert "the context changed from fake to other" in done.stderr
    assert [call[3] for call in calls(tmp_path, small)] == ["first"]


def test_scripts_find_their_bundle_whatever_cdpath_says(
    small: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    install(tmp_path / "bin")
    decoy = tmp_path / "elsewhere" / small.name
    decoy.mkdir(parents=True)
    env = environment(tmp_path, {"CDPATH": str(decoy.parent)})
    for script in ("deploy.sh", "undeploy.sh", "first/install.sh"):
        done = subprocess.run(
            ["/bin/bash", f"{small.name}/{script}", "--dry-run"], env=env, cwd=small.parent,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "first" in done.stdout


def test_a_path_that_helm_would_split_is_refused(make_bundle: Any, tmp_path: pathlib.Path) -> None:
    folder = make_bundle(SMALL, name="a,b")
    done = run_script(folder / "deploy.sh", [], tmp_path, {})
    assert done.returncode == 1
    assert "has a comma" in done.stderr


def test_the_reason_of_an_unreachable_cluster_is_shown(
    small: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    fail = {"FAIL_MATCH": "get namespaces", "FAIL_MSG": "error: token has expired"}
    done = run_script(small / "deploy.sh", [], tmp_path, fail)
    assert "token has expired" in done.stderr


def test_a_release_that_another_run_holds_is_explained(
    small: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    fail = {
        "FAIL_MATCH": "install first",
        "FAIL_MSG": "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
    }
    done = run_script(small / "deploy.sh", [], tmp_path, fail)
    assert done.returncode == 1
    assert "helm rollback first -n one" in done.stderr
    assert len(calls(tmp_path, small)) == 1


def _answering(tmp_path: pathlib.Path, words: str, answer: str, tool: str = "kubectl") -> None:
    """Make a fake tool answer a query; everything else stays as it is."""
    install(tmp_path / "bin")
    path = tmp_path / "bin" / tool
    text = path.read_text("utf-8")
    marker = 'if name == "kubectl":\n'
    more = f"if {words!r} in line:\n    print({answer!r})\n    sys.exit(0)\n"
    path.write_text(text.replace(marker, more + marker), "utf-8")


NEEDING = {**SMALL, "constraints": [{"name": "K8s.server.version", "value": ">= 1.32.4"}]}


@pytest.mark.parametrize(
    ("version", "status"),
    [("v1.32.3", 1), ("v1.32.4", 0), ("v1.32.10-eks-abc", 0), ("v1.33.1+k3s1", 0), ("v1.9.9", 1)],
)
def test_the_version_the_recipe_asks_for(
    version: str, status: int, make_bundle: Any, tmp_path: pathlib.Path
) -> None:
    folder = make_bundle(NEEDING)
    _answering(tmp_path, "kubectl version", f"Client Version: v1.35.0\nServer Version: {version}")
    done = run_script(folder / "deploy.sh", [], tmp_path, {})
    assert done.returncode == status, done.stderr
    if status:
        assert "the recipe asks for >= 1.32.4" in done.stderr
        assert calls(tmp_path, folder) == []


@pytest.mark.parametrize(
    ("have", "want", "holds"),
    [
        ("1.33", ">= 1.33", True),
        ("1.33", "> 1.33", False),
        ("1.33", "1.33", True),
        ("1.34", "== 1.33", False),
        ("1.34", "!= v1.33", True),
        ("1.08", "<1.9", True),
        ("2", "<= 1.99.99", False),
        ("1.33.4", "<= 1.33", True),
        ("1.33.4", "== 1.33", False),
    ],
)
def test_versions_are_compared_by_number(have: str, want: str, holds: bool) -> None:
    done = subprocess.run(
        ["/bin/bash", "-c", f'. {LIB}; version_holds "$1" "$2"', "x", have, want], check=False
    )
    assert (done.returncode == 0) is holds


def test_nodes_for_accelerated_components_are_looked_for(
    make_bundle: Any, tmp_path: pathlib.Path
) -> None:
    folder = make_bundle(SMALL, "--accelerated-node-selector", "pool=gpu")
    done = run_script(folder / "deploy.sh", [], tmp_path, {})
    assert done.returncode == 0, done.stderr
    assert "no node has the labels pool=gpu" in done.stderr
    _answering(tmp_path, "get nodes -l pool=gpu", "node/n1")
    done = run_script(folder / "deploy.sh", [], tmp_path, {})
    assert "no node" not in done.stderr + done.stdout


@pytest.mark.skipif(not shutil.which("jq", path="/usr/bin:/bin"), reason="jq is not installed")
def test_an_api_that_does_not_answer_is_a_warning(
    small: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    bad = (
        '{"items": [{"metadata": {"name": "v1.metrics"}, "status": {"conditions": ['
        '{"type": "Available", "status": "False"}]}}, {"metadata": {"name": "v1.fine"}}]}'
    )
    _answering(tmp_path, "get apiservices", bad)
    done = run_script(small / "deploy.sh", [], tmp_path, {})
    assert done.returncode == 0, done.stderr
    assert "the API v1.metrics is not available" in done.stderr
    assert "v1.fine" not in done.stderr


def test_the_same_release_in_another_namespace_is_a_warning(
    small: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    table = "NAME\tNAMESPACE\tREVISION\nfirst\telsewhere\t1\nsecond\ttwo\t3"
    _answering(tmp_path, "list --all-namespaces", table, "helm")
    done = run_script(small / "deploy.sh", [], tmp_path, {})
    assert done.returncode == 0, done.stderr
    assert "a release first is already in namespace elsewhere" in done.stderr
    assert "a release second" not in done.stderr


@pytest.mark.parametrize("name", ["INT", "TERM", "HUP"])
def test_an_interrupted_undeploy_says_how_to_go_on(
    name: str, small: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    install(tmp_path / "bin")
    process = subprocess.Popen(
        [str(small / "undeploy.sh"), "--yes"], cwd=tmp_path, stdin=subprocess.DEVNULL,
        env=environment(tmp_path, {"HANG_MATCH": "uninstall second"}),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    log = tmp_path / "calls.log"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if log.exists() and '"uninstall", "second"' in log.read_text("utf-8"):
            break
        time.sleep(0.1)
    os.killpg(process.pid, signal.Signals[f"SIG{name}"])
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"stopped by SIG{name} during second; run it again" in err
    assert not any("first" in call for call in calls(tmp_path, small))


def test_a_namespace_with_something_else_in_it_stays(
    small: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    _answering(tmp_path, "get deployments,statefulsets,daemonsets", "deployment.apps/theirs")
    done = run_script(small / "undeploy.sh", ["--yes"], tmp_path, {})
    assert done.returncode == 0, done.stderr
    assert "namespace one stays: it holds deployment.apps/theirs" in done.stderr
    assert not any(call[1:3] == ["delete", "namespace"] for call in calls(tmp_path, small))


@pytest.mark.parametrize("namespace", ["kube-system", "theirs"])
def test_finalizers_of_foreign_namespaces_are_out_of_reach(
    namespace: str, small: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    argv = ["--yes", "--force-finalizers", namespace]
    done = run_script(small / "undeploy.sh", argv, tmp_path, {})
    assert done.returncode == 1
    assert namespace in done.stderr
    assert calls(tmp_path, small) == []


def test_finalizers_go_only_where_a_namespace_is_terminating(
    small: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    _answering(tmp_path, "api-resources", "things.example")
    path = tmp_path / "bin/kubectl"
    text = path.read_text("utf-8")
    path.write_text(
        text.replace("if 'api-resources", 'if "get things.example" in line:\n    print("thing/a")\n'
                     "    sys.exit(0)\nif 'api-resources"), "utf-8"
    )  # fmt: skip
    argv = ["--yes", "--force-finalizers", "two"]
    run_script(small / "undeploy.sh", argv, tmp_path, {})
    assert not [call for call in calls(tmp_path, small) if call[1] == "patch"]
    run_script(small / "undeploy.sh", argv, tmp_path, {"TERM_NS": "two"})
    patches = [call for call in calls(tmp_path, small) if call[1] == "patch"]
    assert [call[2:5] for call in patches] == [["thing/a", "-n", "two"]]


def test_dry_runs_show_the_context(small: pathlib.Path, tmp_path: pathlib.Path) -> None:
    done = run_script(small / "deploy.sh", ["--dry-run", "--context", "big"], tmp_path, {})
    commands = [
        line for line in done.stdout.splitlines() if "+ kubectl" in line or "+ helm" in line
    ]
    assert len(commands) == 7
    assert all("--context big" in line or "--kube-context big" in line for line in commands)


def test_help_and_list_need_no_tools(small: pathlib.Path, tmp_path: pathlib.Path) -> None:
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    for script, argv in (
        ("deploy.sh", "--help"),
        ("undeploy.sh", "--help"),
        ("deploy.sh", "--list"),
    ):
        done = subprocess.run(
            [os.fspath(small / script), argv], env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0
        assert done.stdout


@pytest.mark.parametrize(("answer", "status"), [("n", 1), ("", 1), ("y", 0)])
def test_on_a_terminal_it_asks(
    answer: str, status: int, small: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    import pty

    install(tmp_path / "bin")
    master, slave = pty.openpty()
    os.write(master, f"{answer}\n".encode())
    done = subprocess.run(
        [str(small / "deploy.sh")], env=environment(tmp_path, {}), cwd=tmp_path, stdin=slave,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    os.close(master)
    os.close(slave)
    assert done.returncode == status
    assert "Go on? [y/N]" in done.stdout
    if status:
        assert "stopped, nothing was changed" in done.stderr
        assert calls(tmp_path, small) == []
