"""What commands that sign or verify share: options, and the question before a signature makes something public."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

identity_pattern = click.option(
    "--certificate-identity-regexp", default="", metavar="PATTERN",
    help="who has to have signed the tool; matched whole, begins with its repository",
)  # fmt: skip


def signing_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options about signing a bundle."""
    options = (
        click.option("--attest", is_flag=True, help="sign the bundle"),
        click.option("--signing-key", default="", metavar="FILE",
                     help="private key to sign with; without one, a certificate for who you are"),
        click.option("--identity-token", default="", metavar="TOKEN",
                     help="who you are, instead of a browser or the CI's own token"),
        click.option("--signing-config", default="", metavar="FILE",
                     help="services that certify and log, instead of the public ones"),
        identity_pattern,
        click.option("--yes", is_flag=True, help="do not ask before something becomes public"),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


def confirm(text: str) -> bool:
    """Say on standard error what becomes public, and ask where a person can answer."""
    from aicr_core.cli.output import note

    note(text)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    return click.confirm("Sign and publish this?", default=False, err=True)
