"""No secret reaches a document: canaries in every place where collectors find some."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aicr_core.engine.redact import apply, is_secret_name
from aicr_core.kit import yamlio

CANARY = "hunter2canary"


def document(kind: str, subtype: str, **data: Any) -> dict[str, Any]:
    return {
        "kind": "Snapshot",
        "metadata": {"timestamp": "t", "version": "v", "source-node": "n1"},
        "measurements": [
            {"type": kind, "subtypes": [{"subtype": subtype, "data": data}]},
            {"type": "GPU"},
        ],
    }


def reading(kind: str, subtype: str, key: str, value: Any) -> Any:
    found = apply(document(kind, subtype, **{key: value}), "standard", "k")
    return found["measurements"][0]["subtypes"][0]["data"][key]


@pytest.mark.parametrize(
    ("kind", "subtype", "key", "value"),
    [
        ("OS", "grub", "token", CANARY),
        ("OS", "grub", "systemd.set_credential", f"db.password:{CANARY}"),
        ("OS", "grub", "ds", f"nocloud;s=http://10.0.0.9/{CANARY}"),
        ("OS", "grub", "url", f"http://user:{CANARY}@10.0.0.9/seed"),
        ("OS", "grub", "url", f"http://{CANARY}@10.0.0.9/seed"),
        ("OS", "grub", "netroot", f"iscsi:user:{CANARY}@10.0.0.9::3260::iqn"),
        ("OS", "grub", "wpa_psk", CANARY),
        ("OS", "grub", "db_pwd", CANARY),
        ("OS", "grub", "x", f"https://h/o?sig={CANARY}&a=b"),
        ("OS", "grub", "x", f"https://h/o?a=b&X-Amz-Signature={CANARY}"),
        ("OS", "grub", "x", f"ghp_{CANARY}0123456789"),
        ("OS", "grub", "x", f"https://h/?a=1&access_token={CANARY}&b=2"),
        ("OS", "sysctl", "/proc/sys/net/ipv6/conf/all/stable_secret", CANARY),
        ("SystemD", "kubelet.service", "Environment", f"[A={CANARY} B=c]"),
        ("SystemD", "kubelet.service", "ExecStart", f"[[/bin/x [/bin/x --token={CANARY} -v] false]]"),
        ("SystemD", "kubelet.service", "ExecStart", f"[[/bin/x [/bin/x --api-key {CANARY} -v] false]]"),
        ("SystemD", "kubelet.service", "ExecStart", f"[[/bin/x [x -H Authorization: Bearer {CANARY}] no]]"),
        ("SystemD", "x.service", "RootHash", f"-----BEGIN RSA KEY-----\n{CANARY}\n-----END RSA KEY-----"),
        ("SystemD", "x.service", "RootHash", f"-----BEGIN PRIVATE KEY-----\n{CANARY}"),
        ("K8s", "policy", "driver.env", json.dumps([{"name": "A", "value": CANARY}])),
        ("K8s", "policy", "driver.list", json.dumps([{"apiKey": CANARY, "x": [{"password": CANARY}]}])),
        ("K8s", "policy", "driver.repository", f"https://u:{CANARY}@registry.example"),
        ("K8s", "policy", "licensing.clientToken", CANARY),
        ("NodeTopology", "label", "x", f"password={CANARY}|n1"),
    ],
)  # fmt: skip
def test_a_canary_does_not_sing(kind: str, subtype: str, key: str, value: str) -> None:
    found = reading(kind, subtype, key, value)
    assert CANARY not in str(found)
    assert "<redacted:" in str(found)


@pytest.mark.parametrize(
    ("kind", "subtype", "key", "value"),
    [
        ("K8s", "image", "secrets-store-csi-driver", "v1.4.0"),
        ("OS", "kmod", "secretmem", True),
        ("SystemD", "x.service", "PassEnvironment", "[A B]"),
        ("SystemD", "x.service", "Environment", "[]"),
        ("OS", "sysctl", "/proc/sys/vm/compaction_bypass", "1"),
        ("OS", "grub", "ip", "10.0.0.5::10.0.0.1:255.255.255.0:host:eth0:off"),
        ("K8s", "policy", "driver.html", '["\\u003ca\\u0026b\\u003e"]'),
        ("K8s", "policy", "broken", "[not json"),
        ("K8s", "images", "ref", "registry.example:5000/nginx:1.25@sha256:abc"),
        ("OS", "cmdline", "console", "ttyS0,115200n8"),
        ("GPU", "smi", "gpu-count", 8),
    ],
)
def test_what_is_no_secret_stays(kind: str, subtype: str, key: str, value: Any) -> None:
    assert reading(kind, subtype, key, value) == value


def test_equal_values_are_comparable_under_one_key_only() -> None:
    same = apply(document("OS", "grub", token="a", password="a", secret="b"), "standard", "k")
    data = same["measurements"][0]["subtypes"][0]["data"]
    assert data["token"] == data["password"] != data["secret"]
    other = apply(document("OS", "grub", token="a"), "standard", "another")
    assert other["measurements"][0]["subtypes"][0]["data"]["token"] != data["token"]
    assert same["metadata"]["redaction"] == "standard/1"


def test_reasons_and_items_are_searched_too() -> None:
    snapshot = document("GPU", "devices")
    snapshot["measurements"][0]["subtypes"][0]["items"] = [
        {"context": {"index": "0"}, "data": {"token": CANARY, "model": "X"}}
    ]
    snapshot["collection"] = [
        {"collector": "k8s", "status": "failed", "reason": f"GET https://u:{CANARY}@h/: 500"}
    ]
    found = apply(snapshot, "standard", "k")
    assert CANARY not in json.dumps(found)
    assert found["measurements"][0]["subtypes"][0]["items"][0]["data"]["model"] == "X"


def test_minimal_keeps_the_allow_list_only() -> None:
    snapshot = document("GPU", "smi", driver="570", serial="123", **{"gpu-count": 8})
    snapshot["fleet"] = {"nodes": {}}
    snapshot["collection"] = [{"collector": "x", "status": "failed", "reason": "node n1"}]
    found = apply(snapshot, "minimal", "k")
    assert found["metadata"] == {"timestamp": "t", "version": "v", "redaction": "minimal/1"}
    assert found["measurements"] == [
        {"type": "GPU", "subtypes": [{"subtype": "smi", "data": {"driver": "570", "gpu-count": 8}}]}
    ]
    assert "n1" not in json.dumps(found)
    assert "fleet" not in found


def test_none_changes_nothing() -> None:
    snapshot = document("OS", "grub", token=CANARY)
    assert apply(snapshot, "none", "k") is snapshot


def test_the_whole_golden_snapshot(shared: pathlib.Path) -> None:
    text = (shared / "data/snapshots/golden/full-v0.11.1.yaml").read_text("utf-8")
    snapshot: Any = yamlio.load(text, "golden")
    found = apply(snapshot, "standard", "k")
    assert "user:secret" not in json.dumps(found)
    assert apply(found, "standard", "another") == found
    changed = sum(
        before["data"][key] != after["data"][key]
        for old, new in zip(snapshot["measurements"], found["measurements"], strict=True)
        for before, after in zip(old["subtypes"], new["subtypes"], strict=True)
        for key in before["data"]
    )
    assert changed == 4


@example("https://u:pw@h and iscsi:user:word@host")
@given(st.text(st.sampled_from("abct:/@=-? \"'[]{}<>token password://Bearer"), max_size=80))
@settings(max_examples=1500, deadline=None)
def test_twice_is_once(value: str) -> None:
    once = apply(document("K8s", "policy", x=value, token=value), "standard", "k")
    assert apply(once, "standard", "other") == once


def test_names() -> None:
    secret = [
        "token",
        "clientToken",
        "API_KEY",
        "private-key",
        "db.password",
        "TOKEN_FILE",
        "aws.accessKey",
    ]
    assert [name for name in secret if not is_secret_name(name)] == []
    plain = [
        "bypass",
        "compass",
        "PassEnvironment",
        "keyring",
        "secretary",
        "tokenizer",
        "api.version",
    ]
    assert [name for name in plain if is_secret_name(name)] == []


@pytest.mark.parametrize("policy", ["standard", "minimal"])
@pytest.mark.parametrize("fmt", ["yaml", "json", "table"])
def test_every_seeded_secret_in_every_form_of_output(
    shared: pathlib.Path,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    policy: str,
    fmt: str,
) -> None:
    """The seeds of spec/snapshot.md 14.7: boot parameters, a unit's environment and command line, a policy's env."""
    from aicr_core.cli.root import run
    from aicr_core.cli.snapshot import _table
    from aicr_core.kit.emit import to_json, to_yaml

    raw = json.loads((shared / "data/snapshots/raw/proc-cmdline/expected.json").read_text("utf-8"))
    golden: Any = yamlio.load(
        (shared / "data/snapshots/golden/full-v0.11.1.yaml").read_text("utf-8"), "golden"
    )
    readings = {
        ("OS", "grub"): raw["secrets"]["OS.grub"],
        ("SystemD", "kubelet.service"): {
            "Environment": f"[HTTPS_PROXY=http://u:{CANARY}@p A={CANARY}]",
            "ExecStart": f"[[/k [/k --bearer-token={CANARY} --url https://x:{CANARY}@h] false]]",
        },
        ("K8s", "policy"): {"driver.env": json.dumps([{"name": "LICENSE", "value": CANARY}])},
        ("K8s", "node"): {
            "note": f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----"
        },
    }
    measurements = golden["measurements"] + [
        {"type": kind, "subtypes": [{"subtype": name, "data": data}]}
        for (kind, name), data in readings.items()
    ]
    snapshot = {**golden, "measurements": measurements, "fleet": {"groups": [], "failed": [
        {"node": "n", "reason": "x", "message": f"pulling https://u:{CANARY}@registry failed"}]}}  # fmt: skip
    markers = [CANARY, "hunter2", "abc123", "user:password", "user:secret", "10.0.0.9/seed"]
    assert all(marker in json.dumps(snapshot) for marker in markers)
    found = apply(snapshot, policy, "k")
    write = {"yaml": to_yaml, "json": to_json, "table": _table}[fmt]
    text = write(found)
    assert [marker for marker in markers if marker in text] == []
    # What reads it back and reports on it cannot show what is not there.
    if fmt != "table":
        path = tmp_path / f"a.{fmt}"
        path.write_text(text, "utf-8")
        empty = tmp_path / "b.yaml"
        empty.write_text("kind: Snapshot\nmeasurements: []\n")
        assert run(["diff", "-b", str(path), "--target", str(empty), "--all", "--debug"]) == 0
        captured = capsys.readouterr()
        assert [marker for marker in markers if marker in captured.out + captured.err] == []


def test_a_secret_that_became_a_key() -> None:
    """A boot line is cut at blanks: what follows ``--token`` is a key of its own."""
    words = {
        "ro": "",
        "--": "",
        "--token": "",
        CANARY: "",
        "console": "ttyS0",
        f"http://u:{CANARY}@h": "",
    }
    found = apply(document("OS", "grub", **words), "standard", "k")
    assert CANARY not in json.dumps(found)
    assert {"ro": "", "--token": "", "console": "ttyS0"}.items() <= found["measurements"][0][
        "subtypes"
    ][0]["data"].items()
    assert apply(found, "standard", "other") == found
    plain = {"ro": "", "nvme_x": "", f"http://u:{CANARY}@h": ""}
    kept = apply(document("OS", "grub", **plain), "standard", "k")["measurements"][0]["subtypes"][
        0
    ]["data"]
    assert {"ro", "nvme_x"} < set(kept)
    assert CANARY not in json.dumps(kept)
