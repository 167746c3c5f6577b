"""Run golden bundle cases in process and list every place where we differ from the reference."""

from __future__ import annotations

import gzip
import hashlib
import json
import pathlib
from typing import Any

from golden_run import run

from aicr_core.kit import yamlio

Row = dict[str, Any]
Found = tuple[str, Any, Any]
OURS = ("install.sh", "lib.sh", "releases.tsv", "inventory.json", "recipe.yaml", "bundle-info.yaml")


def lines(path: pathlib.Path) -> list[Row]:
    """Rows of a compressed JSON-lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def read_values(path: pathlib.Path) -> Any:
    """The parsed values of a component."""
    return yamlio.load(path.read_bytes(), str(path)) or {}


def canonical(document: Any) -> Any:
    """Custom resource definitions as kind, name and digest; everything else as it is."""
    if isinstance(document, dict) and document.get("kind") == "CustomResourceDefinition":
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return {
            "kind": document["kind"],
            "name": document["metadata"]["name"],
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
        }
    return document


def bundle(
    recipe: Any, argv: list[str], folder: pathlib.Path, environment: Any
) -> tuple[int, str, str, pathlib.Path]:
    """Write the recipe and run ``aicr bundle`` on it; give status, stdout, stderr and the folder."""
    source = folder / ("recipe.yaml" if isinstance(recipe, str) else "recipe.json")
    source.write_text(recipe if isinstance(recipe, str) else json.dumps(recipe), "utf-8")
    target = folder / "bundle"
    status, out, err = run(["bundle", "-r", str(source), "-o", str(target), *argv], environment)
    return status, out, err, target


def differences(want: Any, got: Any, path: str) -> list[Found]:
    """List (path, ours, theirs) of every difference; lists of tolerations are compared whole."""
    found: list[Found] = []
    if isinstance(want, dict) and isinstance(got, dict):
        for key in {**want, **got}:
            place = f"{path}.{key}"
            if key not in got:
                found.append((place, "absent", want[key]))
            elif key not in want:
                found.append((place, got[key], "absent"))
            else:
                found.extend(differences(want[key], got[key], place))
    elif (
        isinstance(want, list)
        and isinstance(got, list)
        and len(want) == len(got)
        and not path.endswith("olerations")
    ):
        for number, (left, right) in enumerate(zip(want, got, strict=True)):
            found.extend(differences(left, right, f"{path}[{number}]"))
    elif want != got or type(want) is not type(got):
        found.append((path, got, want))
    return found


def order(target: pathlib.Path) -> list[str]:
    """Component names in deployment order, from the release list."""
    text = (target / "releases.tsv").read_text("utf-8")
    return [line.split("\t")[0] for line in text.splitlines() if not line.startswith("#")]


def compare(row: Row, target: pathlib.Path, out: str, docs: dict[str, Any]) -> list[Found]:
    """List every difference between a written bundle and a golden case."""
    found: list[Found] = []
    for name, want in (row.get("values") or {}).items():
        got = read_values(target / name / "values.yaml")
        found.extend(differences(want, got, f"values {name}"))
    if order(target) != row["order"]:
        found.append(("order", order(target), row["order"]))
    listed = []
    for line in (target / "checksums.txt").read_text("utf-8").splitlines():
        digest, gap, path = line[:64], line[64:66], line[66:]
        if digest != hashlib.sha256((target / path).read_bytes()).hexdigest() or gap != "  ":
            found.append((f"checksum {path}", line, "sha256, two blanks, path"))
        if path.rpartition("/")[2] not in OURS:
            listed.append(path)
    if listed != row["checksums_order"]:
        found.append(("checksums", listed, row["checksums_order"]))
    for path, want in (row.get("manifests") or {}).items():
        text = (target / path).read_bytes()
        got = [canonical(doc) for doc in yamlio.load_all(text, path) if doc is not None]
        wanted = [docs[doc["$doc"]] if "$doc" in doc else doc for doc in want]
        found.extend(differences(wanted, got, f"manifest {path}"))
    for component, flag in row.get("warnings") or []:
        if not any(component in line and flag in line for line in out.splitlines()):
            found.append(("warning", "absent", f"{component} {flag}"))
    return found
