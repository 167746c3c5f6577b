"""Hooks of the base catalogue: how a snapshot shows accelerators and operating systems, which it owns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import Matcher, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def aicr_matchers() -> Iterable[Matcher]:
    """Register one matcher for each source, so that sources which differ are named."""
    for source in ("smi", "devices", "label", "hardware", "device"):
        yield Matcher(
            name=f"gpu-{source}",
            dimension="accelerator",
            detect=f"aicr_recipes.accelerators:{source}",
        )
    for source in ("release", "image"):
        yield Matcher(name=f"os-{source}", dimension="os", detect=f"aicr_recipes.systems:{source}")
