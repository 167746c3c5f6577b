"""Parameters of the operations of the OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_server.openapi_parts import COUNT, TEXT, value
from aicr_server.querystring import MOST_NODES
from aicr_server.settings import DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aicr_server.vocabulary import Vocabulary

Node = dict[str, Any]
SWITCH: Node = {"enum": ["true", "false", "1", "0", ""]}
REQUEST_ID: Node = {
    "name": "X-Request-Id", "in": "header", "description": "A UUID that the answer and the log will carry",
    "schema": TEXT, "examples": {"uuid": {"value": "6f1b0d1e-8d0c-4a39-9a3f-0c7d3b1f5a10"}},
}  # fmt: skip
_TOLERATION = "^[^:]+:(NoSchedule|PreferNoSchedule|NoExecute)$"
_SETTING = "^[^:=]*:[^:=]+=.+$"
REPEATED: dict[str, tuple[str, str, str]] = {
    "set": ("A value: component:path=value", _SETTING, "operator:driver.enabled=false"),
    "set-string": ("A value that stays text: component:path=value", _SETTING, "operator:tag=1"),
    "set-json": ("A value as JSON: component:path=json", _SETTING, "operator:list=[1]"),
    "dynamic": ("A value given at installation: component:path[=default]", "^[^:=]+:[^:=]+", "operator:zone=a"),
    "system-node-selector": ("Nodes for system parts: key=value", "=", "role=system"),
    "accelerated-node-selector": ("Nodes with accelerators: key=value", "=", "accelerator=h100"),
    "system-node-toleration": (
        "Taint of system nodes: key[=value]:Effect", _TOLERATION, "dedicated=system:NoSchedule",
    ),
    "accelerated-node-toleration": (
        "Taint of nodes with accelerators: key[=value]:Effect", _TOLERATION, "accelerator=present:NoSchedule",
    ),
    "workload-selector": ("Nodes of workloads: key=value", "=", "team=ml"),
}  # fmt: skip


def parameter(name: str, text: str, kind: Node, examples: Sequence[Any] = ()) -> Node:
    """Give a parameter of the query string."""
    found: Node = {"name": name, "in": "query", "description": text, "schema": kind}
    if examples:
        found["examples"] = {f"example{n}": {"value": item} for n, item in enumerate(examples, 1)}
    return found


def criteria(vocabulary: Vocabulary) -> list[Node]:
    """Give the parameters that state criteria."""
    number: Node = {"type": "integer", "minimum": 0, "maximum": MOST_NODES}
    nodes = {"anyOf": [number, {"const": ""}]}
    found = []
    for name in DIMENSIONS:
        known = list(vocabulary.values[name])
        text = f"The {name}, in any case; absent, empty or any: every one"
        if name == "accelerator":
            # No parameter of its own: whether its value counts depends on this one, which no schema can say.
            text += ". `gpu` is another name, read where this one is absent or empty"
        found.append(parameter(name, text, value(vocabulary, name), known[:1]))
    found.append(parameter("nodes", "Number of nodes; 0: any number", nodes, [8]))
    return found


def bundle(deployers: Sequence[str]) -> list[Node]:
    """Give the parameters of a bundle."""
    repeated = []
    for name, (text, pattern, example) in REPEATED.items():
        kind = {"type": "array", "items": {"type": "string", "pattern": pattern}}
        repeated.append(parameter(name, text, kind, [[example]]))
    gate = {"type": "string", "pattern": f"{_TOLERATION}|^$"}
    only = {"type": "array", "items": {"type": "string", "minLength": 1}}
    return [
        *repeated,
        parameter("deployer", "What deploys the bundle", {"enum": [*deployers, ""]}, ["helm"]),
        parameter("repo", "Address of the repository that the bundle will lie in", TEXT),
        parameter("app-name", "Name of the application that holds the others, where the deployer has one", TEXT),
        parameter("workload-gate", "Taint that keeps workloads away until all is deployed: key[=value]:Effect", gate),
        parameter("nodes", "Number of nodes", COUNT, [8]),
        parameter("bundlers", "Only these components; by comma, and repeatable", only),
        parameter("dry-run", "Give the list of files instead of the archive", SWITCH),
    ]  # fmt: skip
