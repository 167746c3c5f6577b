"""Every command of the command line, those too that are imported only when they are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aicr_core.cli.root import COMMANDS, root

if TYPE_CHECKING:
    from collections.abc import Iterator


def _below(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if not isinstance(command, click.Group):
        return
    context = click.Context(command)
    # Not command.commands: some are imported only when they are needed.
    names = COMMANDS if path == "aicr" else command.list_commands(context)
    for name in names:
        child = command.get_command(context, name)
        assert child is not None
        yield from _below(f"{path} {name}", child)


def every_command() -> dict[str, click.Command]:
    """Give ``aicr`` and all commands below it that are the core's, by what a person types."""
    return dict(_below("aicr", root))
