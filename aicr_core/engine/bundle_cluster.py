"""What is known of the cluster a bundle is for: its version of Kubernetes and its nodes, by snapshot or recipe."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aicr_core.kit.errors import AicrError, Code
from aicr_core.model.readings import readings

if TYPE_CHECKING:
    from collections.abc import Mapping

Document = dict[str, Any]
_VERSION = re.compile(r"v?(\d{1,3})\.(\d{1,3})(?:\.(\d{1,4}))?(?:[-+].*)?\Z")
_LOWEST = re.compile(r"\s*(?:>=|==|=)?\s*(v?\d+\.\d+\S*)\s*\Z")


def version(text: str) -> str:
    """Give ``1.33`` or ``1.33.2`` for a version of Kubernetes in any form; empty for what is none."""
    found = _VERSION.match(text.strip())
    if found is None:
        return ""
    parts = [str(int(part)) for part in found.groups() if part is not None]
    return ".".join(parts)


def asked_version(text: str, flag: str) -> str:
    """Give the version of a flag. Raises AicrError(INVALID_REQUEST)."""
    found = version(text)
    if text and not found:
        raise AicrError(
            Code.INVALID_REQUEST, f'"{text}" is no version of Kubernetes', where=flag, hint="write 1.33"
        )  # fmt: skip
    return found


def lowest_of_recipe(recipe: Mapping[str, Any]) -> str:
    """Give the lowest version that a recipe's own constraint allows; empty if it says nothing."""
    for entry in recipe.get("constraints") or ():
        if isinstance(entry, dict) and entry.get("name") == "K8s.server.version":
            found = _LOWEST.match(str(entry.get("value", "")))
            return version(found[1]) if found is not None else ""
    return ""


def version_of_snapshot(snapshot: Mapping[str, Any]) -> str:
    """Give the server's version of a snapshot; empty if it does not know."""
    known = dict(readings(snapshot, "K8s.server", "version"))
    return version(known.get("version", ""))


def nodes_of_snapshot(snapshot: Mapping[str, Any]) -> tuple[Document, ...] | None:
    """Give the nodes (``name``, ``labels``, ``taints``); None where the snapshot does not know them all.

    A snapshot turns nodes around: for each label and taint it has the nodes (spec/snapshot.md 7). Where a label key
    occurs with several values its entry is called ``key.value``; a node then gets both readings of an entry that can
    be read in two ways.
    """
    nodes: dict[str, Document] = {}

    def node(name: str) -> Document:
        return nodes.setdefault(name, {"name": name, "labels": {}, "taints": []})

    cells = readings(snapshot, "NodeTopology.label")
    if any(" more)" in cell for _, cell in cells):
        return None
    for key, cell in cells:
        value, _, names = cell.partition("|")
        for name in filter(None, names.split(",")):
            if value == "<node>":
                node(name)["labels"][key] = name
                continue
            node(name)["labels"][key] = value
            if value and key.endswith(f".{value}"):
                node(name)["labels"][key.removesuffix(f".{value}")] = value
    for key, cell in readings(snapshot, "NodeTopology.taint"):
        parts = cell.split("|")
        if len(parts) == 2:
            # A key with several effects: the effect stands in the entry's name.
            key, _, effect = key.rpartition(".")
            parts = [effect, *parts]
        effect, value, names = (*parts, "", "")[:3]
        for name in filter(None, names.split(",")):
            node(name)["taints"].append({"key": key, "value": value, "effect": effect})
    count = dict(readings(snapshot, "NodeTopology.summary")).get("node-count", "")
    if not nodes or (count.isdigit() and int(count) != len(nodes)):
        return None
    return tuple(nodes[name] for name in sorted(nodes))
