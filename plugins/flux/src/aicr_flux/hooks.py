"""Hooks of the flux plugin: one deployer and its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import Deployer, DeployerOption, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

OPTIONS = (
    DeployerOption(
        name="namespace",
        description="namespace of the Flux objects",
        default="flux-system",
    ),
    DeployerOption(
        name="interval",
        description="how often Flux compares cluster and bundle",
        default="10m",
    ),
    DeployerOption(
        name="branch",
        description="branch of --repo that holds the bundle",
        default="main",
    ),
    DeployerOption(
        name="path",
        description="folder of the bundle in the Git repository; empty for its root",
    ),
    DeployerOption(
        name="gitSourceName",
        description="GitRepository that is in the cluster already and holds the bundle; then none is made",
    ),
    DeployerOption(
        name="ociSourceName",
        description="OCIRepository that pulls the bundle, where it is published to a registry",
        default="aicr-bundle",
    ),
)


@hookimpl
def aicr_deployers() -> Iterable[Deployer]:
    """Register the deployer ``flux``."""
    yield Deployer(
        name="flux",
        title="Flux bundle",
        call="aicr_flux.deployer:deploy",
        steps="aicr_flux.remarks:steps",
        notes="aicr_flux.remarks:notes",
        options=OPTIONS,
        dynamic=True,
        entrypoint="kustomization.yaml",
        object_at="{component}/helmrelease.yaml",
        kustomize_at="{component}/flux-kustomization.yaml",
        values_at="{component}/helmrelease.yaml",
        values_key="spec.values",
        archive_key="spec.values.{chart}",
        nulls_at="{component}/configmap-values.yaml",
        nulls_key="removed-values.yaml",
        pulls=True,
    )
