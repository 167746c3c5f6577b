"""Hooks of the kind plugin: how a snapshot shows that its cluster is a kind cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import Matcher, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def aicr_matchers() -> Iterable[Matcher]:
    """Register the matcher of the service ``kind``."""
    yield Matcher(name="kind", dimension="service", detect="aicr_kind.detect:detect")
