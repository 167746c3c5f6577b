"""Use cases of ``aicr fleet``: put snapshots of many nodes together, report on them, hold them to a recipe."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aicr_core._version import __version__
from aicr_core.app.drift import read_snapshot, shipped_rules
from aicr_core.engine import fleet
from aicr_core.kit.clock import Clock
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aicr_core.app.environment import Environment

Document = dict[str, Any]
_ENDINGS = (".yaml", ".yml", ".json", ".yaml.gz", ".yml.gz", ".json.gz")


def import_nodes(
    environment: Environment, places: Sequence[str], *, kubeconfig: str = ""
) -> tuple[Document, list[str]]:
    """Give the FleetSnapshot of files and directories of snapshots, and what to warn of.

    A node is named by the snapshot's ``source-node``, else by its file; below a directory that is one of several the
    directory's name stands before it (``cluster-a/node-1``). A file that cannot be read counts as a failed node. Raises
    AicrError when nothing can be read.
    """
    warnings: list[str] = []
    failed: list[Document] = []
    seen: dict[str, str] = {}

    def nodes() -> Iterator[tuple[str, Document]]:
        for prefix, path in _files(places):
            try:
                document, odd = read_snapshot(environment, path, kubeconfig=kubeconfig)
            except AicrError as error:
                failed.append(
                    {"node": prefix + _stem(path), "reason": str(error.code), "message": str(error)}
                )
                continue
            warnings.extend(odd)
            name = prefix + (
                str(document.get("metadata", {}).get("source-node") or "") or _stem(path)
            )
            if name in seen:
                raise AicrError(
                    Code.INVALID_REQUEST, f"{path} and {seen[name]} are both of node {name}",
                    hint="give one snapshot of each node",
                )  # fmt: skip
            seen[name] = path
            yield name, document

    document = fleet.build("import", nodes(), failed, [], shipped_rules(environment))
    if not document["fleet"]["groups"]:
        first = failed[0]["message"] if failed else "no snapshot files were found"
        raise AicrError(Code.INVALID_REQUEST, f"no snapshot could be read: {first}")
    stamp = Clock.from_env(environment.settings.env).stamp()
    document["metadata"] = {"timestamp": stamp, "version": __version__, **document["metadata"]}
    return document, warnings


def _files(places: Sequence[str]) -> Iterator[tuple[str, str]]:
    folders = [place for place in places if "://" not in place and os.path.isdir(place)]
    for place in places:
        if place not in folders:
            yield "", place
            continue
        prefix = f"{os.path.basename(os.path.abspath(place))}/" if len(folders) > 1 else ""
        for folder, names, files in os.walk(place):
            names.sort()
            for name in sorted(files):
                if name.lower().endswith(_ENDINGS):
                    yield prefix, os.path.join(folder, name)


def _stem(path: str) -> str:
    name = os.path.basename(path)
    for ending in sorted(_ENDINGS, key=len, reverse=True):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


def open_fleet(
    environment: Environment, places: Sequence[str], *, kubeconfig: str = ""
) -> tuple[Document, list[str]]:
    """Give the fleet that one source holds, or put several together. Raises AicrError."""
    if len(places) == 1 and not os.path.isdir(places[0]):
        document, warnings = read_snapshot(environment, places[0], kubeconfig=kubeconfig)
        if "fleet" in document:
            return document, warnings
    return import_nodes(environment, places, kubeconfig=kubeconfig)


def report(document: Document, rules_of: Any) -> Document:
    """Give the report on a fleet: groups by size, outlier nodes worst first, nodes without a snapshot.

    ``rules_of`` gives the class of a path; a node is as bad as its worst difference.
    """
    ranks = {"critical": 0, "warn": 1, "info": 2}
    body = document["fleet"]
    outliers = []
    for group in body["groups"]:
        differs = [
            {**entry, "severity": rules_of(entry["path"])} for entry in group.get("differs", ())
        ]
        if differs:
            differs.sort(key=lambda entry: (ranks.get(entry["severity"], 3), entry["path"]))
            outliers += [{"node": node, "group": group["id"], "severity": differs[0]["severity"], "differs": differs}
                         for node in group["nodes"]]  # fmt: skip
    outliers.sort(
        key=lambda item: (ranks.get(item["severity"], 3), -len(item["differs"]), item["node"])
    )
    groups = [{"id": group["id"], "size": len(group["nodes"]), "base": "base" not in group, "nodes": group["nodes"]}
              for group in body["groups"]]  # fmt: skip
    return {
        "nodes": body["nodes"],
        "groups": groups,
        "outliers": outliers,
        "failed": body["failed"],
    }


def check(recipe: Document, document: Document, quorum: str) -> Document:
    """Evaluate the recipe's constraints for each node; give the verdict with every failing node.

    ``quorum`` is ``all``, ``majority`` or a percentage of the desired nodes. Raises AicrError for another text.
    """
    from aicr_core.engine import constraints

    nodes = fleet.nodes_of(document)
    results = []
    for constraint in recipe.get("constraints", ()):
        failing: list[Document] = []
        for node, differs in nodes:
            actual = ""
            try:
                actual = fleet.reading(document, differs, constraint["name"])
                if constraints.evaluate(constraint.get("value", ""), actual):
                    continue
                reason = f"expected {constraint.get('value', '')}, got {actual}"
            except AicrError as error:
                reason = error.message
            failing.append({"node": node, "actual": actual, "reason": reason})
        results.append({"constraint": constraint["name"], "expected": constraint.get("value", ""),
                        "passed": len(nodes) - len(failing), "failed": failing})  # fmt: skip
    desired = document["fleet"]["nodes"]["desired"]
    bad = {item["node"] for result in results for item in result["failed"]}
    good = len(nodes) - len(bad)
    needed = _needed(quorum, desired)
    return {"passed": good >= needed, "quorum": quorum, "nodes": desired, "good": good, "needed": needed,
            "results": results, "failed": document["fleet"]["failed"]}  # fmt: skip


def _needed(quorum: str, desired: int) -> int:
    if quorum == "all":
        return desired
    if quorum == "majority":
        return desired // 2 + 1
    number = quorum.removesuffix("%")
    if quorum.endswith("%") and number.isdecimal() and 0 < int(number) <= 100:
        return -(-desired * int(number) // 100)
    raise AicrError(Code.INVALID_REQUEST, f'"{quorum}" is no quorum', where="--quorum",
                    hint="write all, majority, or a percentage such as 95%")  # fmt: skip
