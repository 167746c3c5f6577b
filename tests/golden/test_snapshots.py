"""Reading and comparing snapshots agrees with the recorded runs of the reference, bar one list."""

from __future__ import annotations

import json
import os
import pathlib
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from emulated_cluster import FakeCluster
from golden_run import run

from aicr_core.app.environment import Environment
from aicr_core.engine import diff, drift, snapshots
from aicr_core.kit import yamlio
from aicr_core.model.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# Where ours differs from the recorded v0.11.1 on purpose, with the reason: spec/snapshot.md 10 ("Ours").
READS: dict[str, tuple[int, str]] = {
    "IN/s.txt": (2, "a table is the user's mistake, not ours"),
    "IN/s.table": (2, "a table is the user's mistake, not ours"),
    "IN/yaml.noext": (0, "the content decides when the name says nothing"),
    "IN/yaml-in.json": (2, "bad input is exit 2"),
    "IN/empty.yaml": (2, "bad input is exit 2"),
    "IN/empty.json": (2, "bad input is exit 2"),
    "IN/list.yaml": (2, "bad input is exit 2"),
    "IN/scalar.yaml": (2, "bad input is exit 2"),
    "IN/bad.yaml": (2, "bad input is exit 2"),
    "IN/tab.yaml": (2, "bad input is exit 2"),
    "IN/kind-recipe.yaml": (2, "another kind of document is refused by name"),
    "IN/other-apiversion.yaml": (2, "a version nobody knows is refused"),
    "/missing.yaml": (3, "a missing file is NOT_FOUND"),
    "/missing.json": (3, "a missing file is NOT_FOUND"),
    "IN": (2, "a directory is bad input"),
    "": (2, "no criteria is exit 2 (B1)"),
    "http://HTTPOK/404.yaml": (3, "404 is NOT_FOUND"),
    "http://HTTPCLOSED/s.yaml": (6, "an unreachable server is SERVICE_UNAVAILABLE"),
    "http://HTTPOK/s.yaml?x=1": (0, "the path of a URL decides, not its query (B6)"),
    "cm://default/none": (3, "a missing ConfigMap is NOT_FOUND"),
    "cm://bad": (2, "a bad URI is bad input"),
    "cm:///x": (2, "a bad URI is bad input"),
    "cm://default/table": (2, "a table is the user's mistake, not ours"),
    "cm://default/otherkey": (3, "no snapshot in it is NOT_FOUND"),
    "cm://default/empty": (3, "no snapshot in it is NOT_FOUND"),
    "cm://default/emptyval": (2, "bad input is exit 2"),
}


@pytest.fixture
def cases(shared: pathlib.Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (shared / "data/snapshots/read/cases-v0.11.1.json").read_text("utf-8")
    )
    return found


@pytest.fixture
def served(cases: dict[str, Any], tmp_path: pathlib.Path) -> Iterator[str]:
    folder = tmp_path / "http"
    folder.mkdir()
    for name, content in cases["files"].items():
        (folder / name).write_text(content, "utf-8")

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(folder))

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_reading(
    cases: dict[str, Any], served: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "IN"
    folder.mkdir()
    for name, content in cases["files"].items():
        (folder / name).write_text(content, "utf-8")
    wrong, seen = [], set()
    with FakeCluster() as cluster:
        for name, data in cases["configmaps (namespace default)"].items():
            metadata = {"name": name, "namespace": "default"}
            cluster.add(
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
            )
        kubeconfig = cluster.kubeconfig(tmp_path / "kubeconfig")
        environment = Environment(Settings.from_env(os.environ))
        for case in cases["cases"]:
            source = case["source"]
            place = source.replace("HTTPOK", served).replace("HTTPCLOSED", "127.0.0.1:9")
            place = str(folder) + place[2:] if place.startswith("IN") else place
            arguments = [
                "recipe",
                "--snapshot",
                place,
                "--kubeconfig",
                kubeconfig,
                "--allow-partial",
                "-t",
                "json",
            ]
            status, out, err = run(arguments, environment)
            expected = READS.get(source, (case["exit"], ""))[0]
            if source in READS:
                seen.add(source)
            criteria = json.loads(out)["criteria"] if status == 0 else None
            wanted = case["criteria"] if case["exit"] == 0 else criteria
            if status != expected or (status == 0 and criteria != wanted):
                wrong.append((source, status, expected, criteria, wanted, err))
    assert not wrong
    assert seen == set(READS)


def test_the_example(shared: pathlib.Path) -> None:
    """A snapshot without kind and apiVersion, as early versions wrote it."""
    path = shared / "data/snapshots/examples/mock-eks-training.yaml"
    document, warnings = snapshots.load(path.read_bytes(), "x")
    assert document["measurements"]
    assert warnings == []


def test_diff(shared: pathlib.Path, tmp_path: pathlib.Path) -> None:
    folder = shared / "data/snapshots/diff"
    first, second = (
        snapshots.load((folder / name).read_bytes(), name)[0] for name in ("a.yaml", "b.yaml")
    )
    recorded = json.loads((folder / "cases-v0.17.json").read_text("utf-8"))
    whole = next(case for case in recorded["cases"] if case["argv"][-2:] == ["-t", "json"] and case["exit"] == 0
                 and "/tmp/b.yaml" in case["argv"])  # fmt: skip
    golden = json.loads(whole["stdout"])
    # Without rules every severity is info, as in the reference.
    result = diff.compare(first, second, drift.Rules())
    # Deliberately different (14.9): the reference does not look into items.
    assert [change for change in result["changes"] if "[" not in change["path"]] == golden[
        "changes"
    ]
    assert [change["path"] for change in result["changes"] if "[" in change["path"]] == [
        "NetworkTopology.pfs[pciAddress=x].@pciAddress", "NetworkTopology.pfs[pciAddress=x].rail",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["a.yaml", "b.yaml"])
def test_a_snapshot_does_not_differ_from_itself(shared: pathlib.Path, name: str) -> None:
    data = (shared / "data/snapshots/diff" / name).read_bytes()
    document, _ = snapshots.load(data, name)
    assert diff.compare(document, document, drift.Rules())["changes"] == []


@pytest.mark.parametrize("version", ["v0.11.1", "v0.17"])
def test_a_yaml_and_a_json_copy_of_a_run_are_equal(shared: pathlib.Path, version: str) -> None:
    folder = shared / "data/snapshots/golden"
    first, _ = snapshots.load((folder / f"full-{version}.yaml").read_bytes(), "a")
    second, _ = snapshots.load((folder / f"full-{version}.json").read_bytes(), "b", "json")
    environment = Environment(Settings.from_env(os.environ))
    from aicr_core.app.drift import shipped_rules

    changes = diff.compare(first, second, shipped_rules(environment))["changes"]
    # The copies are of two runs: the reference's random taints are all that is left.
    assert {change["path"].rpartition(".")[0] for change in changes} <= {
        "NodeTopology.taint.dup", "NodeTopology.taint.nvidia.com/gpu",
    }  # fmt: skip


def test_the_fast_reader_reads_what_the_reference_writes(shared: pathlib.Path) -> None:
    from aicr_core.kit import fastyaml

    for version in ("v0.11.1", "v0.17"):
        text = (shared / f"data/snapshots/golden/full-{version}.yaml").read_text("utf-8")
        assert fastyaml.load(text) == yamlio.load(text, "x")
