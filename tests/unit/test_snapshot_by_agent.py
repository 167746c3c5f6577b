"""``aicr snapshot`` through an agent: what each flag does there, and which flags do not go together."""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any

import pytest
from distributions import distribution

from aicr_core.cli.root import run
from aicr_core.kit import yamlio

HOOKS = """
from aicr_core.api import (
    Agent, AgentResult, Collector, Measurement, NodeResult, Subtype, hookimpl,
)

ASKED = []
FAILED = []
REASON = "failed"

def gpu(ctx):
    return Measurement(type="GPU", subtypes=(Subtype(name="smi", data={"gpu-count": 1}),))

def cluster(ctx):
    return Measurement(type="K8s", subtypes=(Subtype(name="node", data={"source-node": ctx.options["node"]}),))

def measured(node):
    smi = {"subtype": "smi", "data": {"gpu-count": 8}}
    return {"kind": "Snapshot", "metadata": {"source-node": node}, "measurements": [{"type": "GPU", "subtypes": [smi]}],
            "collection": [{"collector": "gpu", "subtype": "GPU.smi", "status": "ok"}]}

def agent(ctx, request):
    ASKED.append(request)
    if request.dry_run:
        return AgentResult(run="r", manifests=({"kind": "Role"}, {"kind": "Job"}))
    nodes = ("a", "b") if request.all_nodes else ("a",)
    return AgentResult(run="r", results=tuple(
        NodeResult(node=node, status=REASON, reason="Broken", message="it broke") if node in FAILED
        else NodeResult(node=node, status="ok", document=measured(node)) for node in nodes))

@hookimpl
def aicr_collectors():
    yield Collector(name="gpu", produces="GPU", call=gpu)
    yield Collector(name="cluster", produces="K8s", call=cluster, where="cluster")

@hookimpl
def aicr_agents():
    yield Agent(name="probe", call=agent)
"""
MANIFEST = (
    'name = "agentprobe"\nhookspec = ">=1.0,<2"\nhooks = ["aicr_collectors", "aicr_agents"]\n'
)


@pytest.fixture(autouse=True)
def agentprobe(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("AICR_INDEX_DIR", str(tmp_path / "index"))
    monkeypatch.setenv("AICR_PLUGINS", "agentprobe,recipes,kube")
    for module in ("aicr_agentprobe", "aicr_agentprobe.hooks"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    distribution(folder, "agentprobe", MANIFEST, HOOKS)


def snapshot(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = run(["snapshot", "--agent", "probe", *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def asked() -> list[Any]:
    module = sys.modules.get("aicr_agentprobe.hooks")
    return list(module.ASKED) if module is not None else []


def types(text: str) -> list[str]:
    document: Any = yamlio.load(text, "out")
    return [item["type"] for item in document["measurements"]]


ONLY = ("--collector", "cluster", "--collector", "gpu")


def test_only_the_host_leaves_the_cluster_out(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = snapshot(capsys, *ONLY)
    assert (status, types(out)) == (0, ["K8s", "GPU"])
    status, out, _ = snapshot(capsys, "--only", "host")
    assert (status, types(out)) == (0, ["GPU"])
    status, out, _ = snapshot(capsys, "--only", "host", "--all-nodes")
    assert (status, types(out)) == (0, ["GPU"])


@pytest.mark.parametrize("words", [("--only", "cluster", "--collector", "cluster"), ("--collector", "cluster")])  # fmt: skip
def test_facts_of_the_cluster_alone_need_no_agent(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    status = run(["snapshot", *words])
    assert (status, types(capsys.readouterr().out)) == (0, ["K8s"])
    assert asked() == []


def test_an_unknown_collector_is_refused_before_an_agent_runs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, _, err = snapshot(capsys, "--collector", "gpus")
    assert status == 3
    assert 'did you mean "gpu"?' in err
    assert asked() == []


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        (("--local", "--all-nodes"), "--all-nodes"),
        (("--local", "--dry-run"), "--dry-run"),
        (("--local", "--node", "x"), "--node"),
        (("--local", "-n", "x"), "--namespace"),
        (("--local", "--timeout", "9s"), "--timeout"),
        (("--local", "--privileged"), "--privileged"),
        (("--only", "cluster", "--all-nodes"), "--all-nodes"),
        (("--host-root", "/"), "--host-root"),
        (("--dry-run", "-o", "cm://default/x"), "--output"),
        (("--dry-run", "-t", "table"), "--format"),
        (("--node", "a", "--node-selector", "b=c"), "--node-selector"),
        (("--profile", "gpu", "--privileged"), "--privileged"),
    ],
)
def test_flags_that_would_do_nothing_are_refused(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], flag: str
) -> None:
    status = run(["snapshot", *words])
    captured = capsys.readouterr()
    assert (status, captured.out) == (2, "")
    assert flag in captured.err
    assert "hint: " in captured.err
    assert asked() == []


def test_a_dry_run_in_json_is_one_list(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = snapshot(capsys, "--dry-run", "-t", "json")
    found = json.loads(out)
    assert status == 0
    assert (found["kind"], [item["kind"] for item in found["items"]]) == ("List", ["Role", "Job"])


def test_a_table_of_a_fleet_shows_its_nodes(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = snapshot(capsys, "--all-nodes", *ONLY, "-t", "table")
    assert status == 0
    assert "2 of 2 nodes in 1 group" in out
    assert "a, b" in out


def test_a_fleet_knows_the_node_that_stands_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = snapshot(capsys, "--all-nodes", *ONLY)
    document: Any = yamlio.load(out, "out")
    assert status == 0
    assert document["measurements"][0]["subtypes"][0]["data"] == {"source-node": "a"}
    assert document["metadata"]["source-node"] == "a"
    # What is known of one node must not be said of the others.
    assert [item["type"] for item in document["fleet"]["groups"][0]["measurements"]] == ["GPU"]


def broken(monkeypatch: pytest.MonkeyPatch, *nodes: str, status: str = "failed") -> None:
    import aicr_agentprobe.hooks as probe

    monkeypatch.setattr(probe, "FAILED", list(nodes))
    monkeypatch.setattr(probe, "REASON", status)


def test_demands_are_of_what_was_measured_not_of_what_was_shared(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    status, out, _ = snapshot(capsys, "--all-nodes", *ONLY, "--redact", "minimal")
    # Without its nodes it is no fleet any more.
    assert (status, out.startswith("kind: Snapshot\n"), "fleet" in out) == (0, True, False)
    broken(monkeypatch, "b")
    for policy in ("standard", "minimal"):
        status, _, err = snapshot(capsys, "--all-nodes", *ONLY, "--strict", "--redact", policy)
        assert status == 5, policy
        assert "no snapshot of b" in err


@pytest.mark.parametrize(("how", "code"), [("failed", 8), ("timeout", 5)])
def test_no_node_at_all(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, how: str, code: int
) -> None:
    snapshot(capsys)
    broken(monkeypatch, "a", "b", status=how)
    status, out, err = snapshot(capsys, "--all-nodes")
    assert (status, out) == (code, "")
    assert "it broke" in err


def test_debug_reaches_the_agent(capsys: pytest.CaptureFixture[str]) -> None:
    snapshot(capsys, "--debug")
    snapshot(capsys)
    assert [request.debug for request in asked()] == [True, False]


def test_a_schedule_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["agent", "cronjob", "-o", "cm://default/x", "--schedule"]
    assert run([*words, ""]) == 2
    assert "--schedule" in capsys.readouterr().err
    assert run([*words, "daily"]) == 2
    assert run([*words, "0 3 * * *"]) == 0
    assert run([*words, "@daily"]) == 0
