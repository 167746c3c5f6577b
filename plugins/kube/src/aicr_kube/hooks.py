"""Hooks of the kube plugin: two collectors and a store. Names of what runs, imported when it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import Collector, Store, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def aicr_collectors() -> Iterable[Collector]:
    """Register ``k8s`` and ``topology``; they may take longer than a host's collectors (spec/snapshot.md 2.5)."""
    yield Collector(
        name="k8s",
        produces="K8s",
        call="aicr_kube.collect.k8s:collect",
        timeout=60.0,
        where="cluster",
    )
    yield Collector(
        name="topology",
        produces="NodeTopology",
        call="aicr_kube.collect.topology:collect",
        timeout=90.0,
        where="cluster",
    )


@hookimpl
def aicr_stores() -> Iterable[Store]:
    """Register ``cm://namespace/name``."""
    yield Store(scheme="cm", read="aicr_kube.store:read", write="aicr_kube.store:write")
