"""Recorded invocations of ``aicr snapshot`` and its neighbours end with the same exit status, bar one list."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from aicr_core.cli.root import run

# (arguments, environment as text) -> (our exit status, reason): spec/snapshot.md 9.3, 13, 14.
DIFFERENCES: dict[tuple[str, ...], tuple[int, str]] = {
    ("snapshot", "--toleration", "*"): (6, "11.1: * tolerates everything, as in v0.17; then there is no cluster"),
    ("snapshot", "--node-selector", "=v", "--timeout", "1s", "--kubeconfig", "CLOSED"): (2, "13.1: an empty key is bad input, found before the cluster is asked"),
    ("snapshot", "--template", "T", "-o", "cm://a/b"): (2, "9.2: refused for what it is"),
    ("snapshot", "-o", "/nodir/x.yaml"): (2, "9.3: a missing directory is noticed early, as bad input"),
    ("snapshot", "-o", "cm://a"): (2, "13.1: a bad URI is bad input"),
    ("snapshot", "-o", "cm:///x"): (2, "13.1: a bad URI is bad input"),
    ("snapshot", "-o", "cm://a/b/c", "--kubeconfig", "/nonexist"): (2, "13.1: a bad URI is bad input"),
    ("snapshot", "--kubeconfig", "/nonexist"): (3, "13.1: a missing file is NOT_FOUND"),
    ("snapshot", "KUBECONFIG=/nonexist"): (3, "13.1: a missing file is NOT_FOUND"),
    ("snapshot", "KUBECONFIG="): (3, "13.1: no configuration is NOT_FOUND"),
    ("snapshot", "--format="): (2, "13.2: bad input, as in v0.17"),
    ("snapshot", "--requests", "cpu"): (2, "11.1: a flag of v0.17 here"),
    ("snapshot", "--limits", "cpu=-1"): (2, "11.1: a flag of v0.17 here"),
    ("snapshot", "--limits", "cpu=1,cpu=2"): (2, "11.1: a flag of v0.17 here"),
    ("diff",): (2, "12: a command of v0.17 here, which lacks its --baseline"),
    ("diff", "--baseline", "/tmp/a.yaml"): (2, "12: a command of v0.17 here, which lacks its --target"),
}  # fmt: skip


def test_recorded_invocations(
    shared: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    recorded: Any = json.loads(
        (shared / "data/snapshots/cli/cases-v0.11.1.json").read_text("utf-8")
    )
    template = tmp_path / "t.tmpl"
    template.write_text("x")
    closed = tmp_path / "closed"
    closed.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "u", "user": {}}], "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }))  # fmt: skip
    places = {"/etc/t.tmpl": ("T", template), "/etc/kubeconfig_closed": ("CLOSED", closed)}
    wrong, seen = [], set()
    cases = [
        case
        for case in recorded
        if not case["argv"]
        or case["argv"][0]
        in ("snapshot", "diff", "--debug", "--log-json", "bogus", "help", "--version", "-v")
    ]
    assert len(cases) > 40
    for case in cases:
        argv = [str(places[word][1]) if word in places else word for word in case["argv"]]
        key = tuple(places[word][0] if word in places else word for word in case["argv"])
        with monkeypatch.context() as patch:
            patch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
            patch.setenv("KUBECONFIG", str(closed))
            patch.chdir(tmp_path)
            for name, value in case.get("environment", {}).items():
                patch.setenv(name, value)
                if name == "KUBECONFIG":
                    key = (*key, f"{name}={value}")
            status = run(argv)
        captured = capfd.readouterr()
        expected = DIFFERENCES.get(key, (case["exit"], ""))[0]
        seen.add(key)
        debugging = "--debug" in key or "AICR_DEBUG" in case.get("environment", {})
        if status != expected or ("Traceback" in captured.err and not debugging):
            wrong.append((key, status, expected, captured.err[-300:]))
    assert not wrong, "\n".join(map(str, wrong))
    assert set(DIFFERENCES) <= seen
