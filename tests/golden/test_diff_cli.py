"""``aicr diff`` against the recorded invocations of the reference v0.17, bar one list.

v0.17 knows no rules: one rule that calls everything ``info`` gives its severities.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
from typing import Any

import pytest
from golden_run import run

from aicr_core.app.environment import Environment
from aicr_core.model.settings import Settings

# Where ours differs on purpose: the argument that makes the difference -> (exit, reason).
EXITS = {
    "old.yaml": (0, "every generation of the artifact is read (spec/snapshot.md 10, Ours)"),
    "kindr.yaml": (2, "another kind of document is refused by name (spec/snapshot.md 10, Ours)"),
}
# Two further differences hold for every case:
# * a table has the column SEVERITY, because severities are real here (14.9);
# * `items` are compared (14.9), v0.17 ignores them: the copy of b.yaml below has none, and the last test shows them.


@pytest.fixture
def files(shared: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    folder = shared / "data/snapshots/diff"
    first, second = ((folder / name).read_text("utf-8") for name in ("a.yaml", "b.yaml"))
    plain = re.sub(r"(?m)^  - type: NetworkTopology\n(?:    .*\n)+", "", second)
    assert "items" not in plain
    versions = {
        "a.yaml": first,
        "b.yaml": plain,
        "old.yaml": first.replace("aicr.run/v1alpha2", "aicr.nvidia.com/v1alpha1"),
        "noapi.yaml": first.replace("apiVersion: aicr.run/v1alpha2\n", ""),
        "kindr.yaml": first.replace("kind: Snapshot", "kind: Recipe"),
        "items.yaml": second,
        "rules.yaml": "kind: DriftRules\nrules:\n  - class: info\n    paths: ['*']\n",
    }
    for name, text in versions.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def without_severity(table: str) -> list[list[str]]:
    """Cut a table into cells and drop our further column."""
    lines = [re.split(r" {2,}", line) for line in table.splitlines()]
    return [[*cells[:2], *cells[3:]] if len(cells) == 5 else cells for cells in lines]


def test_the_recorded_invocations(files: pathlib.Path, shared: pathlib.Path) -> None:
    recorded = json.loads((shared / "data/snapshots/diff/cases-v0.17.json").read_text("utf-8"))
    environment = Environment(Settings.from_env(os.environ))
    wrong, seen = [], set()
    for case in recorded["cases"]:
        argv = [word.replace("/tmp/", f"{files}/") for word in case["argv"]]
        if argv[1:]:
            argv += ["--rules", str(files / "rules.yaml")]
        status, out, err = run(argv, environment)
        out = out.replace(f"{files}/", "/tmp/")
        special = next((name for name in EXITS if f"{files}/{name}" in argv), None)
        if special:
            seen.add(special)
            if status != EXITS[special][0]:
                wrong.append((case["argv"], status, err))
            continue
        same = out == case["stdout"]
        if "table" in argv:
            same = without_severity(out) == without_severity(case["stdout"])
        codes = re.findall(r"\[([A-Z_]+)\]", " ".join(case["stderr"]))[:1]
        if status != case["exit"] or not same or re.findall(r"\[([A-Z_]+)\]", err)[:1] != codes:
            wrong.append((case["argv"], status, out, err))
    assert not wrong
    assert len(recorded["cases"]) == 15
    assert seen == set(EXITS)


def test_items_are_compared_where_the_reference_ignores_them(files: pathlib.Path) -> None:
    environment = Environment(Settings.from_env(os.environ))
    argv = [
        "diff",
        "-b",
        str(files / "b.yaml"),
        "--target",
        str(files / "items.yaml"),
        "-t",
        "json",
    ]
    status, out, _ = run(argv, environment)
    found: dict[str, Any] = json.loads(out)
    assert status == 0
    assert [change["path"] for change in found["changes"]] == [
        "NetworkTopology.pfs[pciAddress=x].@pciAddress",
        "NetworkTopology.pfs[pciAddress=x].rail",
    ]
