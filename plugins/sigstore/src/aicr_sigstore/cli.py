"""``aicr trust``: the trusted root for certificates, fetched by the framework that its keepers sign it with (TUF)."""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import TYPE_CHECKING

import click

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from typing import Any


@click.group(
    epilog="""\b
Examples:
  aicr trust update
  aicr verify bundle --min-trust-level attested --require-creator dev@example.com"""
)
def trust() -> None:
    """Keep the trusted root for certificates; `aicr verify` itself never uses a network."""


@trust.command(
    epilog="""\b
Examples:
  aicr trust update
  aicr trust update --output root.json    # for a machine without a network"""
)
@click.option("--output", "-o", default="", metavar="FILE",
              help="file to write; default: where `aicr verify` looks for it")  # fmt: skip
@click.pass_obj
def update(environment: Any, output: str) -> None:
    """Fetch the public instance's current trusted root and write it to a file."""
    from sigstore.models import ClientTrustConfig

    from aicr_sigstore.keyless import failure
    from aicr_sigstore.roots import parse, updated_path

    path = output or updated_path(environment.settings)
    try:
        root = ClientTrustConfig.production().trusted_root
        text = root._inner.to_json()
    except Exception as error:
        refused = failure(error, "fetch the trusted root")
        raise AicrError(
            Code.SERVICE_UNAVAILABLE, refused.message,
            hint="verifying works without it: a root comes with this plugin, or give --trust-root FILE",
        ) from error  # fmt: skip
    parse(text.encode("utf-8"), "the fetched root")
    _write(path, text)
    model = root._inner
    click.echo(
        f"{path}: {len(model.certificate_authorities)} certificate authorities, {len(model.tlogs)} logs of signatures,"
        f" {len(model.ctlogs)} logs of certificates, {len(model.timestamp_authorities)} timestamp authorities"
    )


def _write(path: str, text: str) -> None:
    temporary = ""
    try:
        folder = os.path.dirname(os.path.abspath(path))
        os.makedirs(folder, exist_ok=True)
        # Under a name that nobody can foresee: in a folder of many users a link may wait under any other.
        descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".trusted-root-")
        with open(descriptor, "w", encoding="utf-8") as stream:
            os.fchmod(descriptor, 0o644)
            stream.write(text)
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise AicrError(
            Code.UNAUTHORIZED if isinstance(error, PermissionError) else Code.INVALID_REQUEST,
            f"cannot write the trusted root: {error.strerror or error}", where=path,
        ) from None  # fmt: skip
