"""``aicr recipe list``: the overlays of the catalogue, with the health of the leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli.options import SingleDash, choice
from aicr_core.cli.output import render, warn, write_result
from aicr_core.engine.criteria import TEXT_DIMENSIONS

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment

FORMATS = ("yaml", "json", "table")


@click.command(
    "list",
    cls=SingleDash,
    epilog="""\b
Examples:
  aicr recipe list
  aicr recipe list --service eks --intent training --format json""",
)
@click.option("--service", default="", metavar="VALUE", help="only overlays with this service")
@click.option(
    "--accelerator",
    "--gpu",
    "accelerator",
    default="",
    metavar="VALUE",
    help="only overlays with this accelerator",
)
@click.option("--intent", default="", metavar="VALUE", help="only overlays with this intent")
@click.option("--os", default="", metavar="VALUE", help="only overlays with this os")
@click.option("--platform", default="", metavar="VALUE", help="only overlays with this platform")
@click.option(
    "--data", multiple=True, metavar="DIR", help="further catalogue directory (repeatable)"
)
@click.option("--external-only", is_flag=True, help="list the --data directories alone")
@click.option("--lenient", is_flag=True, help="warn of unknown keys in --data, do not refuse them")
@click.option(
    "--criteria-strict", is_flag=True, help="take no criteria values that only --data declares"
)
@click.option(
    "--no-health", "--skip-health", is_flag=True, help="do not examine the recipes of the leaves"
)
@click.option(
    "--format", "-t", "fmt", default="table", metavar="table|json|yaml", help="default: table"
)
@click.pass_obj
def list_command(environment: Environment, /, **options: Any) -> None:
    """List the overlays of the catalogue; criteria filter by equality."""
    from aicr_core.app.recipe import RecipeRequest
    from aicr_core.session import Session

    fmt = choice("format", options["fmt"], FORMATS)
    request = RecipeRequest(
        flags={name: options[name] for name in TEXT_DIMENSIONS if options[name]},
        data=tuple(folder for folder in options["data"] if folder),
        external_only=options["external_only"],
        lenient=options["lenient"],
        criteria_strict=options["criteria_strict"],
    )
    health = not options["no_health"]
    rows = Session.of(environment).list_overlays(request, health=health)
    for row in rows:
        for text in row.get("health", {}).get("problems", ()):
            warn(f"{row['name']}: {text}")
    write_result(_overlays(rows, health=health) if fmt == "table" else render(rows, fmt))


def _overlays(rows: list[dict[str, Any]], *, health: bool) -> str:
    from aicr_core.kit.text import table

    graded = ["STATUS", "COVERAGE"] if health else []
    header = ["NAME", *(name.upper() for name in TEXT_DIMENSIONS), "IS_LEAF", *graded, "SOURCE"]
    lines = []
    for row in rows:
        found = row.get("health", {})
        coverage = " ".join(
            f"{name[0].upper()}:{len(phase['checks'])}"
            for name, phase in found.get("coverage", {}).items()
        )
        lines.append(
            [
                row["name"],
                *(str(row["criteria"].get(name, "any")) for name in TEXT_DIMENSIONS),
                "yes" if row["is_leaf"] else "no",
                *([found.get("status", "-"), coverage or "-"] if health else []),
                row["source"],
            ]
        )
    legend = 'A recipe takes every overlay whose criteria all hold; "any" holds for every query.'
    if health:
        legend += (
            "\nCOVERAGE counts the checks of readiness, deployment, performance and conformance."
        )
    return f"{table(header, lines)}\n{legend}\n"
