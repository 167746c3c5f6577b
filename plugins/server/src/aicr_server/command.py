"""``aicr serve``: ``aicrd`` as a command of the engine."""

from __future__ import annotations

import os

import click

from aicr_server import cli


@click.command(
    epilog="""\b
Examples:
  aicr serve
  PORT=9000 LOG_LEVEL=warn aicr serve
  aicr serve --print-openapi > openapi.json"""
)
@click.option("--check", is_flag=True, help="check the settings, load everything, and exit")
@click.option("--print-openapi", is_flag=True, help="print the OpenAPI document, and exit")
def serve(check: bool, print_openapi: bool) -> None:
    """Serve recipes, queries and bundles over HTTP, as `aicrd` does.

    Settings come from the environment: PORT, AICR_BIND, LOG_LEVEL, AICR_ALLOWED_*, AICR_RATE_LIMIT and more;
    docs/user/server.md lists them. SIGTERM and SIGINT stop it once every request is answered.
    """
    if check or print_openapi:
        status = cli.check(os.environ) if check else cli.print_openapi(os.environ)
    else:
        status = cli.start(os.environ)
    raise SystemExit(status)
