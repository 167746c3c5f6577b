"""Golden verdicts of the reference on bundles with complete signatures, made by a local authority and log.

What we decide otherwise on purpose stands in the list below; nothing else may differ, and an entry that no case needs
any more fails.
"""

from __future__ import annotations

import gzip
import json
import os
import pathlib
from typing import Any

import pytest
from golden_run import run

pytest.importorskip("aicr_sigstore")

# case: (exit, error code, text of the error, why)
DIFFERENT = {
    "unlisted-file": (4, "UNAUTHORIZED", "extra/evil.yaml is not listed", "F10, B-31: closed world"),
    "empty-checksums": (4, "UNAUTHORIZED", "lists nothing", "B-31: a list of nothing vouches for nothing"),
    "binary-without-bundle-attestation": (
        4, "UNAUTHORIZED", "is there without", "B-31: what it is about was taken away"
    ),
}  # fmt: skip
OURS = {"verdict", "policyFailures", "trustReason", "coverage", "bundleIssuer"}


def _rows(shared: pathlib.Path) -> list[dict[str, Any]]:
    with gzip.open(shared / "data/golden/verify/cases.jsonl.gz", "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def _code(stderr: str) -> str | None:
    return stderr.partition("]")[0].removeprefix("[") if stderr.startswith("[") else None


def test_verdicts(shared: pathlib.Path, tmp_path: pathlib.Path, environment: Any) -> None:
    root = shared / "data/golden/verify/trusted_root.json"
    failures = []
    used = set()
    rows = _rows(shared)
    for row in rows:
        folder = tmp_path / row["case"]
        for path, text in row["files"].items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(text.encode("utf-8"))
        words = ["verify", str(folder), "--format", "json", "--trust-root", str(root)]
        status, out, err = run([*words, *row["args"]], environment)
        assert "Traceback" not in err, row["case"]
        want = (row["exit"], row["error_code"])
        if row["case"] in DIFFERENT:
            exit_status, code, text, _ = DIFFERENT[row["case"]]
            assert row["exit"] == 0, "the reference accepts it"
            assert (status, _code(err)) == (exit_status, code), err
            assert text in err
            assert json.loads(out)["verdict"] == "failed"
            used.add(row["case"])
            continue
        got = json.loads(out) if out else None
        if (status, _code(err)) != want:
            failures.append(f"{row['case']}: {status} {_code(err)}, expected {want}: {err}")
        elif (got is None) != (row["result"] is None):
            failures.append(f"{row['case']}: {got}, expected {row['result']}")
        elif got is not None:
            assert (got["verdict"] == "passed") is (status == 0)
            assert (status == 2) is bool(got.get("policyFailures"))
            got["error_count"] = len(got.pop("errors", ()))
            theirs = {"error_count": 0, **row["result"]}
            ours = {key: value for key, value in got.items() if key not in OURS}
            if ours != theirs:
                failures.append(f"{row['case']}: {ours}, expected {theirs}")
    assert not failures, "\n".join(failures)
    assert used == set(DIFFERENT)
    assert len(rows) >= 40


def test_no_connection_is_made(
    shared: pathlib.Path, tmp_path: pathlib.Path, environment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B-32: also with an empty home, where no root was ever fetched."""
    import socket

    def refuse(*_arguments: Any, **_more: Any) -> Any:
        raise AssertionError("a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("HOME", str(tmp_path / "empty"))
    row = next(row for row in _rows(shared) if row["case"] == "full")
    for path, text in row["files"].items():
        (tmp_path / "b" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "b" / path).write_bytes(text.encode("utf-8"))
    root = shared / "data/golden/verify/trusted_root.json"
    status, _, err = run(["verify", str(tmp_path / "b"), "--trust-root", str(root)], environment)
    assert (status, err) == (0, "")
    # The public root is used, and does not know the local authority that signed this.
    status, _, err = run(["verify", str(tmp_path / "b")], environment)
    assert status == 2
    assert "Traceback" not in err
    assert not os.path.exists(tmp_path / "empty"), "nothing is written for verifying"
