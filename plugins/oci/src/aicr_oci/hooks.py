"""Hooks of the oci plugin: one publisher."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import Publisher, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def aicr_publishers() -> Iterable[Publisher]:
    """Register the scheme ``oci``."""
    yield Publisher(
        scheme="oci",
        push="aicr_oci.publisher:push",
        pull="aicr_oci.publisher:pull",
        check="aicr_oci.publisher:check",
        timeout=3600.0,
    )
