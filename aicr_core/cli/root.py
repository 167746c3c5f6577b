"""The command group: lazy commands, global options, and how an error becomes a line and an exit status.

A command's module is imported only when it runs or its own help is asked for; root help knows its summary from
the table below. Commands of plugins come from the plugins' hooks and are looked up only when none of ours fits.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from aicr_core.app.environment import Environment
from aicr_core.cli.output import note
from aicr_core.kit.errors import AicrError, Code, nearest
from aicr_core.model.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

# name -> (module:attribute, section, summary)
COMMANDS: dict[str, tuple[str, str, str]] = {
    "recipe": (
        "aicr_core.cli.recipe:recipe",
        "Engine",
        "Resolve criteria or a snapshot to one recipe",
    ),
    "query": ("aicr_core.cli.query:query", "Engine", "Print one value of the hydrated recipe"),
    "bundle": ("aicr_core.cli.bundle:bundle", "Engine", "Write what a team deploys from a recipe"),
    "plugins": (
        "aicr_core.cli.plugins:plugins",
        "Administration",
        "List, inspect and switch plugins",
    ),
}
EXAMPLES = """\b
Examples:
  aicr recipe --service eks --accelerator h100 --os ubuntu --intent training -o recipe.yaml
  aicr bundle --recipe recipe.yaml --output bundle
  aicr plugins list"""
CANCELLED = 9


class Group(click.Group):
    """A group that imports a command when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the built-in commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of that name; look among the plugins' last."""
        if cmd_name in COMMANDS:
            return _load(COMMANDS[cmd_name][0])
        environment: Environment | None = ctx.obj
        if environment is not None and environment.manager_needed("aicr_commands"):
            commands = environment.manager.named("aicr_commands", "name")
            if cmd_name in commands:
                return _load(commands[cmd_name][1].call)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but an unknown command is NOT_FOUND with the nearest name (exit 3)."""
        name = args[0]
        command = self.get_command(ctx, name)
        if command is None:
            close = nearest(name, COMMANDS)
            hint = f'did you mean "{close}"?' if close else f"commands: {', '.join(COMMANDS)}"
            raise AicrError(Code.NOT_FOUND, f'no command "{name}"', hint=hint)
        return name, command, args[1:]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the commands by section, without importing them."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, (_, section, summary) in COMMANDS.items():
            sections.setdefault(section, []).append((name, summary))
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl(rows)


def _load(target: str) -> click.Command:
    from aicr_core.plugins.manager import resolve

    command: click.Command = resolve(target)
    return command


@click.group(
    cls=Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXAMPLES,
)
@click.pass_context
def root(ctx: click.Context) -> None:
    """AI Cluster Runtime: exact recipes and deployable bundles for GPU clusters.

    \b
    Options for every command, before or after it:
      --debug            show tracebacks and plugin calls
      --no-plugin NAME   leave a plugin out of this run (repeatable)
      -v, --version      print the version
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def split_globals(arguments: Sequence[str]) -> tuple[list[str], bool, tuple[str, ...]]:
    """Take the global options out of the arguments, wherever they stand before ``--``."""
    rest: list[str] = []
    debug = False
    blocked: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            rest.extend([word, *words])
        elif word == "--debug":
            debug = True
        elif word == "--no-plugin":
            name = next(words, None)
            if name is None:
                raise click.UsageError("--no-plugin needs the name of a plugin")
            blocked.append(name)
        elif word.startswith("--no-plugin="):
            blocked.append(word.partition("=")[2])
        else:
            rest.append(word)
    return rest, debug, tuple(blocked)


def run(arguments: Sequence[str], environment: Environment | None = None) -> int:
    """Run the command line; give the exit status. Nothing is raised but what ends the interpreter."""
    debug = "--debug" in arguments
    try:
        rest, debug, blocked = split_globals(arguments)
        if environment is None:
            settings = Settings.from_env(os.environ, no_plugin=blocked, debug=debug)
            environment = Environment(settings, lambda text: note(f"warning: {text}"))
        result: Any = root.main(rest, prog_name="aicr", standalone_mode=False, obj=environment)
        sys.stdout.flush()
    except AicrError as error:
        return _failed(error, debug)
    except click.UsageError as error:
        return _usage(error)
    except click.exceptions.Exit as error:
        return int(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        note("cancelled; nothing was left half written")
        return CANCELLED
    except BrokenPipeError:
        # The reader has gone (`aicr ... | head`): no complaint, and none from the interpreter's exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        wrapped = AicrError(
            Code.INTERNAL,
            f"{type(error).__name__}: {error}",
            hint="this is a defect of aicr: report it with the output of --debug",
        )
        wrapped.__cause__ = error
        return _failed(wrapped, debug)
    else:
        return result if isinstance(result, int) else 0


def _failed(error: AicrError, debug: bool) -> int:
    if debug:
        import traceback

        note("".join(traceback.format_exception(error)).rstrip())
    note(str(error))
    if error.hint:
        note(f"hint: {error.hint}")
    return error.exit_status


def _usage(error: click.UsageError) -> int:
    note(f"usage error: {error.format_message()}")
    if error.ctx is not None:
        note(f"hint: see `{error.ctx.command_path} --help`")
    return 1
