"""Hooks of the oke plugin: how a snapshot shows that its cluster is an OKE cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import Matcher, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def aicr_matchers() -> Iterable[Matcher]:
    """Register the matcher of the service ``oke``."""
    yield Matcher(name="oke", dimension="service", detect="aicr_oke.detect:detect")
