"""Hooks of the fathom plugin: they only register."""

from __future__ import annotations

from collections.abc import Iterable

from aicr_core.api import (
    Bundler,
    Check,
    Page,
    Right,
    hookimpl,
)

CLIENTS = Page(
    requirement="fathom_storage",
    file="fathom-storage.md",
    title="Fathom storage",
    about="Every accelerated node has a Fathom client of a supported version.",
)


@hookimpl
def aicr_bundlers() -> Iterable[Bundler]:
    """Register the bundler of our component; it only computes."""
    yield Bundler(component="fathom-operator", call="aicr_fathom.bundler:bundle", pure=True)


@hookimpl
def aicr_checks() -> Iterable[Check]:
    """Register the check of clients; all it asks of the cluster is a list of nodes."""
    yield Check(
        name="fathom-clients",
        phase="deployment",
        order=200,
        title="Fathom clients",
        description="Every accelerated node has a Fathom client of a supported version",
        call="aicr_fathom.clients:check",
        rights=(Right(verbs=("list",), resources=("nodes",)),),
        constraints=("Fathom.client.version",),
        timeout=60.0,
        evidence=CLIENTS,
    )
