"""Criteria that the reference derives from snapshots: recorded readings, recorded rows, whole documents.

Agreement is exact, bar the deliberate differences below (spec/recipe.md B8, spec/snapshot.md 5.5 and 14.14).
"""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
from snapshots import snapshot

# (dimension, reading) -> (the reference's value, ours, why)
DIFFERENCES = {
    ("accelerator", "NVIDIA L40S"): (
        "l40",
        "any",
        "an L40S is no L40; no recipe of v0.11.1 is made for it",
    ),
    ("accelerator", "NVIDIA RTX A1000"): (
        "a100",
        "any",
        "a workstation card whose name merely holds the text",
    ),
    ("os", "amzn"): ("any", "amazonlinux", "it is what Amazon Linux writes into os-release"),
    ("service", "v1.30.0-eks"): ("any", "eks", "the mark needs no dash behind it"),
    ("service", "(node.provider=gke, version v1.32.4)"): (
        "any",
        "gke",
        "the cloud's own word is used",
    ),
}
# Criteria that rows of the golden recipes differ in: (dimension, what is read, theirs, ours). `*`: any value.
PROVIDER_FIRST = ("service", "K8s.node.provider", "*", "eks")
ROWS = {
    PROVIDER_FIRST: "the provider decides before marks in versions and before the service reading (B8)",
    ("accelerator", "NVIDIA L40S", "l40", "any"): "an L40S is no L40 (B8)",
    ("os", "amzn", "any", "amazonlinux"): "the real ID of Amazon Linux (B8)",
}


@pytest.fixture
def detect(environment: Any) -> Any:
    from aicr_core.engine import match

    values = environment.catalogue().criteria_values()
    matchers = list(environment.manager.named("aicr_matchers", "name").values())
    return lambda document: match.detect(document, values, matchers)


def _document(dimension: str, reading: str) -> dict[str, Any]:
    if dimension == "accelerator":
        return snapshot({"GPU.smi": {"gpu.model": reading}})
    if dimension == "os":
        return snapshot({"OS.release": {"ID": reading}})
    if reading.startswith("("):
        return snapshot({"K8s.server": {"version": "v1.32.4"}, "K8s.node": {"provider": "gke"}})
    return snapshot({"K8s.server": {"version": reading}})


def test_single_readings(shared: pathlib.Path, detect: Any) -> None:
    recorded = json.loads((shared / "data/snapshots/detection/criteria-v0.11.1.json").read_text())
    used = set()
    for dimension in recorded["inputs"]:
        for reading, theirs in recorded[dimension].items():
            found = detect(_document(dimension, reading)).criteria
            ours = found.pop(dimension, "any")
            assert found == {}, reading
            if ours != theirs:
                assert DIFFERENCES[dimension, reading][:2] == (theirs, ours), reading
                used.add((dimension, reading))
    assert used == set(DIFFERENCES)


def _read(path: pathlib.Path) -> Any:
    from aicr_core.engine import snapshots

    fmt = "json" if path.suffix == ".json" else "yaml"
    return snapshots.load(path.read_bytes(), path.name, fmt)[0]


def test_rows_of_the_golden_recipes(
    shared: pathlib.Path, tmp_path: pathlib.Path, detect: Any
) -> None:
    from golden_run import rows, write_files

    used, seen = set(), 0
    for number, row in enumerate(rows(shared / "data/golden/recipes.jsonl")):
        if row["set"] != "snapshot" or row["exit"]:
            continue
        folder = tmp_path / str(number)
        folder.mkdir()
        write_files(row, folder)
        found = detect(_read(next(folder.iterdir())))
        stated = {"accelerator" if word == "--gpu" else word[2:] for word in row["args"]}
        for dimension in {"service", "accelerator", "os"} - stated:
            seen += 1
            theirs, ours = row["criteria"][dimension], found.criteria.get(dimension, "any")
            if ours != theirs:
                used.add(_difference(dimension, theirs, ours, found, next(folder.iterdir())))
    assert used == set(ROWS)
    assert seen > 200


def _difference(dimension: str, theirs: str, ours: str, found: Any, path: pathlib.Path) -> Any:
    reads = {one.reading for one in found.evidence if one.dimension == dimension and not one.unused}
    if dimension == "service":
        return (dimension, ",".join(sorted(reads)), "*", ours)
    text = path.read_text("utf-8")
    said = next((key[1] for key in ROWS if key[0] == dimension and key[1] in text), "")
    return (dimension, said, theirs, ours)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("examples/mock-eks-training.yaml", {"os": "ubuntu"}),
        ("golden/full-v0.11.1.yaml", {"service": "eks", "accelerator": "h100", "os": "ubuntu"}),
        ("golden/full-v0.17.yaml", {"service": "eks", "accelerator": "h100", "os": "ubuntu"}),
        ("golden/full-v0.11.1.json", {"service": "eks", "accelerator": "h100", "os": "ubuntu"}),
    ],
)
def test_whole_documents(
    name: str, expected: dict[str, str], shared: pathlib.Path, detect: Any
) -> None:
    """The example and the whole-run goldens give the reference's criteria, and no source contradicts another."""
    found = detect(_read(shared / "data/snapshots" / name))
    assert found.criteria == expected
    assert found.notes == ()


def test_the_later_catalogue_knows_more(detect: Any, environment: Any) -> None:
    """What v0.11.1 leaves out with a note, a catalogue with the values of v0.17 uses (spec/recipe.md 22.5)."""
    from test_recipes import V017_VALUES

    from aicr_core.engine import match

    document = snapshot(
        {
            "GPU.hardware": {"model": "h200"},
            "OS.release": {"ID": "ol"},
            "K8s.node": {"provider": "lke"},
        }
    )
    found = detect(document)
    assert found.criteria == {}
    assert [text for _, text in found.notes] == [
        "accelerator h200 (GPU.hardware.model) is no value of the catalogue in use",
        "os ol (OS.release.ID) is no value of the catalogue in use",
    ]
    values = {name: {value: {} for value in known} for name, known in V017_VALUES.items()}
    matchers = environment.manager.named("aicr_matchers", "name").values()
    later = match.detect(document, values, matchers).criteria
    assert later == {"service": "lke", "accelerator": "h200", "os": "ol"}
