"""What makes nodes equal, what an outlier is, and how two fleets differ."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from aicr_core.app.fleet import check, report
from aicr_core.app.snapshot import require
from aicr_core.cli.root import run
from aicr_core.engine import diff, drift, fleet, redact, snapshots
from aicr_core.kit import yamlio
from aicr_core.kit.emit import to_yaml
from aicr_core.kit.schema import decode

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "recipes/aicr_recipes/data/drift/base.yaml"
START = "[[/bin/x [/bin/x --name {name}] false 179546736077543{n} 6442297514 0 0 {n} 0 0]]"


@pytest.fixture(scope="module")
def rules() -> drift.Rules:
    node = yamlio.compose(SHIPPED.read_bytes(), "base")
    assert node is not None
    return drift.Rules(decode(node, drift.SCHEMA, "base")["rules"], "base")


def node(
    number: int, *, gpus: int = 8, collection: list[Any] | None = None, **more: Any
) -> tuple[str, dict[str, Any]]:
    """Give a node with everything in it that differs between equal nodes."""
    name = f"node-{number:02d}"
    unit = {
        "ActiveState": "active", "ActiveEnterTimestamp": number, "ExecMainPID": str(number), "InvocationID": f"[{number}]",
        "MemoryCurrent": number, "NRestarts": number, "ControlGroupId": number, "CPUUsageNSec": number,
        "ExecStart": START.format(name=name, n=number), "Environment": f"<redacted:{number:08x}>",
    }  # fmt: skip
    sysctl = {
        "/proc/sys/kernel/random/boot_id": str(number), "/proc/sys/kernel/hostname": name,
        "/proc/sys/fs/file-nr": str(number), "/proc/sys/vm/swappiness": "60",
    }  # fmt: skip
    topology = {"subtype": "summary", "data": {"node-count": number}}
    measurements = [
        {"type": "SystemD", "subtypes": [{"subtype": "kubelet.service", "data": unit}]},
        {"type": "OS", "subtypes": [{"subtype": "sysctl", "data": sysctl | more}]},
        {"type": "NodeTopology", "subtypes": [topology]},
    ]
    if gpus:
        devices = [{"context": {"index": str(i), "uuid": f"{number}-{i}"}, "data": {"serial": f"{number}{i}", "healthy": True}}
                   for i in range(gpus)]  # fmt: skip
        smi = {"gpu-count": gpus, "driver": "570", "gpu.model": "X"}
        subtypes = [
            {"subtype": "smi", "data": smi},
            {"subtype": "devices", "data": {}, "items": devices},
        ]
        measurements.append({"type": "GPU", "subtypes": subtypes})
    return name, {
        "kind": "Snapshot", "apiVersion": "aicr.nvidia.com/v1alpha1",
        "metadata": {"source-node": name, "timestamp": str(number), "redaction": "standard/1"},
        "measurements": measurements, "collection": collection or [],
    }  # fmt: skip


def nodes(count: int = 39, **odd: int) -> list[tuple[str, dict[str, Any]]]:
    return [node(number, gpus=odd.get(f"n{number}", 8)) for number in range(count)]


LOST = {"node": "node-39", "reason": "ImagePullBackOff", "message": "no such image"}


def build(
    pairs: list[Any],
    rules: drift.Rules,
    failed: list[Any] | None = None,
    cluster: list[Any] | None = None,
) -> dict[str, Any]:
    return fleet.build("run-1", pairs, failed or [], cluster or [], rules)


def test_forty_nodes_are_two_groups_and_a_failure(rules: drift.Rules) -> None:
    """The acceptance test of spec/snapshot.md 14.1; node-17 lost a GPU and with it the readings of that device."""
    cluster = [{"type": "K8s", "subtypes": [{"subtype": "server", "data": {"version": "v1.33"}}]}]
    document = build(nodes(n17=7), rules, [LOST], cluster)
    body = document["fleet"]
    assert document["kind"] == "FleetSnapshot"
    assert body["run"] == "run-1"
    assert body["nodes"] == {"desired": 40, "collected": 39, "failed": 1}
    assert body["failed"] == [LOST]
    most, odd = body["groups"]
    assert (len(most["nodes"]), odd["nodes"], odd["base"]) == (38, ["node-17"], most["id"])
    assert odd["differs"] == [
        {"path": "GPU.devices[7].healthy", "base": True},
        {"path": "GPU.smi.gpu-count", "base": 8, "value": 7},
    ]
    # The base group stands in full in its place and, with the cluster's facts, at the top.
    assert [item["type"] for item in most["measurements"]] == ["SystemD", "OS", "GPU"]
    assert [item["type"] for item in document["measurements"]] == [
        "K8s",
        "SystemD",
        "OS",
        "GPU",
        "NodeTopology",
    ]
    assert "measurements" not in odd
    # It is read back as it was written.
    assert snapshots.load(to_yaml(document).encode(), "f") == (document, [])
    assert fleet.flatten(document)["kind"] == "Snapshot"
    assert "fleet" not in fleet.flatten(document)


def test_the_order_of_arrival_does_not_show(rules: drift.Rules) -> None:
    pairs = nodes(12, n3=7, n5=6)
    assert build(pairs, rules) == build(pairs[::-1], rules) == build(pairs[5:] + pairs[:5], rules)


def test_a_tuned_node_is_found(rules: drift.Rules) -> None:
    pairs = [*nodes(5), node(7, **{"/proc/sys/vm/swappiness": "1"})]
    groups = build(pairs, rules)["fleet"]["groups"]
    assert groups[1]["differs"] == [
        {"path": "OS.sysctl./proc/sys/vm/swappiness", "base": "60", "value": "1"}
    ]


def test_redaction_of_some_nodes_only_makes_no_outliers(rules: drift.Rules) -> None:
    pairs = nodes(5)
    pairs[2][1]["measurements"][0]["subtypes"][0]["data"]["Environment"] = "[A=b]"
    assert len(build(pairs, rules)["fleet"]["groups"]) == 1


def test_what_a_node_could_not_read_is_said_once(rules: drift.Rules) -> None:
    gap = {
        "collector": "gpu",
        "subtype": "GPU.smi",
        "status": "timeout",
        "reason": "the driver hangs",
        "durationMs": 5,
    }
    name, broken = node(7, collection=[gap])
    broken["measurements"][3]["subtypes"][0]["data"] = {}
    document = build([*nodes(5), (name, broken)], rules)
    group = document["fleet"]["groups"][1]
    assert group["differs"] == [{"path": "collection.GPU.smi", "value": "timeout"}]
    assert document["collection"] == [
        {"collector": "gpu", "subtype": "GPU.smi", "status": "timeout", "reason": "the driver hangs", "nodes": ["node-07"]},
    ]  # fmt: skip
    recipe = {"constraints": [{"name": "GPU.smi.gpu-count", "value": ">= 8"}]}
    (failing,) = check(recipe, document, "majority")["results"][0]["failed"]
    assert failing == {
        "node": "node-07",
        "actual": "",
        "reason": "GPU.smi.gpu-count could not be read: timeout",
    }


def test_a_collector_that_gave_nothing(rules: drift.Rules) -> None:
    name, broken = node(7, collection=[{"collector": "gpu", "status": "failed", "reason": "x"}])
    del broken["measurements"][3]
    group = build([*nodes(5), (name, broken)], rules)["fleet"]["groups"][1]
    assert group["differs"] == [{"path": "collection.gpu", "value": "failed"}]


def test_cpu_nodes_are_a_group_and_gpu_nodes_the_base(rules: drift.Rules) -> None:
    document = build([node(number, gpus=0) for number in range(6)] + [node(9), node(10)], rules)
    first, second = document["fleet"]["groups"]
    assert (len(first["nodes"]), first["base"]) == (6, second["id"])
    assert document["metadata"]["source-node"] == "node-09"
    assert any(item["type"] == "GPU" for item in document["measurements"])


def test_require_gpu_looks_at_every_node(rules: drift.Rules) -> None:
    some = [node(1), node(2), node(3, gpus=0), node(4, gpus=7)]
    document = fleet.build("r", some, [], [], rules)
    assert fleet.without_accelerator(document) == ["node-03"]
    problem = require(document, (), gpu=True, strict=False)
    assert problem is not None
    assert (problem.exit_status, "node-03" in problem.message) == (3, True)
    assert fleet.without_accelerator(fleet.build("r", some[:2], [], [], rules)) == []


def test_outliers_worst_and_rarest_first(rules: drift.Rules) -> None:
    odd = [node(20, x="1"), node(21, gpus=7), node(22, gpus=6), node(23, gpus=6)]
    found = report(build([*nodes(8), *odd], rules), rules.of)
    assert [item["nodes"] for item in found["outliers"]] == [
        ["node-21"],
        ["node-22", "node-23"],
        ["node-20"],
    ]
    assert [item["severity"] for item in found["outliers"]] == ["critical", "critical", "info"]
    assert found["outliers"][0]["differs"][0]["path"].startswith("GPU.")
    assert [item["size"] for item in found["groups"]] == [8, 2, 1, 1]


@pytest.mark.parametrize(
    ("quorum", "passed", "needed"),
    [("all", False, 10), ("majority", True, 6), ("80%", True, 8), ("81%", False, 9)],
)
def test_a_quorum_is_of_the_nodes_wanted(
    rules: drift.Rules, quorum: str, passed: bool, needed: int
) -> None:
    document = build(nodes(9, n3=7), rules, [LOST])
    result = check(
        {"constraints": [{"name": "GPU.smi.gpu-count", "value": ">= 8"}]}, document, quorum
    )
    assert (result["passed"], result["needed"], result["good"], result["nodes"]) == (
        passed,
        needed,
        8,
        10,
    )


# --- two fleets -----------------------------------------------------------------------------------


def between(
    before: list[Any], after: list[Any], rules: drift.Rules, **failed: Any
) -> list[tuple[Any, ...]]:
    result = diff.compare(
        build(before, rules, failed.get("was")), build(after, rules, failed.get("now")), rules
    )
    return [
        (
            item["path"],
            item["severity"],
            item.get("baseline"),
            item.get("target"),
            item.get("nodes"),
            item.get("delta"),
        )
        for item in result["changes"]
    ]


def test_a_fleet_does_not_differ_from_itself_later(rules: drift.Rules) -> None:
    later = [
        (name, node(100 + number)[1] | {"metadata": {"source-node": name}})
        for number, (name, _) in enumerate(nodes(6))
    ]
    assert between(nodes(6), nodes(6), rules) == []
    # Everything that changes by itself has changed; the readings are those of other nodes, of a cluster of another size.
    paths = {row[0] for row in between(nodes(6), later, rules)}
    assert paths == {"SystemD.kubelet.service.ExecStart", "NodeTopology.summary.node-count"}


def test_a_change_of_all_nodes_is_one_change(rules: drift.Rules) -> None:
    after = nodes(6, n2=7)
    before = nodes(6, n2=7)
    for _, document in after:
        document["measurements"][3]["subtypes"][0]["data"]["driver"] = "580"
    assert between(before, after, rules) == [
        ("GPU.smi.driver", "critical", "570", "580", None, None)
    ]


def test_a_change_of_some_nodes_names_them(rules: drift.Rules) -> None:
    rows = between(nodes(6, n2=7), nodes(6, n4=7), rules)
    assert [row for row in rows if "smi" in row[0]] == [
        ("GPU.smi.gpu-count", "critical", "7", "8", ["node-02"], None),
        ("GPU.smi.gpu-count", "critical", "8", "7", ["node-04"], None),
    ] or [row for row in rows if "smi" in row[0]] == [
        ("GPU.smi.gpu-count", "critical", "8", "7", ["node-04"], None),
        ("GPU.smi.gpu-count", "critical", "7", "8", ["node-02"], None),
    ]


def test_the_base_may_move_to_the_other_group(rules: drift.Rules) -> None:
    """Most nodes lose a GPU: the base is another group now, and still only those nodes changed."""
    rows = between(nodes(5, n0=7), nodes(5, n0=7, n1=7, n2=7, n3=7), rules)
    assert [row for row in rows if "smi" in row[0]] == [
        ("GPU.smi.gpu-count", "critical", "8", "7", ["node-01", "node-02", "node-03"], None)
    ]


def test_nodes_that_came_left_or_failed(rules: drift.Rules) -> None:
    rows = between(nodes(6), [*nodes(5), node(8), node(9)], rules, now=[LOST])
    assert rows == [
        ("fleet.failed", "warn", "0", "1", None, "+1 node"),
        ("fleet.nodes", "warn", "6", "7", None, "+2 nodes -1 node"),
    ]


def test_two_fleets_without_a_common_node(rules: drift.Rules) -> None:
    after = [(f"x{name}", document) for name, document in nodes(3)]
    for _, document in after:
        document["measurements"][3]["subtypes"][0]["data"]["driver"] = "580"
    rows = between(nodes(3), after, rules)
    assert ("GPU.smi.driver", "critical", "570", "580", None, None) in rows


# --- secrets, commands ----------------------------------------------------------------------------


def test_no_secret_in_any_part_of_a_fleet(rules: drift.Rules) -> None:
    canary = "hunter2canary"
    _, odd = node(7, **{"/proc/sys/x/stable_secret": canary})
    odd["measurements"][0]["subtypes"][0]["data"]["Environment"] = f"[A={canary}]"
    failed = [{"node": "n", "reason": "x", "message": f"https://u:{canary}@h/ said no"}]
    pairs = nodes(3)
    for _, document in pairs:
        document["measurements"][0]["subtypes"][0]["data"]["Environment"] = f"[B={canary}]"
    document = build([*pairs, ("node-07", odd)], rules, failed)
    assert json.dumps(document).count(canary) >= 4
    found = redact.apply(document, "standard", "k")
    assert canary not in json.dumps(found)
    assert found["fleet"]["nodes"] == document["fleet"]["nodes"]
    assert redact.apply(found, "standard", "other")["fleet"] == found["fleet"]


def write(
    folder: pathlib.Path, pairs: list[tuple[str, dict[str, Any]]], ending: str = "yaml"
) -> pathlib.Path:
    folder.mkdir(parents=True)
    for name, document in pairs:
        text = to_yaml(document) if ending == "yaml" else json.dumps(document)
        (folder / f"{name}.{ending}").write_text(text, "utf-8")
    return folder


def test_directories_of_one_name_are_told_apart(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = [str(write(tmp_path / name / "nodes", nodes(2))) for name in ("a", "b")]
    assert run(["fleet", "report", *places, "-t", "json"]) == 0
    names = json.loads(capsys.readouterr().out)["groups"][0]["nodes"]
    assert names == [f"{place}/node-0{number}" for place in places for number in (0, 1)]


def test_a_fleet_among_the_files_is_left_out(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path / "nodes", nodes(3))
    out = str(folder / "fleet.yaml")
    assert run(["fleet", "import", str(folder), "-o", out]) == 0
    assert run(["fleet", "import", str(folder), "-o", out]) == 0
    assert "fleet.yaml: it is a fleet" in capsys.readouterr().err
    assert run(["fleet", "report", out]) == 0
    assert capsys.readouterr().out.startswith("3 of 3 nodes in 1 group\n")
    assert run(["fleet", "import", str(folder), "--flat", "-t", "json"]) == 0
    flat = json.loads(capsys.readouterr().out)
    assert flat["kind"] == "Snapshot"
    assert flat["metadata"]["redaction"] == "standard/1"
    assert "fleet" not in flat


def test_warnings_of_a_thousand_files_do_not_drown_the_report(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = nodes(30)
    for _, document in pairs:
        document["measurements"][1]["subtypes"][0]["data"]["x"] = None
    assert run(["fleet", "report", str(write(tmp_path / "n", pairs))]) == 0
    err = capsys.readouterr().err
    assert err.count("is no scalar") == 10
    assert "20 more such warnings" in err


def test_long_lists_of_differences_are_cut_for_people_only(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(
        tmp_path / "n", [*nodes(3), node(5, **{f"k{n:02d}": "1" for n in range(30)})], "json"
    )
    assert run(["fleet", "report", str(folder)]) == 0
    assert "(+10 more differences)" in capsys.readouterr().out
    assert run(["fleet", "report", str(folder), "-t", "yaml"]) == 0
    assert capsys.readouterr().out.count("severity: info") == 31


def test_hostile_readings_stay_in_their_cells(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "x|y\n| a | <img src=x> [l](javascript:1) `\x1b[31m"
    folder = write(tmp_path / "n", [*nodes(3), node(5, evil=evil)], "json")
    for fmt in ("table", "markdown"):
        assert run(["fleet", "report", str(folder), "-t", fmt]) == 0
        text = capsys.readouterr().out
        assert "\x1b" not in text
        assert (
            len([line for line in text.splitlines() if "node-05" in line and "evil" in line]) == 1
        )
    assert "\\<img" in text
    assert "\\[l\\]" in text


def test_the_status_of_a_failed_quorum(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path / "n", nodes(3, n1=7))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "kind: RecipeResult\napiVersion: aicr.nvidia.com/v1alpha1\nconstraints:\n"
        '  - {name: GPU.smi.gpu-count, value: ">= 8"}\ncomponentRefs: [{name: a, type: Helm, source: https://x, version: v1}]\n'
    )
    argv = ["fleet", "check", str(recipe), "--fleet", str(folder)]
    assert run(argv) == 2
    assert (
        capsys.readouterr().err.splitlines()[-1]
        == "[CONFLICT] 2 of 3 nodes satisfy the recipe, 3 have to"
    )
    assert run([*argv, "--gate-exit-code", "17"]) == 17
    assert run([*argv, "--quorum", "1000%"]) == 2
    assert run([*argv, "--quorum", "0%"]) == 2
