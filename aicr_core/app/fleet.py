"""Use cases of ``aicr fleet``: put snapshots of many nodes together, report on them, hold them to a recipe."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aicr_core._version import __version__
from aicr_core.app.drift import read_snapshot, shipped_rules
from aicr_core.engine import fleet, snapshots
from aicr_core.kit.clock import Clock
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from aicr_core.app.environment import Environment

Document = dict[str, Any]
_ENDINGS = (".yaml", ".yml", ".json", ".yaml.gz", ".yml.gz", ".json.gz")
_RANKS = {"critical": 0, "warn": 1, "info": 2}
_WARNINGS = 10
"""How many warnings of files are passed on; a thousand alike help nobody."""


class _Import:
    """The snapshots of files and directories, one by one, and what was odd about them."""

    def __init__(
        self, environment: Environment, places: Sequence[str], kubeconfig: str, limit: int
    ) -> None:
        self._environment = environment
        self._limit = limit
        self._places = places
        self._kubeconfig = kubeconfig
        self._seen: dict[str, str] = {}
        self.failed: list[Document] = []
        self.redaction: set[str] = set()
        self.warnings: list[str] = []

    def nodes(self) -> Iterator[tuple[str, Document]]:
        """Give (node, snapshot); fills the attributes on the way. Raises AicrError for a node given twice."""
        for prefix, path in _files(self._places):
            try:
                document, odd = read_snapshot(
                    self._environment, path, kubeconfig=self._kubeconfig, limit=self._limit
                )
            except AicrError as error:
                self.failed.append(
                    {"node": prefix + _stem(path), "reason": str(error.code), "message": str(error)}
                )
                continue
            self.warnings.extend(odd)
            if "fleet" in document:
                self.warnings.append(f"{path}: it is a fleet, not the snapshot of a node; left out")
                continue
            metadata = document.get("metadata", {})
            name = prefix + (str(metadata.get("source-node") or "") or _stem(path))
            if name in self._seen:
                raise AicrError(
                    Code.INVALID_REQUEST, f"{path} and {self._seen[name]} are both of node {name}",
                    hint="give one snapshot of each node; nodes of several clusters in a directory each",
                )  # fmt: skip
            self._seen[name] = path
            self.redaction.add(str(metadata.get("redaction") or "none"))
            yield name, document


def import_nodes(
    environment: Environment,
    places: Sequence[str],
    *,
    kubeconfig: str = "",
    limit: int = snapshots.MAX_BYTES,
) -> tuple[Document, list[str]]:
    """Give the FleetSnapshot of files and directories of snapshots, and what to warn of.

    A node is named by the snapshot's ``source-node``, else by its file; below a directory that is one of several the
    directory's name stands before it (``cluster-a/node-1``). A file that cannot be read, or is over ``limit`` bytes,
    counts as a failed node. Raises AicrError when nothing can be read.
    """
    found = _Import(environment, places, kubeconfig, limit)
    document = fleet.build("import", found.nodes(), found.failed, [], shipped_rules(environment))
    warnings = found.warnings
    if not document["fleet"]["groups"]:
        reason = next((item["message"] for item in found.failed), None) or next(
            iter(warnings), None
        )
        raise AicrError(
            Code.INVALID_REQUEST,
            f"no snapshot of a node could be read: {reason or 'there are no snapshot files'}",
            hint=f"files end in {', '.join(_ENDINGS[:3])}, perhaps with .gz",
        )
    if len(warnings) > _WARNINGS:
        warnings = [*warnings[:_WARNINGS], f"{len(warnings) - _WARNINGS} more such warnings"]
    stamp = Clock.from_env(environment.settings.env).stamp()
    metadata = {"timestamp": stamp, "version": __version__, **document["metadata"]}
    if len(found.redaction) == 1 and "none" not in found.redaction:
        metadata["redaction"] = found.redaction.pop()
    return {**document, "metadata": metadata}, warnings


def _files(places: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Give (prefix of node names, path) of every snapshot file, in an order that does not depend on the disk."""
    folders = [place for place in places if "://" not in place and os.path.isdir(place)]
    names = [os.path.basename(os.path.abspath(folder)) for folder in folders]
    for place in places:
        if place not in folders:
            yield "", place
            continue
        name = os.path.basename(os.path.abspath(place))
        if names.count(name) > 1:
            name = place.rstrip("/")
        prefix = f"{name}/" if len(folders) > 1 else ""
        for folder, below, files in os.walk(place):
            below.sort()
            for file in sorted(files):
                if file.lower().endswith(_ENDINGS):
                    yield prefix, os.path.join(folder, file)


def _stem(path: str) -> str:
    name = os.path.basename(path)
    for ending in sorted(_ENDINGS, key=len, reverse=True):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


def open_fleet(
    environment: Environment,
    places: Sequence[str],
    *,
    kubeconfig: str = "",
    limit: int = snapshots.MAX_BYTES,
) -> tuple[Document, list[str]]:
    """Give the fleet that one source holds, or put several together. Raises AicrError."""
    if len(places) == 1 and not os.path.isdir(places[0]):
        document, warnings = read_snapshot(
            environment, places[0], kubeconfig=kubeconfig, limit=limit
        )
        if "fleet" in document:
            return document, warnings
    return import_nodes(environment, places, kubeconfig=kubeconfig, limit=limit)


def report(document: Document, severity_of: Callable[[str], str]) -> Document:
    """Give the report on a fleet: groups by size, outliers worst first, nodes without a snapshot.

    ``severity_of`` gives the class of a path; a group is as bad as its worst difference, and of equally bad ones the
    rarest stands first.
    """
    body = document["fleet"]
    groups, outliers = [], []
    for group in body["groups"]:
        groups.append(
            {
                "id": group["id"],
                "size": len(group["nodes"]),
                "base": "base" not in group,
                "nodes": group["nodes"],
            }
        )
        differs = [
            {**entry, "severity": severity_of(entry["path"])} for entry in group.get("differs", ())
        ]
        if differs:
            differs.sort(key=lambda entry: (_rank(entry["severity"]), entry["path"]))
            outliers.append(
                {
                    "group": group["id"],
                    "nodes": group["nodes"],
                    "severity": differs[0]["severity"],
                    "differs": differs,
                }
            )
    outliers.sort(key=lambda item: (_rank(item["severity"]), len(item["nodes"]), item["nodes"]))
    return {
        "nodes": counts(document),
        "groups": groups,
        "outliers": outliers,
        "failed": body.get("failed", []),
    }


def _rank(severity: str) -> int:
    return _RANKS.get(severity, len(_RANKS))


def counts(document: Document) -> dict[str, int]:
    """Give how many nodes were to be measured, were, and were not, counted where the document does not say."""
    body = document["fleet"]
    collected = sum(len(group["nodes"]) for group in body["groups"])
    failed = len(body.get("failed", ()))
    stated = body.get("nodes", {})
    return {
        "desired": stated.get("desired", collected + failed),
        "collected": stated.get("collected", collected),
        "failed": stated.get("failed", failed),
    }


def check(recipe: Document, document: Document, quorum: str) -> Document:
    """Evaluate the recipe's constraints for each node; give the verdict with every failing node.

    ``quorum`` is ``all``, ``majority`` or a percentage of the nodes that were to be measured: a node without a snapshot
    satisfies nothing. Raises AicrError for another text.
    """
    desired = counts(document)["desired"]
    needed = _needed(quorum, desired)
    groups = document["fleet"]["groups"]
    results = []
    bad: set[str] = set()
    for constraint in recipe.get("constraints", ()):
        failing: list[Document] = []
        for group in groups:
            problem = _problem(document, group, constraint)
            if problem:
                failing += [{"node": node, **problem} for node in group["nodes"]]
        failing.sort(key=lambda item: str(item["node"]))
        bad.update(item["node"] for item in failing)
        results.append(
            {
                "constraint": constraint["name"],
                "expected": constraint.get("value", ""),
                "passed": counts(document)["collected"] - len(failing),
                "failed": failing,
            }
        )
    good = counts(document)["collected"] - len(bad)
    return {
        "passed": good >= needed,
        "quorum": quorum,
        "nodes": desired,
        "good": good,
        "needed": needed,
        "results": results,
        "failed": document["fleet"].get("failed", []),
    }


def _problem(document: Document, group: Document, constraint: Document) -> Document | None:
    """Give what the nodes of a group have and why it does not satisfy a constraint; None when it does."""
    from aicr_core.kit import constraints

    expected, actual = constraint.get("value", ""), ""
    try:
        actual = fleet.reading(document, group.get("differs", ()), constraint["name"])
        if constraints.evaluate(expected, actual):
            return None
        return {"actual": actual, "reason": f"expected {expected}, got {actual}"}
    except AicrError as error:
        return {"actual": actual, "reason": error.message}


def _needed(quorum: str, desired: int) -> int:
    if quorum == "all":
        return desired
    if quorum == "majority":
        return desired // 2 + 1
    number = quorum.removesuffix("%")
    if quorum.endswith("%") and number.isascii() and number.isdecimal() and len(number) < 4:
        percent = int(number)
        if 0 < percent <= 100:
            return -(-desired * percent // 100)
    raise AicrError(
        Code.INVALID_REQUEST, f'"{quorum}" is no quorum', where="--quorum",
        hint="write all, majority, or a percentage such as 95%",
    )  # fmt: skip
