"""All data roots of our packages together equal the recorded v0.11.1 catalogue, and manifests render as recorded.

Data is compared parsed, file by file; `DIFFERENCES` is the one list of places where ours is another on
purpose. A stale entry in it fails, too. How recipes are made of this data is tested elsewhere.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from aicr_core.engine import render
from aicr_core.kit import yamlio

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
ORACLE = SHARED / "catalogues" / "v0.11.1"
BUNDLES = SHARED / "golden" / "bundles"
ROOTS = sorted([*ROOT.glob("recipes/*/data"), *ROOT.glob("plugins/*/src/*/data")])

pytestmark = pytest.mark.skipif(not ORACLE.is_dir(), reason="../shared is not beside this checkout")

OWN_WORDS = "sentences are ours; the facts they state are the same"
ROLLOUT = "what a deployer has to know of a chart stands in its registry entry, not in a script"
SCRIPT = "the script is ours; it does the steps that the facts list"
OPEN_CRD = (
    "upstream's field schemas are not copied: own definitions, same names, versions and scopes"
)

# (file, dotted place in it) -> why ours is another. `*` is any index or key.
DIFFERENCES: dict[tuple[str, str], str] = {
    ("registry.yaml", "components.kai-scheduler.rollout"): ROLLOUT,
    ("registry.yaml", "components.kubeflow-trainer.rollout"): ROLLOUT,
    ("registry.yaml", "components.nvidia-dra-driver-gpu.rollout"): ROLLOUT,
    (
        "registry.yaml",
        "components.kube-prometheus-stack.nodeScheduling.system.nodeSelectorPaths.*",
    ): "B-10: the node exporter belongs on every node, so the system selector leaves it alone",
    ("registry.yaml", "components.skyhook-customizations.validations.*.message"): OWN_WORDS,
    ("validators/catalog.yaml", "*.validators.*.description"): OWN_WORDS,
    ("gpu-operator/manifests/dcgm-exporter.yaml", "*.data.dcgm-metrics.csv"): OWN_WORDS,
    (
        "skyhook-customizations/manifests/no-op.yaml",
        "*.spec.packages.no-op.configMap.apply.sh",
    ): SCRIPT,
    (
        "gke-nccl-tcpxo/manifests/nccl-tcpxo-installer.yaml",
        "*.spec.*.initContainers.*.args.*",
    ): SCRIPT,
    (
        "gke-nccl-tcpxo/manifests/nccl-tcpxo-installer.yaml",
        "*.spec.*.initContainers.*.command.*",
    ): SCRIPT,
    ("kgateway-crds/manifests/gateway-api-crds.yaml", "*.sha256"): OPEN_CRD,
    ("kgateway-crds/manifests/inference-extension-crds.yaml", "*.sha256"): OPEN_CRD,
}


def _named(value: Any) -> Any:
    """Lists of named things as maps by name, so that a place has a stable address."""
    if isinstance(value, dict):
        return {str(key): _named(item) for key, item in value.items()}
    if isinstance(value, list):
        if value and all(
            isinstance(item, dict) and isinstance(item.get("name"), str) for item in value
        ):
            names = [str(item["name"]) for item in value]
            if len(set(names)) == len(names):
                return {str(item["name"]): _named(item) for item in value}
        return {str(place): _named(item) for place, item in enumerate(value)}
    return value


def _unlike(ours: Any, theirs: Any, place: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found = []
        for key in sorted(ours.keys() | theirs.keys()):
            if key in ours and key in theirs:
                found += _unlike(ours[key], theirs[key], (*place, key))
            else:
                found.append((*place, key))
        return found
    same = ours == theirs and type(ours) is type(theirs)
    return [] if same else [place]


def _excused(file: str, place: tuple[str, ...]) -> tuple[str, str] | None:
    import fnmatch

    text = ".".join(place)
    for entry in DIFFERENCES:
        if entry[0] == file and fnmatch.fnmatchcase(text, entry[1]):
            return entry
    return None


def _catalogue_files() -> dict[str, list[Path]]:
    """Every YAML file of the union but manifests, which the oracle does not have."""
    files: dict[str, list[Path]] = {}
    for root in ROOTS:
        for path in sorted(root.rglob("*.yaml")):
            if "manifests" not in path.parts:
                files.setdefault(str(path.relative_to(root)), []).append(path)
    return files


def _documents(paths: list[Path]) -> Any:
    if paths[0].name == "registry.yaml":
        merged: dict[str, Any] = {}
        for path in paths:
            part = yamlio.load(path.read_bytes(), str(path))
            entries = part.pop("components")
            merged.update({**part, "components": [*merged.get("components", []), *entries]})
        return merged
    assert len(paths) == 1, f"two packages own {paths}"
    return yamlio.load_all(paths[0].read_bytes(), str(paths[0]))


def test_the_union_equals_the_recorded_catalogue() -> None:
    # Rules of drift, benchmark profiles and remedies are ours alone: the reference has no such files.
    own = ("drift/", "validators/profiles/", "validators/remediations/")
    ours = {file: places for file, places in _catalogue_files().items() if not file.startswith(own)}
    theirs = {str(path.relative_to(ORACLE)): [path] for path in ORACLE.rglob("*.yaml")}
    assert sorted(ours) == sorted(theirs)
    wrong, used = [], set()
    for file in sorted(theirs):
        for place in _unlike(_named(_documents(ours[file])), _named(_documents(theirs[file]))):
            entry = _excused(file, place)
            used.add(entry)
            if entry is None:
                wrong.append(f"{file}: {'.'.join(place)}")
    assert not wrong
    assert {entry for entry in DIFFERENCES if entry[0] in theirs} == used - {None}


def test_entries_of_one_component_have_one_owner() -> None:
    paths = _catalogue_files()["registry.yaml"]
    names = [entry["name"] for entry in _documents(paths)["components"]]
    assert sorted(names) == sorted(set(names))


def _lines(name: str) -> list[dict[str, Any]]:
    with gzip.open(BUNDLES / name) as stream:
        return [json.loads(line) for line in stream]


def _manifest(path: str) -> tuple[str, Path]:
    for root in ROOTS:
        for suffix in ("", ".j2"):
            if (root / (path + suffix)).is_file():
                return path + suffix, root / (path + suffix)
    raise AssertionError(f"no package has {path}")


def _rendered(reference: dict[str, Any], values: Any, path: str) -> str:
    context = {
        "Values": {reference["name"]: values},
        "Release": {"Namespace": reference.get("namespace", ""), "Service": "Helm"},
        "Chart": {
            "Name": reference.get("chart") or reference["name"],
            "Version": reference.get("version", "").removeprefix("v") or "0.1.0",
        },
    }
    name, file = _manifest(path)
    return render.manifest(file.read_text("utf-8"), name, context, reference["name"])


def _csv(text: str) -> list[list[str]]:
    """Field and type of each metric: what the exporter reads; the help text is for people."""
    lines = [line for line in text.split("\n") if line.strip() and not line.startswith("#")]
    assert all(len(line.split(",", 2)) == 3 and line.split(",", 2)[2].strip() for line in lines)
    return [[part.strip() for part in line.split(",", 2)[:2]] for line in lines]


def _comparable(document: Any) -> Any:
    if document.get("kind") == "CustomResourceDefinition" and "spec" in document:
        return {
            "kind": document["kind"],
            "name": document["metadata"]["name"],
            "sha256": "ours",
        }
    return document


def test_manifests_render_as_recorded() -> None:
    documents = json.loads(gzip.decompress((BUNDLES / "docs.json.gz").read_bytes()))
    recipes = {line["name"]: line["recipe"] for line in _lines("recipes.jsonl.gz")}
    wrong, used, compared = set(), set(), 0
    for case in _lines("cases.jsonl.gz"):
        if case["deployer"] != "helm" or case["exit"] != 0:
            continue
        recorded = case.get("manifests", {})
        for reference in recipes[case["recipe"]]["componentRefs"]:
            if reference["name"] not in case["values"]:
                continue
            for path in reference.get("manifestFiles", []):
                file = f"{reference['name']}/manifests/{path.rsplit('/', 1)[1]}"
                text = _rendered(reference, case["values"][reference["name"]], path)
                if render.is_blank(text):
                    assert file not in recorded, f"{case['case']}: {file} is missing"
                    continue
                compared += 1
                ours = [_comparable(doc) for doc in yamlio.load_all(text.encode(), file) if doc]
                theirs = [documents[d["$doc"]] if "$doc" in d else d for d in recorded[file]]
                for one, other in zip(ours, theirs, strict=True):
                    if file.endswith("dcgm-exporter.yaml"):
                        key = "dcgm-metrics.csv"
                        assert _csv(one["data"][key]) == _csv(other["data"][key])
                for place in _unlike(_named(ours), _named(theirs)):
                    entry = _excused(file, place)
                    used.add(entry)
                    if entry is None:
                        wrong.add(f"{file}: {'.'.join(place)}")
    assert not wrong
    assert compared > 200
    assert {entry for entry in DIFFERENCES if "/manifests/" in entry[0]} == used - {None}
