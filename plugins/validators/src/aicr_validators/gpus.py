"""Which nodes have GPUs, and which of them are at work: one list of nodes, one of pods. Gives no verdicts.

Of each object only a small record is kept while the pages come in, so that lists of a large cluster are never in
memory whole. Objects may lack any field, or hold anything in it.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import Right
from aicr_validators.testpods import ENDED, entries, section

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from aicr_core.api import Target

    Object = dict[str, Any]

RESOURCE = "nvidia.com/gpu"
_QUANTITY = re.compile(r"(\d{1,18})(?:\.\d*)?([kKMG]i?)?", re.ASCII)
_UNITS = {"": 1, "k": 1000, "K": 1000, "M": 1000**2, "G": 1000**3}
_UNITS |= {"Ki": 1 << 10, "ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}


class Node(NamedTuple):
    """A node that pods with GPUs may go to: its GPUs, its other extended resources, its labels.

    ``unready`` says why the node takes no pods at the moment; it is empty for a node that does.
    """

    name: str
    gpus: int
    labels: Mapping[str, str]
    extended: Mapping[str, int]
    unready: str = ""


class User(NamedTuple):
    """A pod that holds GPUs, and the node it is on."""

    node: str
    pod: str


def rights() -> Sequence[Right]:
    """Give the rights that :func:`nodes` takes."""
    return (Right(verbs=("list",), resources=("nodes",)),)


def user_rights() -> Sequence[Right]:
    """Give the rights that :func:`users` takes."""
    return (Right(verbs=("list",), resources=("pods",)),)


def nodes(target: Target) -> list[Node]:
    """Give the schedulable nodes with GPUs that the phase is about, in the order of the API.

    The user's node selector and the phase's ``nodeSelection`` narrow them. Raises AicrError of the list.
    """
    selection = target.nodes
    wanted = {**target.node_selector, **section(selection, "selector")}
    excluded = selection.get("excludeNodes") or ()
    found = [
        node
        for node in target.list("v1", "nodes", keep=node_of)
        if node.name not in excluded
        and all(node.labels.get(key) == str(value) for key, value in wanted.items())
    ]
    most = selection.get("maxNodes")
    return found[:most] if isinstance(most, int) and most > 0 else found


def narrowed(target: Target) -> bool:
    """Tell whether the user left nodes out that have GPUs, so that pods have to be kept away from them."""
    return bool(target.nodes)


def users(target: Target, among: Collection[str]) -> dict[str, list[str]]:
    """Give, for each busy node of ``among``, the pods that hold its GPUs. Raises AicrError of the list."""
    found: dict[str, list[str]] = {}
    for user in target.list("v1", "pods", keep=user_of):
        if user.node in among:
            found.setdefault(user.node, []).append(user.pod)
    return {node: sorted(pods) for node, pods in sorted(found.items())}


def node_of(item: Object) -> Node | None:
    """Keep of a node what is needed; None for one without GPUs, and for one that is cordoned."""
    allocatable = section(section(item, "status"), "allocatable")
    gpus = amount(allocatable.get(RESOURCE))
    if not gpus or section(item, "spec").get("unschedulable") is True:
        return None
    metadata = section(item, "metadata")
    labels = {
        sys.intern(str(key)): sys.intern(str(value))
        for key, value in section(metadata, "labels").items()
    }
    extended = {
        sys.intern(str(key)): amount(value) for key, value in allocatable.items() if "/" in str(key)
    }
    return Node(str(metadata.get("name") or ""), gpus, labels, extended, _unready(item))


def _unready(item: Object) -> str:
    for condition in entries(section(item, "status"), "conditions"):
        if condition.get("type") == "Ready" and condition.get("status") in ("False", "Unknown"):
            words = [str(condition.get(key) or "") for key in ("reason", "message")]
            return ": ".join(word for word in words if word) or "its condition Ready is not True"
    return ""


def user_of(item: Object) -> User | None:
    """Keep of a pod where it is; None for one that asks for no GPU, has ended, or is nowhere yet."""
    spec = section(item, "spec")
    node = str(spec.get("nodeName") or "")
    if not node or section(item, "status").get("phase") in ENDED:
        return None
    if not any(_asks(container) for container in entries(spec, "containers")):
        return None
    metadata = section(item, "metadata")
    return User(sys.intern(node), f"{metadata.get('namespace')}/{metadata.get('name')}")


def _asks(container: Object) -> bool:
    resources = section(container, "resources")
    return any(amount(section(resources, key).get(RESOURCE)) for key in ("limits", "requests"))


def amount(quantity: Any) -> int:
    """Give a count that the API writes as a quantity (``8``, ``"8"``, ``"1k"``); 0 for what is none."""
    found = _QUANTITY.fullmatch(str(quantity).strip()) if quantity is not None else None
    return int(found[1]) * _UNITS[found[2] or ""] if found else 0
