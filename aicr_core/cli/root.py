"""The command group: lazy commands, global options, and how an error becomes a line and an exit status.

A command's module is imported only when it runs or its own help is asked for; root help knows its summary from
the table below. Commands of plugins come from the plugins' hooks and are looked up only when none of ours fits.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from aicr_core._version import __version__
from aicr_core.app.environment import Environment
from aicr_core.cli.lazygroup import load_command, plugin_command, plugin_commands
from aicr_core.cli.output import note, reader_gone, use, warn, write_result
from aicr_core.kit.errors import AicrError, Code, nearest
from aicr_core.kit.log import Log
from aicr_core.model.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

# name -> (module:attribute, section, summary)
COMMANDS: dict[str, tuple[str, str, str]] = {
    "snapshot": (
        "aicr_core.cli.snapshot:snapshot",
        "Engine",
        "Measure a host, a node of a cluster, or every node",
    ),
    "recipe": (
        "aicr_core.cli.recipe:recipe",
        "Engine",
        "Resolve criteria or a snapshot to one recipe",
    ),
    "query": ("aicr_core.cli.query:query", "Engine", "Print one value of the hydrated recipe"),
    "bundle": ("aicr_core.cli.bundle:bundle", "Engine", "Write what a team deploys from a recipe"),
    "verify": (
        "aicr_core.cli.verify:verify",
        "Engine",
        "Tell whether a bundle is whole, and who made it",
    ),
    "validate": (
        "aicr_core.cli.validate:validate",
        "Engine",
        "Hold a cluster to a recipe: constraints, checks, a report",
    ),
    "mirror": (
        "aicr_core.cli.mirror:mirror",
        "Engine",
        "List the charts and images that a site without internet needs",
    ),
    "diff": ("aicr_core.cli.diff:diff", "Fleet", "Show what changed between two snapshots"),
    "fleet": (
        "aicr_core.cli.fleet:fleet",
        "Fleet",
        "Compare the nodes of a fleet, hold them to a recipe",
    ),
    "check": (
        "aicr_core.cli.check:check",
        "Administration",
        "Run one check alone, as a container does",
    ),
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
USAGE = 1


class Group(click.Group):
    """A group that imports a command when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the built-in commands, then those that plugins' manifests name."""
        return [*COMMANDS, *plugin_commands(ctx.obj, COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of that name; look among the plugins' last."""
        if cmd_name in COMMANDS:
            return load_command(COMMANDS[cmd_name][0])
        return plugin_command(ctx.obj, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but an unknown command is NOT_FOUND with the nearest name (exit 3)."""
        name = args[0]
        command = self.get_command(ctx, name)
        if command is None:
            known = self.list_commands(ctx)
            close = nearest(name, known)
            hint = f'did you mean "{close}"?' if close else f"commands: {', '.join(known)}"
            elsewhere = ctx.obj.index.way_to("command", name) if ctx.obj is not None else None
            raise AicrError(Code.NOT_FOUND, f'no command "{name}"', hint=elsewhere or hint)
        return name, command, args[1:]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the commands by section, without importing them."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, (_, section, summary) in COMMANDS.items():
            sections.setdefault(section, []).append((name, summary))
        for name, (section, summary) in plugin_commands(ctx.obj, COMMANDS).items():
            sections.setdefault(section, []).append((name, summary))
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl(rows)


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
      --debug            show tracebacks
      --log-json         one JSON object for each line on standard error
      --no-plugin NAME   leave a plugin out of this run (repeatable)
      -v, --version      print the version
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


class Globals:
    """The global options, taken out of the arguments wherever they stand before ``--``."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.rest: list[str] = []
        self.debug = self.log_json = self.version = False
        self.blocked: list[str] = []
        self.incomplete = False
        words = iter(arguments)
        for word in words:
            if word == "--":
                self.rest.extend([word, *words])
            elif word == "--debug":
                self.debug = True
            elif word == "--log-json":
                self.log_json = True
            elif word in ("--version", "-v") and not self.rest:
                self.version = True
            elif word == "--no-plugin":
                name = next(words, None)
                self.incomplete = name is None
                self.blocked.append(name or "")
            elif word.startswith("--no-plugin="):
                self.blocked.append(word.partition("=")[2])
            else:
                self.rest.append(word)


def run(arguments: Sequence[str], environment: Environment | None = None) -> int:
    """Run the command line; give the exit status. Nothing is raised but what ends the interpreter."""
    given = Globals(arguments)
    log = Log(debug=given.debug, json=given.log_json, version=__version__)
    use(log)
    try:
        settings = Settings.from_env(
            os.environ, no_plugin=tuple(given.blocked), debug=given.debug, log_json=given.log_json
        )
    except AicrError as refused:
        # An unparsable switch is a usage error, as an option's would be (spec/snapshot.md 13.3).
        log.failed(f"usage error: {refused.where}: {refused.message}", refused.hint, USAGE)
        return USAGE
    log = Log(debug=settings.debug, json=settings.log_json, version=__version__)
    use(log)
    status, error = _run(given, environment or Environment(settings, warn))
    if error is not None:
        if settings.debug:
            import traceback

            note("".join(traceback.format_exception(error)).rstrip())
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            # Its message is the whole help, which is no complaint to put on one line.
            path = error.ctx.command_path if error.ctx is not None else "aicr"
            log.failed("usage error: no command given", f"see `{path} --help`", status)
        elif isinstance(error, click.UsageError):
            path = error.ctx.command_path if error.ctx is not None else "aicr"
            log.failed(f"usage error: {error.format_message()}", f"see `{path} --help`", status)
        else:
            log.failed(str(error), getattr(error, "hint", None), status)
    return status


def _run(given: Globals, environment: Environment) -> tuple[int, Exception | None]:
    """Give the exit status, and the error to report if there is one."""
    try:
        if given.incomplete:
            raise click.UsageError("--no-plugin needs the name of a plugin")
        if given.version:
            write_result(f"aicr version {__version__}\n")
            return 0, None
        result: Any = root.main(
            given.rest, prog_name="aicr", standalone_mode=False, obj=environment
        )
        sys.stdout.flush()
    except AicrError as error:
        return error.exit_status, error
    except click.UsageError as error:
        return USAGE, error
    except click.exceptions.Exit as error:
        return int(error.exit_code), None
    except (click.Abort, KeyboardInterrupt):
        note("cancelled; nothing was left half written")
        return CANCELLED, None
    except BrokenPipeError:
        reader_gone()
        return 0, None
    except Exception as error:
        wrapped = AicrError(
            Code.INTERNAL,
            f"{type(error).__name__}: {error}",
            hint="this is a defect of aicr: report it with the output of --debug",
        )
        wrapped.__cause__ = error
        return wrapped.exit_status, wrapped
    return (result if isinstance(result, int) else 0), None
