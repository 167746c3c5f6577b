"""Hooks of the argocd plugin: two deployers and their settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import Deployer, DeployerOption, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

_COMMON = (
    DeployerOption(
        name="namePrefix",
        description="what the name of every Application of a component begins with",
    ),
    DeployerOption(
        name="destinationServer",
        description="API server of the cluster that components are installed in",
        default="https://kubernetes.default.svc",
    ),
    DeployerOption(
        name="project", description="Argo CD project of every Application", default="default"
    ),
    DeployerOption(
        name="cascadeDelete",
        description="true: an Application that is deleted takes what it installed with it",
        default="false",
    ),
    DeployerOption(
        name="namespace", description="namespace that Argo CD runs in", default="argocd"
    ),
    DeployerOption(
        name="targetRevision",
        description="branch, tag or commit of the repository that holds the bundle",
        default="main",
    ),
)


def _app_name(default: str) -> DeployerOption:
    return DeployerOption(
        name="appName",
        description="name of the Application that brings all others",
        default=default,
    )


@hookimpl
def aicr_deployers() -> Iterable[Deployer]:
    """Register the deployers ``argocd`` and ``argocd-helm``."""
    yield Deployer(
        name="argocd",
        title="ArgoCD applications",
        call="aicr_argocd.repository:deploy",
        steps="aicr_argocd.repository:steps",
        notes="aicr_argocd.repository:notes",
        options=(
            _app_name("nvidia-stack"),
            *_COMMON,
            DeployerOption(
                name="ociCharts",
                description="how charts of registries are named: plain (what Argo CD finds), legacy (as v0.11.1 did)",
                default="plain",
            ),
        ),
        entrypoint="app-of-apps.yaml",
        object_at="{component}/application.yaml",
        archive_key="{chart}",
    )
    yield Deployer(
        name="argocd-helm",
        title="Helm chart of ArgoCD applications",
        call="aicr_argocd.chart:deploy",
        steps="aicr_argocd.chart:steps",
        notes="aicr_argocd.chart:notes",
        options=(_app_name("aicr-stack"), *_COMMON),
        dynamic=True,
        entrypoint="Chart.yaml",
        object_at="applications/{component}.yaml",
        values_at="static/{component}.yaml",
    )
