"""Hooks of the gke plugin: how a snapshot shows that its cluster is a GKE cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import Matcher, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def aicr_matchers() -> Iterable[Matcher]:
    """Register the matcher of the service ``gke``."""
    yield Matcher(name="gke", dimension="service", detect="aicr_gke.detect:detect")
