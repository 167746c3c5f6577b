"""Hooks of the helmfile plugin: one deployer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import Deployer, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def aicr_deployers() -> Iterable[Deployer]:
    """Register the deployer ``helmfile``."""
    yield Deployer(
        name="helmfile",
        title="Helmfile bundle",
        call="aicr_helmfile.deployer:deploy",
        steps="aicr_helmfile.remarks:steps",
        notes="aicr_helmfile.remarks:notes",
        dynamic=True,
        entrypoint="helmfile.yaml",
        object_at="helmfile.yaml",
        values_at="{component}/values.yaml",
    )
