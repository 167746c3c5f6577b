"""Hooks of the bundle-check plugin: the lints of ``aicr bundle check``, a module each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_bundle_check.rules import LINTS
from aicr_core.api import BundleLint, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def aicr_bundle_lints() -> Iterable[BundleLint]:
    """Register one lint for each module of rules."""
    for name, rules in LINTS.items():
        yield BundleLint(name=name, call=f"aicr_bundle_check.{name}:check", rules=rules)
