"""What is no drift although it differs, and what is drift although it looks alike."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
import sarif

from aicr_core.cli.root import run
from aicr_core.engine import diff, drift
from aicr_core.engine.sarif import as_sarif
from aicr_core.kit import yamlio
from aicr_core.kit.schema import decode

SHIPPED = pathlib.Path(__file__).resolve().parents[2] / "recipes/aicr_recipes/data/drift/base.yaml"


@pytest.fixture(scope="module")
def rules() -> drift.Rules:
    node = yamlio.compose(SHIPPED.read_bytes(), "base")
    assert node is not None
    return drift.Rules(decode(node, drift.SCHEMA, "base")["rules"], "base")


def snapshot(
    kind: str, subtype: str, node: str = "node-1", collection: Any = (), **data: Any
) -> dict[str, Any]:
    return {
        "kind": "Snapshot", "metadata": {"source-node": node},
        "measurements": [{"type": kind, "subtypes": [{"subtype": subtype, "data": data}]}],
        "collection": list(collection),
    }  # fmt: skip


def changes(
    before: Any, after: Any, rules: drift.Rules, **options: Any
) -> list[tuple[str, str, str]]:
    found = diff.compare(before, after, rules, **options)["changes"]
    return [(item["kind"], item["path"], item["severity"]) for item in found]


VOLATILE = [
    *(f"OS.sysctl./proc/sys/fs/{name}" for name in ("dentry-state", "inode-nr", "inode-state", "file-nr", "aio-nr")),
    *(f"OS.sysctl./proc/sys/kernel/{name}" for name in (
        "ns_last_pid", "random/uuid", "random/entropy_avail", "random/boot_id", "perf_cpu_time_max_percent")),
    *(f"SystemD.containerd.service.{name}" for name in (
        "ActiveEnterTimestamp", "ActiveEnterTimestampMonotonic", "MainPID", "ExecMainPID", "ControlPID", "InvocationID",
        "ControlGroupId", "MemoryCurrent", "MemoryAvailable", "MemoryPeak", "CPUUsageNSec", "IOReadBytes", "IOWriteBytes",
        "IOReadOperations", "IOWriteOperations", "IPIngressBytes", "IPEgressBytes", "IPIngressPackets", "IPEgressPackets",
        "TasksCurrent", "NRestarts", "StatusText", "StatusErrno", "Job")),
]  # fmt: skip
CRITICAL = [
    "GPU.smi.gpu.model", "GPU.smi.gpu-count", "GPU.smi.driver", "GPU.hardware.model", "K8s.server.version",
    "OS.grub.iommu", "OS.grub.intel_iommu", "OS.grub.hugepages", "OS.grub.default_hugepagesz", "OS.kmod.nvidia",
    "OS.kmod.nvidia_uvm", "OS.kmod.ib_core",
]  # fmt: skip


def test_the_shipped_rules_say_what_the_specification_says(rules: drift.Rules) -> None:
    """The list of spec/snapshot.md 14.9."""
    assert {path: rules.of(path) for path in VOLATILE} == dict.fromkeys(VOLATILE, "volatile")
    assert {path: rules.of(path) for path in CRITICAL} == dict.fromkeys(CRITICAL, "critical")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[[/x [/x a] false 1795467360775431 6442297514 0 0 10781 0 0]]", "[[/x [/x a] false 1 2 0 0 9 0 0]]"),
        ("[[/x [/x a] [ignore-failure] 1795467360763291 6442285374 1 2 10780 1 0]]", "[[/x [/x a] [ignore-failure] 1 2 3 4 5 6 7]]"),
        ("[[/x [/x --name node-1] false]]", "[[/x [/x --name node-2] false]]"),
        ("[[/x [/x --token=<redacted:0123abcd>] false]]", "[[/x [/x --token=<redacted:99999999>] false]]"),
        ("[[/x [/x --token=<redacted:0123abcd>] false]]", "[[/x [/x --token=plain] false]]"),
    ],
)  # fmt: skip
def test_what_changes_inside_a_command_line(rules: drift.Rules, old: str, new: str) -> None:
    before = snapshot("SystemD", "a.service", ExecStart=old)
    after = snapshot("SystemD", "a.service", "node-2", ExecStart=new)
    assert changes(before, after, rules) == []
    assert changes(after, before, rules) == []


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        (
            "ExecStart",
            "[[/x [/x --port 1 2 3 4] false 1 2 0 0 9 0 0]]",
            "[[/x [/x --port 1 2 3 5] false 1 2 0 0 9 0 0]]",
        ),
        ("ExecStart", "[[/x [/x a] false 1 2 0 0 9 0 0]]", "[[/x [/x a] true 1 2 0 0 9 0 0]]"),
        (
            "ExecStart",
            "[[/x [/x --token=<redacted:0123abcd>] false]]",
            "[[/x [/x --tokens=plain] false]]",
        ),
        ("Other", "e 1 2 3 4", "e 1 2 3 5"),
    ],
)
def test_what_is_a_change_all_the_same(rules: drift.Rules, key: str, old: str, new: str) -> None:
    before, after = (
        snapshot("SystemD", "a.service", **{key: old}),
        snapshot("SystemD", "a.service", **{key: new}),
    )
    assert len(changes(before, after, rules)) == 1


def test_what_could_not_be_read_is_one_change(rules: drift.Rules) -> None:
    gap = [{"collector": "k8s", "subtype": "K8s.server", "status": "forbidden"}]
    before = snapshot("K8s", "server", version="v1.33", platform="linux")
    after = snapshot("K8s", "server", collection=gap)
    assert changes(before, after, rules) == [("modified", "collection.K8s.server", "warn")]
    assert changes(after, before, rules) == [("modified", "collection.K8s.server", "warn")]
    # What was read and differs is told, whatever else is missing.
    partly = snapshot(
        "K8s", "server", collection=[gap[0] | {"status": "degraded"}], version="v1.34"
    )
    assert ("modified", "K8s.server.version", "critical") in changes(before, partly, rules)
    # Nothing says why it is missing: it was removed.
    assert changes(before, snapshot("K8s", "server"), rules)[0] == (
        "removed",
        "K8s.server.platform",
        "info",
    )


def test_a_collector_that_failed_whole(rules: drift.Rules) -> None:
    before = snapshot("GPU", "smi", driver="570")
    after = snapshot(
        "OS", "release", ID="x", collection=[{"collector": "gpu", "status": "timeout"}]
    )
    assert changes(before, after, rules) == [
        ("added", "OS.release.ID", "warn"),
        ("modified", "collection.gpu", "warn"),
    ]


def test_another_identity_under_the_same_name(rules: drift.Rules) -> None:
    before, after = (
        snapshot("K8s", "node", **{"provider-id": text})
        for text in ("aws:///a/i-1", "aws:///a/i-2")
    )
    assert changes(before, after, rules) == [("modified", "K8s.node.provider-id", "info")]
    after["metadata"]["source-node"] = "node-2"
    assert changes(before, after, rules) == []
    assert changes(before, after, rules, show_all=True) == [
        ("modified", "K8s.node.provider-id", "identity")
    ]


def test_cells_that_were_cut(rules: drift.Rules) -> None:
    before = snapshot("NodeTopology", "label", zone="a|n1,n2 (+3 more)")
    after = snapshot("NodeTopology", "label", zone="a|n1,n2 (+4 more)")
    (change,) = diff.compare(before, after, rules)["changes"]
    assert "delta" not in change
    taints = [
        snapshot("NodeTopology", "taint", gpu=text)
        for text in ("NoSchedule|x|a,b", "NoExecute|x|b,a")
    ]
    (change,) = diff.compare(*taints, rules)["changes"]
    assert (change["severity"], "delta" in change) == ("warn", False)


def test_items_of_one_name_are_kept_apart(rules: drift.Rules) -> None:
    def images(*tags: str) -> dict[str, Any]:
        found = snapshot("K8s", "images")
        found["measurements"][0]["subtypes"][0]["items"] = [
            {"context": {"name": "x"}, "data": {"tag": tag}} for tag in tags
        ]
        return found

    assert changes(images("1", "2"), images("1", "3"), rules) == [
        ("modified", "K8s.images[x#2].tag", "info")
    ]


def test_the_threshold_leaves_out_and_counts(rules: drift.Rules) -> None:
    before = snapshot("OS", "kmod", nvidia=True, loop=True)
    result = diff.compare(before, snapshot("OS", "kmod"), rules, least="warn")
    assert [item["path"] for item in result["changes"]] == ["OS.kmod.nvidia"]
    assert result["summary"] == {
        "added": 0,
        "removed": 1,
        "modified": 0,
        "total": 1,
        "belowSeverity": 1,
    }


def test_sarif(rules: drift.Rules) -> None:
    before, after = (
        snapshot("GPU", "smi", driver="570", x="1"),
        snapshot("GPU", "smi", driver="580", y="2"),
    )
    result = {"targetSource": "t.yaml", **diff.compare(before, after, rules)}
    log = sarif.valid(as_sarif(result, "1.0"))["runs"][0]
    known = {rule["id"] for rule in log["tool"]["driver"]["rules"]}
    assert {item["ruleId"] for item in log["results"]} <= known
    assert [(item["level"], item["message"]["text"]) for item in log["results"]] == [
        ("error", 'GPU.smi.driver: "570" -> "580"'),
        ("note", 'GPU.smi.x was removed: "1"'),
        ("note", 'GPU.smi.y was added: "2"'),
    ]


def test_rules_that_cost_nothing_to_refuse() -> None:
    """A pattern of many stars must not hold the matcher for ever."""
    rules = drift.Rules([{"class": "warn", "paths": ["*" * 200 + "x"]}])
    assert rules.of("a" * 5000) == "info"
    assert rules.of("a\nx") == "warn"


def test_the_command_line(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    before = snapshot("SystemD", "a.service", MainPID="1", After="[a]")
    after = snapshot("SystemD", "a.service", MainPID="2", After="[a]")
    after["metadata"]["redaction"] = "standard/1"
    first.write_text(json.dumps(before))
    second.write_text(json.dumps(after))
    argv = ["diff", "-b", str(first), "--target", str(second), "-t", "table"]
    assert run([*argv, "--fail-on-drift"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "NO CHANGES\n"
    assert "1 that are no drift (--all shows them)" in captured.err
    assert "redaction is none, the target's standard/1" in captured.err
    # What is no drift does not fail the gate when it is shown.
    assert run([*argv, "--all", "--fail-on-drift"]) == 0
    assert capsys.readouterr().out.endswith("volatile  1         2\n\nNO DRIFT\n")
    assert run(["diff", "-b", "-", "--target", "-"]) == 2
    assert run([*argv, "--severity", "fatal"]) == 2
    long = snapshot("SystemD", "a.service", MainPID="2", After="x" * 5000)
    second.write_text(json.dumps(long))
    assert run([*argv, "--fail-on-drift", "--gate-exit-code", "3"]) == 3
    captured = capsys.readouterr()
    assert "x... (5000 characters)" in captured.out
    assert captured.err.splitlines()[-1].startswith("[CONFLICT] drift detected: 1 change")
