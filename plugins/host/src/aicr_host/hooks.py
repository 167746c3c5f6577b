"""Hooks of the host plugin: three collectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import Collector, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def aicr_collectors() -> Iterable[Collector]:
    """Register the collectors ``os``, ``systemd`` and ``gpu``."""
    yield Collector(name="os", produces="OS", call="aicr_host.system:collect")
    yield Collector(name="systemd", produces="SystemD", call="aicr_host.systemd:collect")
    yield Collector(name="gpu", produces="GPU", call="aicr_host.gpu:collect")
