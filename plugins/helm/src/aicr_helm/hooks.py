"""Hooks of the helm plugin: one deployer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import Deployer, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def aicr_deployers() -> Iterable[Deployer]:
    """Register the deployer ``helm``."""
    yield Deployer(
        name="helm",
        title="Helm per-component bundle",
        call="aicr_helm.deployer:deploy",
        steps="aicr_helm.deployer:steps",
        entrypoint="deploy.sh",
        dynamic=True,
    )
