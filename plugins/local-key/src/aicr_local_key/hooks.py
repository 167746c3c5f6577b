"""Hooks of the local-key plugin: one signer, and the command that makes a key for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import Command, Signer, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def aicr_signers() -> Iterable[Signer]:
    """Register the signer ``local-key``."""
    yield Signer(
        name="local-key",
        material="publicKey",
        keys=("file",),
        open="aicr_local_key.signer:open_key",
        verify="aicr_local_key.signer:verify",
    )


@hookimpl
def aicr_commands() -> Iterable[Command]:
    """Register ``aicr key``."""
    yield Command(
        name="key",
        section="Engine",
        summary="Make a key to sign bundles with",
        call="aicr_local_key.cli:key",
    )
