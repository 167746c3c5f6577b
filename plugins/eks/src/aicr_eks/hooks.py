"""Hooks of the eks plugin: how a snapshot shows that its cluster is an EKS cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import Matcher, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def aicr_matchers() -> Iterable[Matcher]:
    """Register the matcher of the service ``eks``."""
    yield Matcher(name="eks", dimension="service", detect="aicr_eks.detect:detect")
