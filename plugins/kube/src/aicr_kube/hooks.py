"""Hooks of the kube plugin: cluster collectors and the ConfigMap store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import Collector, Store, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

CLUSTER = 60.0
TOPOLOGY = 90.0


@hookimpl
def aicr_collectors() -> Iterable[Collector]:
    """Register the collectors ``k8s`` and ``topology``; times as in the reference."""
    yield Collector(
        name="k8s", produces="K8s", call="aicr_kube.k8s:collect", timeout=CLUSTER, where="cluster"
    )
    yield Collector(
        name="topology",
        produces="NodeTopology",
        call="aicr_kube.topology:collect",
        timeout=TOPOLOGY,
        where="cluster",
    )


@hookimpl
def aicr_stores() -> Iterable[Store]:
    """Register the store ``cm://namespace/name``."""
    yield Store(scheme="cm", read="aicr_kube.configmap:read", write="aicr_kube.configmap:write")
