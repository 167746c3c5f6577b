"""Hooks of the kube plugin: cluster collectors, the ConfigMap store, the agent and its command, checks as Jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import Agent, CheckRunner, ClusterAccess, Collector, Command, Store, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

CLUSTER = 60.0
TOPOLOGY = 90.0


@hookimpl
def aicr_collectors() -> Iterable[Collector]:
    """Register the collectors ``k8s`` and ``topology``; times as in the reference."""
    yield Collector(
        name="k8s",
        produces="K8s",
        call="aicr_kube.collect.k8s:collect",
        timeout=CLUSTER,
        where="cluster",
    )
    yield Collector(
        name="topology",
        produces="NodeTopology",
        call="aicr_kube.collect.topology:collect",
        timeout=TOPOLOGY,
        where="cluster",
    )


@hookimpl
def aicr_stores() -> Iterable[Store]:
    """Register the store ``cm://namespace/name``."""
    yield Store(
        scheme="cm",
        read="aicr_kube.store:read",
        write="aicr_kube.store:write",
        check="aicr_kube.store:place_of",
    )


@hookimpl
def aicr_clusters() -> Iterable[ClusterAccess]:
    """Register the way to the cluster of a kubeconfig."""
    yield ClusterAccess(name="kubernetes", connect="aicr_kube.client:connect")


@hookimpl
def aicr_agents() -> Iterable[Agent]:
    """Register the agent ``kubernetes``: it measures nodes from pods."""
    yield Agent(name="kubernetes", call="aicr_kube.agent.run:run")


@hookimpl
def aicr_check_runners() -> Iterable[CheckRunner]:
    """Register the runner ``job``: checks in pods of the cluster."""
    yield CheckRunner(name="job", open="aicr_kube.checks.session:open_session")


@hookimpl
def aicr_commands() -> Iterable[Command]:
    """Register ``aicr agent``."""
    yield Command(
        name="agent",
        section="Administration",
        summary="Care for the snapshot agents of a cluster",
        call="aicr_kube.agent.cli:agent",
    )
