"""``aicr bundle pull``: bring a published bundle back, checked, into a directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aicr_core.cli.options import insecure_tls, plain_http
from aicr_core.cli.output import write_result

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment


@click.command(
    epilog="""\b
Examples:
  aicr bundle pull oci://registry.example.com/team/gpu-stack:v1 -o bundle
  aicr bundle pull oci://localhost:5000/gpu-stack@sha256:... -o bundle --plain-http"""
)
@click.argument("uri", metavar="URI")
@click.option("--output", "-o", required=True, metavar="DIR", help="directory to write")
@click.option("--force", is_flag=True, help="write into a directory that holds other files")
@plain_http
@insecure_tls
@click.pass_obj
def pull(
    environment: Environment,
    uri: str,
    output: str,
    force: bool,
    plain_http: bool,
    insecure_tls: bool,
) -> None:
    """Bring a published bundle back into a directory.

    Its files are held to its checksums before anything is written; `aicr verify` says who made it.
    """
    from aicr_core.session import Session

    options = {"plain_http": plain_http, "insecure_tls": insecure_tls}
    where, files = Session.of(environment).pull_bundle(uri, output, force=force, **options)
    write_result(f"{len(files)} files written to {where}\n")
