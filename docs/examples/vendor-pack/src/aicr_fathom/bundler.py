"""Compute what the operator's values owe to the recipe: cache of clients, metadata servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from aicr_core.api import AicrError, BundlePlan, Code, ComponentBundle, Context

NODES_PER_SERVER = 64
MOST_SERVERS = 7


class Client(NamedTuple):
    """What a client on one node needs: cache in GiB, threads that read ahead."""

    cache: int
    threads: int


GENERAL = Client(cache=256, threads=8)
CLIENTS = {
    "a100": Client(cache=1024, threads=16),
    "h100": Client(cache=2048, threads=32),
    "gb200": Client(cache=4096, threads=64),
}
"""By accelerator: faster ones read faster. Measured with our own data loader."""


def bundle(
    ctx: Context, component: Mapping[str, Any], values: Mapping[str, Any], plan: BundlePlan
) -> ComponentBundle:
    """Add size of cache, read-ahead and number of metadata servers where nobody set them.

    ``values`` are shared: new ones are given back. Raises AicrError for values of another shape.
    """
    client, cache = _table(values, "client"), _table(values, "client", "cache")
    need = CLIENTS.get(str(plan.criteria.get("accelerator")), GENERAL)
    filesystem = {"metadataServers": servers(_nodes(plan)), **_table(values, "filesystem")}
    computed = {
        "client": {
            "readAhead": need.threads,
            **client,
            "cache": {"size": f"{need.cache}Gi", **cache},
        },
        "filesystem": filesystem,
    }
    return ComponentBundle(name=component["name"], values={**values, **computed})


def servers(nodes: int) -> int:
    """Give how many metadata servers so many nodes need: an odd number, for they vote."""
    wanted = -(-nodes // NODES_PER_SERVER)
    return min(max(wanted + (wanted + 1) % 2, 1), MOST_SERVERS)


def _nodes(plan: BundlePlan) -> int:
    """Give the number of nodes that the user, else the recipe, names; 0 for none."""
    for given in (plan.options.get("nodes"), plan.criteria.get("nodes")):
        if isinstance(given, int) and given > 0:
            return given
    return 0


def _table(values: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """Give the table at ``path``; values come from users, who may have put anything there."""
    found: Any = values
    for name in path:
        found = found.get(name) or {}
        if not isinstance(found, Mapping):
            raise AicrError(
                Code.INVALID_REQUEST,
                f"{'.'.join(path)} is no table",
                where="component fathom-operator",
            )
    return found  # type: ignore[no-any-return]
