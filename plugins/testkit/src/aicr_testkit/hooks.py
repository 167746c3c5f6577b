"""Hooks of the test kit: the command ``aicr plugins test``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import Command, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def aicr_commands() -> Iterable[Command]:
    """Register the command ``plugins test``."""
    yield Command(
        name="plugins test",
        section="Plugins",
        summary="Hold a plugin to the checks of the conformance kit",
        call="aicr_testkit.command:test_command",
    )
