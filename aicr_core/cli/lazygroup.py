"""Command groups whose subcommands are imported when they are needed, and which plugins can add to.

A group knows its own subcommands from a table; a plugin adds one by registering a command whose name is the group's and
its own, as in ``plugins test``. Help shows both without importing either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aicr_core.kit.errors import AicrError, nearest
from aicr_core.plugins.index import USABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.app.environment import Environment


def load_command(target: str) -> click.Command:
    """Import the command that ``module:attribute`` names."""
    from aicr_core.plugins.manager import resolve

    command: click.Command = resolve(target)
    return command


def plugin_commands(
    environment: Environment | None, taken: Mapping[str, object], group: str = ""
) -> dict[str, tuple[str, str]]:
    """Give section and summary of the commands below ``group`` that plugins' manifests name; no plugin is imported."""
    if environment is None:
        return {}
    try:
        rows = environment.index.rows
    except AicrError:
        # Help must come also when the policy file is malformed; every other command says so.
        return {}
    found = {}
    for row in rows:
        for item in row["provides"] if row["state"] in USABLE else ():
            if item["kind"] != "command":
                continue
            above, _, name = item["name"].rpartition(" ")
            if above == group and name not in taken:
                summary = item.get("summary") or row["summary"]
                found[name] = (item.get("section") or f"Plugin {row['name']}", summary)
    return found


def plugin_command(environment: Environment | None, full_name: str) -> click.Command | None:
    """Import the command that a plugin registers as ``full_name``, or give None."""
    if environment is not None and environment.manager_needed("aicr_commands"):
        commands = environment.manager.named("aicr_commands", "name")
        if full_name in commands:
            return load_command(commands[full_name][1].call)
    return None


class LazyGroup(click.Group):
    """A group with a table of subcommands, name to (``module:attribute``, summary).

    Where the group is a command with options of its own, ``instead`` says what a word that names no subcommand was
    most likely meant to be.
    """

    def __init__(
        self,
        *args: object,
        subcommands: Mapping[str, tuple[str, str]],
        instead: str = "",
        **kwargs: object,
    ) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._subcommands = subcommands
        self._instead = instead

    def _added(self, ctx: click.Context) -> dict[str, tuple[str, str]]:
        return plugin_commands(ctx.obj, self._subcommands, self.name or "")

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the subcommands: ours, then the plugins'."""
        return [*self._subcommands, *self._added(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the subcommand of that name."""
        if cmd_name in self._subcommands:
            return load_command(self._subcommands[cmd_name][0])
        return plugin_command(ctx.obj, f"{self.name} {cmd_name}")

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but an unknown word is a usage error with the nearest name."""
        command = self.get_command(ctx, args[0])
        if command is None:
            if ctx.resilient_parsing:
                return None, None, args[1:]
            known = self.list_commands(ctx)
            close = nearest(args[0], known)
            meant = (
                f'did you mean "{close}"?'
                if close
                else self._instead or f"commands: {', '.join(known)}"
            )
            raise click.UsageError(f'no command "{args[0]}": {meant}', ctx)
        return args[0], command, args[1:]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the subcommands without importing them."""
        rows = [(name, text) for name, (_, text) in self._subcommands.items()]
        rows += [(name, text) for name, (_, text) in self._added(ctx).items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
