"""Hooks of the server plugin: the command that starts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import Command, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def aicr_commands() -> Iterable[Command]:
    """Register ``aicr serve``."""
    yield Command(
        name="serve",
        section="Engine",
        summary="Serve recipes, queries and bundles over HTTP",
        call="aicr_server.command:serve",
    )
