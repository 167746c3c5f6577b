"""Subcommands of ``aicr plugins`` about what is installed: list, info, doctor, enable, disable, index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli.options import choice
from aicr_core.cli.output import note, render, warn, write_result

if TYPE_CHECKING:
    from collections.abc import Callable

    from aicr_core.app.environment import Environment

FORMATS = ("table", "json", "yaml")


def _format(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--format", "-t", "fmt", default="table", metavar="table|json|yaml", help="default: table"
    )(function)


@click.command(
    "list",
    epilog="""\b
Examples:
  aicr plugins list
  aicr plugins list --all             # also those that are not used, and why
  aicr plugins list --format json""",
)
@click.option(
    "--all", "all_states", is_flag=True, help="also those that are not used, with the reason"
)
@_format
@click.pass_obj
def list_command(environment: Environment, all_states: bool, fmt: str) -> None:
    """List the installed plugins; nothing of theirs is imported."""
    from aicr_core.kit.text import table
    from aicr_core.session import Session

    choice("format", fmt, FORMATS)
    rows = Session.of(environment).plugins(all_states=all_states)
    if fmt != "table":
        write_result(render(rows, fmt))
        return
    lines = [
        [
            row["name"],
            row["version"],
            row["distribution"],
            row["state"],
            row["conformance"],
            row["reason"] or row["summary"],
        ]
        for row in rows
    ]
    head = ("NAME", "VERSION", "DISTRIBUTION", "STATE", "CONFORMANCE", "SUMMARY")
    write_result(table(head, lines))
    if all_states and environment.index.hot is not None:
        for text in environment.index.hot["warnings"]:
            warn(text)


@click.command(
    "info",
    epilog="""\b
Examples:
  aicr plugins info helm
  aicr plugins info helm --format yaml""",
)
@click.argument("name")
@_format
@click.pass_obj
def info_command(environment: Environment, name: str, fmt: str) -> None:
    """Show everything known about one plugin."""
    from aicr_core.kit.text import table
    from aicr_core.session import Session

    choice("format", fmt, FORMATS)
    row = Session.of(environment).plugin_info(name)
    if fmt != "table":
        write_result(render(row, fmt))
        return
    lines = [[field, _cell(value)] for field, value in row.items()]
    write_result(table(("FIELD", "VALUE"), lines))


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        value = [f"{key}: {_cell(item)}" for key, item in value.items()]
    if isinstance(value, list):
        value = ", ".join(
            f"{item['kind']} {item['name']}" if isinstance(item, dict) else str(item)
            for item in value
        )
    return str(value or "-")


@click.command(
    "doctor",
    epilog="""\b
Examples:
  aicr plugins doctor
  aicr plugins doctor --format json""",
)
@_format
@click.pass_context
def doctor_command(ctx: click.Context, fmt: str) -> int:
    """Import each plugin in a child process and say what is wrong with it; exit 2 when something is."""
    from aicr_core.kit.text import table
    from aicr_core.session import Session

    choice("format", fmt, FORMATS)
    results = Session.of(ctx.obj).examine_plugins()
    if fmt != "table":
        write_result(render(results, fmt))
    else:
        lines = [
            [
                row["name"],
                row["state"],
                "ok" if row["ok"] else "PROBLEM",
                "-" if row["import_ms"] is None else f"{row['import_ms']:g} ms",
                "; ".join(row["effects"]) or "-",
                row["problem"] or "-",
            ]
            for row in results
        ]
        write_result(table(("NAME", "STATE", "VERDICT", "IMPORT", "EFFECTS", "PROBLEM"), lines))
    for row in results:
        for text in row["warnings"]:
            warn(f"{row['name']}: {text}")
    return 0 if all(row["ok"] for row in results) else 2


@click.command(
    "enable",
    epilog="""\b
Examples:
  aicr plugins enable oke""",
)
@click.argument("name")
@click.pass_obj
def enable_command(environment: Environment, name: str) -> None:
    """Use a plugin again that was disabled."""
    _switch(environment, name, enabled=True)


@click.command(
    "disable",
    epilog="""\b
Examples:
  aicr plugins disable oke
  aicr recipe list --no-plugin oke    # for one run only""",
)
@click.argument("name")
@click.pass_obj
def disable_command(environment: Environment, name: str) -> None:
    """Never import a plugin, and leave its data out, until it is enabled again."""
    _switch(environment, name, enabled=False)


def _switch(environment: Environment, name: str, *, enabled: bool) -> None:
    from aicr_core.session import Session

    path, obstacle = Session.of(environment).switch_plugin(name, enabled=enabled)
    word = "enabled" if enabled else "disabled"
    note(f"{name} is {word} (in {path})")
    if obstacle:
        warn(f"{name} stays unused: {obstacle}")


@click.command(
    "index",
    epilog="""\b
Examples:
  aicr plugins index --write /usr/share/aicr""",
)
@click.option("--write", "folder", required=True, metavar="DIR", help="folder to write it to")
@click.pass_obj
def index_command(environment: Environment, folder: str) -> None:
    """Write the plugin index for a read-only image.

    Run it as the last step of the image's build and set AICR_INDEX_DIR=DIR in the image. It is used while the
    same distributions are installed, and owned by root or by whoever runs aicr.
    """
    from aicr_core.session import Session

    note(f"{Session.of(environment).write_index(folder)} is written; set AICR_INDEX_DIR={folder}")
