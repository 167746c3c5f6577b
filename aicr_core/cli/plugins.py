"""``aicr plugins``: the group and the table of its subcommands."""

from __future__ import annotations

import click

from aicr_core.cli.lazygroup import LazyGroup

_HERE = "aicr_core.cli.plugins_commands"
SUBCOMMANDS: dict[str, tuple[str, str]] = {
    "list": (f"{_HERE}:list_command", "List the installed plugins; nothing of theirs is imported"),
    "info": (f"{_HERE}:info_command", "Show everything known about one plugin"),
    "doctor": (
        f"{_HERE}:doctor_command",
        "Import each plugin in a child process; say what is wrong",
    ),
    "new": (
        "aicr_core.cli.plugins_new:new_command",
        "Write the package of a new plugin, with tests, README and CI",
    ),
    "enable": (f"{_HERE}:enable_command", "Use a plugin again that was disabled"),
    "disable": (f"{_HERE}:disable_command", "Never import a plugin, and leave its data out"),
    "lock": (
        "aicr_core.cli.plugins_lock:lock_command",
        "Write digests and versions of the plugins that are used, or compare",
    ),
    "index": (f"{_HERE}:index_command", "Write the plugin index for a read-only image"),
}


@click.group(
    cls=LazyGroup,
    subcommands=SUBCOMMANDS,
    epilog="""\b
Examples:
  aicr plugins list
  aicr plugins info helm --format yaml
  aicr plugins doctor
  aicr plugins new NAME --kind data --kind bundler
  aicr plugins disable NAME
  aicr plugins lock -o plugins.lock.toml
  aicr plugins index --write /usr/share/aicr""",
)
def plugins() -> None:
    """List, inspect, examine and switch plugins."""
