"""What commands that sign or verify share: options, and the question before a signature makes something public."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable


def identity_pattern(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give the option for who signs the tool, with its help."""
    return click.option("--certificate-identity-regexp", default="", metavar="PATTERN", help=text)


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
        identity_pattern("checked as by `aicr verify`, and of no effect: this tool brings no signature of its own"),
        click.option("--yes", is_flag=True, help="do not ask before something becomes public"),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


def confirm(text: str) -> bool:
    """Say on standard error what becomes public, and ask where a person can answer; a no ends the command."""
    from aicr_core.cli.output import note

    note(text)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    return click.confirm("Sign and publish this?", default=False, err=True, abort=True)
