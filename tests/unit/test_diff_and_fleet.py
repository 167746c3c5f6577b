"""What changed, what it means, and which node is unlike the others."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from aicr_core.cli.root import run
from aicr_core.engine import diff, drift, fleet
from aicr_core.kit import yamlio
from aicr_core.kit.errors import AicrError
from aicr_core.kit.schema import decode

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "recipes/aicr_recipes/data/drift/base.yaml"


@pytest.fixture(scope="module")
def rules() -> drift.Rules:
    node = yamlio.compose(SHIPPED.read_bytes(), "base")
    assert node is not None
    return drift.Rules(decode(node, drift.SCHEMA, "base")["rules"], "base")


def snapshot(node: str = "n1", **subtypes: dict[str, Any]) -> dict[str, Any]:
    """Make a snapshot; ``OS__grub={...}`` stands for the subtype grub of OS."""
    measurements: dict[str, Any] = {}
    for name, data in subtypes.items():
        kind, _, subtype = name.partition("__")
        measurements.setdefault(kind, []).append(
            {"subtype": subtype.replace("_", "."), "data": data}
        )
    return {
        "kind": "Snapshot",
        "apiVersion": "aicr.nvidia.com/v1alpha1",
        "metadata": {"source-node": node, "timestamp": f"2026-01-01T00:00:0{len(node) % 10}Z"},
        "measurements": [{"type": kind, "subtypes": items} for kind, items in measurements.items()],
    }


def severities(before: dict[str, Any], after: dict[str, Any], rules: drift.Rules) -> dict[str, str]:
    return {
        change["path"]: change["severity"]
        for change in diff.compare(before, after, rules)["changes"]
    }


UNIT = {"ActiveState": "active", "ExecMainPID": "1", "ActiveEnterTimestamp": 1, "InvocationID": "a", "MemoryCurrent": 5,
        "ExecStart": "[[/bin/x [/bin/x --a] false 1795467360775431 6442297514 0 0 10781 0 0]]"}  # fmt: skip
RESTARTED = {**UNIT, "ExecMainPID": "2", "ActiveEnterTimestamp": 2, "InvocationID": "b", "MemoryCurrent": 6,
             "ExecStart": "[[/bin/x [/bin/x --a] false 1795467999975431 7442297514 0 0 10999 0 0]]"}  # fmt: skip


def test_an_idle_host_and_a_restarted_service_are_no_drift(rules: drift.Rules) -> None:
    counters = {
        "/proc/sys/fs/dentry-state": "1",
        "/proc/sys/kernel/random/uuid": "a",
        "/proc/sys/vm/swappiness": "60",
    }
    moved = {**counters, "/proc/sys/fs/dentry-state": "2", "/proc/sys/kernel/random/uuid": "b"}
    before = snapshot(OS__sysctl=counters, SystemD__kubelet_service=UNIT)
    after = snapshot(OS__sysctl=moved, SystemD__kubelet_service=RESTARTED)
    result = diff.compare(before, after, rules)
    assert result["changes"] == []
    assert result["summary"] == {"added": 0, "modified": 0, "removed": 0, "total": 0, "ignored": 6}
    shown = diff.compare(before, after, rules, show_all=True)
    assert {change["severity"] for change in shown["changes"]} == {"volatile"}


def test_severities(rules: drift.Rules) -> None:
    before = snapshot(
        GPU__smi={"gpu-count": 8, "driver": "570", "gpu.vbios-version": "1"}, OS__kmod={"nvidia": True, "loop": True},
        SystemD__kubelet_service=UNIT, K8s__server={"version": "v1.33"}, K8s__node={"source-node": "n1"},
    )  # fmt: skip
    changed = {
        **UNIT,
        "ExecStart": UNIT["ExecStart"].replace("--a", "--b"),
        "ActiveState": "failed",
    }
    after = snapshot(
        "n2", GPU__smi={"gpu-count": 7, "driver": "570", "gpu.vbios-version": "2"}, OS__kmod={"loop": True, "x": True},
        SystemD__kubelet_service=changed, K8s__server={"version": "v1.34"}, K8s__node={"source-node": "n2"},
    )  # fmt: skip
    assert severities(before, after, rules) == {
        "GPU.smi.gpu-count": "critical", "GPU.smi.gpu.vbios-version": "info", "OS.kmod.nvidia": "critical",
        "OS.kmod.x": "info", "SystemD.kubelet.service.ExecStart": "warn", "SystemD.kubelet.service.ActiveState": "warn",
        "K8s.server.version": "critical",
    }  # fmt: skip


def test_types_are_no_difference_and_missing_is_not_empty(rules: drift.Rules) -> None:
    before = snapshot(X__y={"a": 8, "b": True, "c": 1.0, "d": "", "e": 10**15})
    after = snapshot(X__y={"a": "8", "b": "true", "c": 1, "e": 1e15})
    (change,) = diff.compare(before, after, rules)["changes"]
    assert change == {"kind": "removed", "severity": "info", "path": "X.y.d", "baseline": ""}


def test_cells_of_the_topology_are_sets(rules: drift.Rules) -> None:
    before = snapshot(NodeTopology__label={"pool": "a|n1,n2", "zone": "x|n1"})
    after = snapshot(NodeTopology__label={"pool": "a|n2,n1", "zone": "x|n2,n3"})
    (change,) = diff.compare(before, after, rules)["changes"]
    assert (change["path"], change["delta"]) == ("NodeTopology.label.zone", "+2 nodes -1 node")


def test_items_are_matched_by_their_context(rules: drift.Rules) -> None:
    def devices(*rows: tuple[str, str, bool], node: str = "n1") -> dict[str, Any]:
        found = snapshot(node, GPU__devices={})
        items = [{"context": {"index": i, "uuid": u}, "data": {"healthy": h}} for i, u, h in rows]
        found["measurements"][0]["subtypes"][0]["items"] = items
        return found

    before = devices(("0", "a", True), ("1", "b", True))
    after = devices(("1", "c", False), ("0", "a", True))
    # On the same node another device in the place of the old one is worth a note; on another node it is expected.
    assert severities(before, after, rules) == {
        "GPU.devices[1].healthy": "critical",
        "GPU.devices[1].@uuid": "info",
    }
    after = devices(("1", "c", False), ("0", "a", True), node="n2")
    assert severities(before, after, rules) == {"GPU.devices[1].healthy": "critical"}


def test_the_last_rule_decides() -> None:
    rules = drift.Rules(
        [{"class": "critical", "paths": ["A.*"]}, {"class": "info", "paths": ["A.b.?"]}]
    )
    assert [rules.of(path) for path in ("A.x.y", "A.b.c", "A.b.cd", "B.x.y")] == [
        "critical",
        "info",
        "critical",
        "info",
    ]
    with pytest.raises(AicrError, match='unknown class "bad"'):
        drift.Rules([{"class": "bad", "paths": []}], "f.yaml")


def nodes(count: int = 40) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for number in range(count):
        name = f"node-{number:02d}"
        gpus = 7 if number == 17 else 8
        found.append((name, snapshot(
            name, GPU__smi={"gpu-count": gpus, "driver": "570"},
            OS__sysctl={"/proc/sys/kernel/random/boot_id": name, "/proc/sys/kernel/hostname": name},
            SystemD__kubelet_service={**UNIT, "ExecMainPID": str(number)},
        )))  # fmt: skip
    return found


def test_a_fleet_of_forty_nodes(rules: drift.Rules) -> None:
    lost = [{"node": "node-40", "reason": "ImagePullBackOff", "message": "no such image"}]
    cluster = [{"type": "K8s", "subtypes": [{"subtype": "server", "data": {"version": "v1.33"}}]}]
    document = fleet.build("run-1", nodes(), lost, cluster, rules)
    body = document["fleet"]
    assert body["nodes"] == {"desired": 41, "collected": 40, "failed": 1}
    assert [len(group["nodes"]) for group in body["groups"]] == [39, 1]
    assert body["groups"][1] == {
        "id": body["groups"][1]["id"], "nodes": ["node-17"], "base": body["groups"][0]["id"],
        "differs": [{"path": "GPU.smi.gpu-count", "base": 8, "value": 7}],
    }  # fmt: skip
    assert [item["type"] for item in document["measurements"]] == ["K8s", "SystemD", "OS", "GPU"]
    assert fleet.reading(document, body["groups"][1]["differs"], "GPU.smi.gpu-count") == "7"
    assert fleet.reading(document, [], "GPU.smi.gpu-count") == "8"
    shuffled = fleet.build("run-1", list(reversed(nodes())), lost, cluster, rules)
    assert shuffled["fleet"]["groups"] == body["groups"]


def test_the_base_group_has_gpus(rules: drift.Rules) -> None:
    cpu = [(f"cpu-{n}", snapshot(OS__kmod={"loop": True})) for n in range(5)]
    gpu = [("gpu-0", snapshot(GPU__smi={"gpu-count": 8}))]
    document = fleet.build("r", cpu + gpu, [], [], rules)
    assert document["metadata"]["source-node"] == "gpu-0"
    assert [len(group["nodes"]) for group in document["fleet"]["groups"]] == [5, 1]


def write(folder: pathlib.Path, pairs: list[tuple[str, dict[str, Any]]]) -> None:
    folder.mkdir(exist_ok=True)
    for name, document in pairs:
        (folder / f"{name}.json").write_text(json.dumps(document))


def test_the_commands(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "nodes", nodes(20))
    (tmp_path / "nodes/broken.yaml").write_text("kind: Recipe\n")
    out = tmp_path / "fleet.yaml"
    assert run(["fleet", "import", str(tmp_path / "nodes"), "-o", str(out)]) == 0
    assert "left out: [INVALID_REQUEST]" in capsys.readouterr().err
    assert run(["fleet", "report", str(out)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("20 of 21 nodes in 2 groups")
    assert "node-17  critical  GPU.smi.gpu-count  8     7" in text
    assert run(["fleet", "report", str(tmp_path / "nodes"), "-t", "markdown"]) == 0
    assert "| node-17 | critical | GPU.smi.gpu-count | 8 | 7 |" in capsys.readouterr().out
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "kind: RecipeResult\napiVersion: aicr.nvidia.com/v1alpha1\nconstraints:\n"
        '  - {name: GPU.smi.gpu-count, value: ">= 8"}\ncomponentRefs: [{name: a, type: Helm, source: https://x, version: v1}]\n'
    )
    check = ["fleet", "check", str(recipe), "--fleet", str(out)]
    assert run(check) == 2
    captured = capsys.readouterr()
    assert "FAILED: 19 of 21 nodes satisfy the recipe (quorum all)" in captured.out
    assert "[CONFLICT]" in captured.err
    assert run([*check, "--quorum", "90%", "-t", "json"]) == 0
    verdict = json.loads(capsys.readouterr().out)
    assert (verdict["good"], verdict["needed"]) == (19, 19)
    assert verdict["results"][0]["failed"] == [
        {"node": "node-17", "actual": "7", "reason": "expected >= 8, got 7"}
    ]
    assert run([*check, "--quorum", "most"]) == 2


def test_two_clusters_and_a_node_twice(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "a", nodes(3))
    write(tmp_path / "b", nodes(3))
    assert run(["fleet", "report", str(tmp_path / "a"), str(tmp_path / "b"), "-t", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["groups"][0]["nodes"] == [
        f"{place}/node-0{number}" for place in "ab" for number in range(3)
    ]
    (tmp_path / "a/copy.json").write_bytes((tmp_path / "a/node-00.json").read_bytes())
    assert run(["fleet", "report", str(tmp_path / "a")]) == 2
    assert "both of node node-00" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert run(["fleet", "report", str(tmp_path / "empty")]) == 2


def test_diff_of_the_command_line(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    first.write_text(json.dumps(snapshot(GPU__smi={"gpu-count": 8}, OS__kmod={"x|y": True})))
    second.write_text(json.dumps(snapshot(GPU__smi={"gpu-count": 7}, OS__kmod={})))
    base = ["diff", "--baseline", str(first), "--target", str(second)]
    assert run([*base, "-t", "table"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("CHANGES (0 added, 1 removed, 1 modified)")
    assert "MODIFIED  GPU.smi.gpu-count  critical  8         7" in text
    assert text.endswith("DRIFT DETECTED\n")
    assert run([*base, "--fail-on-drift", "--severity", "critical"]) == 2
    assert "drift detected: 1 change of" in capsys.readouterr().err
    assert run([*base, "--fail-on-drift", "--gate-exit-code", "42"]) == 42
    assert (
        run(["diff", "-b", str(first), "--target", str(first), "-t", "table", "--fail-on-drift"])
        == 0
    )
    assert capsys.readouterr().out.endswith("NO CHANGES\n")
    assert run([*base, "-t", "markdown"]) == 0
    assert "| MODIFIED | GPU.smi.gpu-count | critical | 8 | 7 |" in capsys.readouterr().out
    assert run([*base, "-t", "sarif"]) == 0
    log = json.loads(capsys.readouterr().out)
    assert [result["level"] for result in log["runs"][0]["results"]] == ["error", "note"]
    own = tmp_path / "rules.yaml"
    own.write_text("kind: DriftRules\nrules:\n  - class: volatile\n    paths: ['GPU.*', 'OS.*']\n")
    assert run([*base, "--rules", str(own), "--fail-on-drift"]) == 0
    own.write_text("rules:\n  - klass: volatile\n    paths: []\n")
    assert run([*base, "--rules", str(own)]) == 2
    assert 'rules.yaml:2:5: unknown key "klass"' in capsys.readouterr().err.replace(
        str(tmp_path) + "/", ""
    )


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["diff"], 2),
        (["diff", "-b", "x"], 2),
        (["diff", "-b", "/none", "--target", "/none"], 3),
        (["diff", "-b", "a", "-b", "b"], 2),
    ],
)
def test_missing_inputs(arguments: list[str], status: int) -> None:
    assert run(arguments) == status
