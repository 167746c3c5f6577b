"""Hooks of the sigstore plugin: one signer, and the command that fetches a newer trusted root for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import Command, Signer, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

REPOSITORY = "https://github.com/NVIDIA/aicr/"
RELEASES = r"https://github\.com/NVIDIA/aicr/\.github/workflows/on-tag\.yaml@refs/tags/.+"
ISSUER = "https://token.actions.githubusercontent.com"
"""Who signs the tool: its release workflow, on a tag (spec/bundle.md 8.2)."""


@hookimpl
def aicr_signers() -> Iterable[Signer]:
    """Register the signer ``sigstore``."""
    yield Signer(
        name="sigstore",
        material="certificate",
        open="aicr_sigstore.keyless:open_certificate",
        verify="aicr_sigstore.verifier:verify",
        publishes=(
            "Signing without a key asks a service to certify who you are: the public one, unless --signing-config"
            " names another. Your name (an e-mail address, or the repository and workflow) and the digest of the"
            " statement then go into public logs, and nobody can take them out again."
        ),
        tool_identity=RELEASES,
        tool_repository=REPOSITORY,
        tool_issuer=ISSUER,
    )


@hookimpl
def aicr_commands() -> Iterable[Command]:
    """Register ``aicr trust``."""
    yield Command(
        name="trust",
        section="Administration",
        summary="Fetch a newer trusted root for certificates",
        call="aicr_sigstore.cli:trust",
    )
