"""``aicr recipe coverage``: the matrix of criteria, what there is for each cell, and which are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli.options import SingleDash, choice
from aicr_core.cli.output import render, write_result
from aicr_core.engine.criteria import TEXT_DIMENSIONS, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from aicr_core.app.environment import Environment

FORMATS = ("table", "json", "yaml", "markdown")


def _filters(function: Callable[..., Any]) -> Callable[..., Any]:
    for name in reversed(TEXT_DIMENSIONS):
        flags = (f"--{name}", "--gpu") if name == "accelerator" else (f"--{name}",)
        option = click.option(
            *flags, name, default="", metavar="VALUE", help=f"only cells with this {name}"
        )
        function = option(function)
    return function


@click.command(
    "coverage",
    cls=SingleDash,
    epilog="""\b
Examples:
  aicr recipe coverage
  aicr recipe coverage --service eks --dimensions accelerator,intent,os,platform
  aicr recipe coverage --missing --format markdown""",
)
@_filters
@click.option("--dimensions", default="service,accelerator,intent", metavar="NAME,...",
              help="what the matrix is made of; default: service,accelerator,intent")  # fmt: skip
@click.option("--missing", is_flag=True, help="only the cells that no recipe covers")
@click.option("--data", multiple=True, metavar="DIR",
              help="further catalogue directory (repeatable)")  # fmt: skip
@click.option("--external-only", is_flag=True, help="the --data directories alone")
@click.option(
    "--format", "-t", "fmt", default="table", metavar="|".join(FORMATS), help="default: table"
)
@click.pass_obj
def coverage_command(environment: Environment, /, **options: Any) -> None:
    """Show for every combination of criteria whether there is a recipe, what it checks, and whether it is sound.

    RESOLVES is yes, no, or what has to be stated besides. CHECKS counts those of readiness, deployment, performance
    and conformance. No cluster is asked: a check that is named has not been run.
    """
    from aicr_core.app.recipe import RecipeRequest
    from aicr_core.app.recipe_coverage import NO, CoverageRequest
    from aicr_core.session import Session

    fmt = choice("format", options["fmt"], FORMATS)
    recipe = RecipeRequest(
        flags={name: options[name] for name in TEXT_DIMENSIONS if options[name]},
        data=tuple(folder for folder in options["data"] if folder),
        external_only=options["external_only"],
    )
    names = tuple(name.strip() for name in options["dimensions"].split(",") if name.strip())
    found = Session.of(environment).criteria_matrix(CoverageRequest(recipe, names))
    if options["missing"]:
        found["cells"] = [cell for cell in found["cells"] if cell["resolves"] == NO]
    if fmt in ("json", "yaml"):
        write_result(render(found, fmt))
        return
    write_result(_markdown(found) if fmt == "markdown" else _table(found))


def _rows(found: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    shown = [
        name for name in TEXT_DIMENSIONS if name in found["dimensions"] or name in found["fixed"]
    ]
    header = [*(name.upper() for name in shown), "RESOLVES", "OVERLAY", "CHECKS", "HEALTH"]
    rows = []
    for cell in found["cells"]:
        needs = " or ".join(text(more) for more in cell.get("needs", ()))
        checks = " ".join(
            f"{name[0].upper()}:{count}" for name, count in cell.get("checks", {}).items()
        )
        rows.append(
            [
                *(cell["criteria"].get(name, "any") for name in shown),
                f"with {needs}" if needs else cell["resolves"],
                cell.get("overlay", "-"),
                checks or "-",
                cell.get("health", "-"),
            ]
        )
    return header, rows


def _summary(found: dict[str, Any]) -> str:
    counts = found["summary"]
    return (
        f"{counts['cells']} cells: {counts['resolve']} resolve, {counts['needMore']} need more criteria, "
        f"{counts['missing']} are missing; {counts['unchecked']} without checks, {counts['unhealthy']} unsound."
    )


def _missing(found: dict[str, Any]) -> list[str]:
    """Give the missing cells a line each, those that differ in the last dimension alone in one."""
    groups: dict[str, list[str]] = {}
    for criteria in found["missing"]:
        *first, (name, value) = criteria.items()
        groups.setdefault(f"{text(dict(first))}|{name}" if first else f"|{name}", []).append(value)
    lines = []
    for key, values in groups.items():
        start, _, name = key.rpartition("|")
        lines.append(f"{f'{start}, ' if start else ''}{name}={'|'.join(values)}")
    return lines


def _table(found: dict[str, Any]) -> str:
    from aicr_core.kit.text import table

    missing = _missing(found)
    told = "".join(f"  {line}\n" for line in missing)
    return f"{table(*_rows(found))}\n{_summary(found)}\n" + (
        f"\nMissing:\n{told}" if missing else ""
    )


def _markdown(found: dict[str, Any]) -> str:
    from aicr_core.kit.text import markdown

    missing = _missing(found)
    told = "".join(f"- `{line}`\n" for line in missing)
    head = f"## Coverage\n\n{_summary(found)}\n\n{markdown(*_rows(found))}"
    return head + (f"\n### Missing\n\n{told}" if missing else "")
