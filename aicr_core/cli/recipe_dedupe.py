"""``aicr recipe dedupe``: what overlays say alike and a mixin could say once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli.options import SingleDash, choice
from aicr_core.cli.output import render, write_result

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment

FORMATS = ("table", "yaml", "json")


@click.command(
    "dedupe",
    cls=SingleDash,
    epilog="""\b
Examples:
  aicr recipe dedupe
  aicr recipe dedupe --data ./catalogue --external-only --format yaml""",
)
@click.option("--data", multiple=True, metavar="DIR",
              help="further catalogue directory (repeatable)")  # fmt: skip
@click.option("--external-only", is_flag=True, help="the --data directories alone")
@click.option(
    "--format", "-t", "fmt", default="table", metavar="|".join(FORMATS), help="default: table"
)
@click.pass_obj
def dedupe_command(environment: Environment, /, **options: Any) -> None:
    """Find what several overlays say alike, though none inherits it: content that a mixin could say once.

    Only what a mixin may say is shown: nothing above sets it, and nothing below sets anything else. REPEATED BY are
    overlays below that say it once more. Nothing is changed.
    """
    from aicr_core.session import Session

    fmt = choice("format", options["fmt"], FORMATS)
    data = tuple(folder for folder in options["data"] if folder)
    found = Session.of(environment).repetitions(data, external_only=options["external_only"])
    if fmt != "table":
        write_result(render(found, fmt))
        return
    from aicr_core.kit.text import table

    rows = [
        (
            str(one["saved"]),
            ", ".join(
                item["name"] for kind in ("constraints", "componentRefs") for item in one[kind]
            ),
            ", ".join(one["overlays"]),
            ", ".join(one["repeated"]) or "-",
        )
        for one in found
    ]
    header = ("SAVED", "SAYS", "OVERLAYS", "REPEATED BY")
    write_result(table(header, rows) if rows else "Nothing: no two overlays say the same.\n")
