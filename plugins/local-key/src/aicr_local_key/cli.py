"""``aicr key``: make a key to sign bundles with."""

from __future__ import annotations

import os

import click

from aicr_core.api import AicrError, Code
from aicr_local_key.keys import KINDS, PASSWORD, generate


@click.group(
    epilog="""\b
Examples:
  aicr key generate -o key.pem
  aicr bundle -r recipe.yaml -o bundle --attest --signing-key key.pem
  aicr verify bundle --key key.pem.pub"""
)
def key() -> None:
    """Make keys to sign bundles with (`aicr bundle --attest --signing-key KEY`)."""


@key.command(
    "generate",
    epilog="""\b
Examples:
  aicr key generate -o key.pem
  AICR_SIGNING_KEY_PASSWORD=... aicr key generate -o key.pem --type ecdsa-p256""",
)
@click.option("--output", "-o", required=True, metavar="FILE", help="private key to write")
@click.option(
    "--type", "kind", type=click.Choice(KINDS), default="ed25519", help="default: ed25519"
)
def generate_key(output: str, kind: str) -> None:
    """Write a private key (mode 0600), and its public key beside it as FILE.pub.

    With a password in $AICR_SIGNING_KEY_PASSWORD the private key is encrypted. No file is ever overwritten.
    """
    public = f"{output}.pub"
    for path in (output, public):
        if os.path.lexists(path):
            raise AicrError(
                Code.INVALID_REQUEST, "the file is there already", where=path,
                hint="a key is never overwritten: give another name, or remove it yourself",
            )  # fmt: skip
    private_text, public_text, identity = generate(kind, os.environ.get(PASSWORD, ""))
    _write(output, private_text, 0o600)
    _write(public, public_text, 0o644)
    click.echo(f"private key  {output}\npublic key   {public}\nidentity     {identity}")


def _write(path: str, data: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with open(descriptor, "wb") as stream:
            os.fchmod(descriptor, mode)
            stream.write(data)
    except OSError as error:
        raise AicrError(
            Code.UNAUTHORIZED if isinstance(error, PermissionError) else Code.INVALID_REQUEST,
            f"cannot write the key: {error.strerror or error}", where=path,
        ) from None  # fmt: skip
