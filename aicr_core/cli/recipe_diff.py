"""``aicr recipe diff``: what changes from one recipe to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli.options import SingleDash, choice, file_target, kubeconfig_option, single
from aicr_core.cli.output import deliver, render, warn

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment

FORMATS = ("table", "yaml", "json", "markdown")


@click.command(
    "diff",
    cls=SingleDash,
    epilog="""\b
Examples:
  aicr recipe diff eks/h100/training/ubuntu eks/gb200/training/ubuntu
  aicr recipe diff old.yaml ./bundle --format markdown -o comment.md
  aicr recipe diff deployed.yaml eks/h100/training/ubuntu --exit-code""",
)
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option("--data", multiple=True, metavar="DIR",
              help="further catalogue directory (repeatable)")  # fmt: skip
@click.option(
    "--origins", is_flag=True, help="say of each value where it comes from, on either side"
)
@click.option("--exit-code", is_flag=True,
              help="exit with a failure, after writing, when the two differ")  # fmt: skip
@click.option("--gate-exit-code", type=click.IntRange(1, 125), default=2, metavar="N",
              help="exit status of --exit-code; default 2")  # fmt: skip
@click.option("--format", "-t", "fmt", multiple=True, metavar="|".join(FORMATS),
              help="default: table")  # fmt: skip
@click.option("--output", "-o", multiple=True, metavar="FILE", help="file, or - (the default)")
@kubeconfig_option
@click.pass_obj
def diff_command(environment: Environment, /, **options: Any) -> None:
    """Compare two recipes: components, charts, values, images, constraints, checks, order.

    A and B are recipe files (or - or URLs), bundle directories, or criteria: values with / between them, in any order.
    A value of two dimensions is written with its dimension: service=VALUE. Values are those of the installed catalogue
    and of --data; the images are those that the values name.
    """
    from aicr_core.app.recipediff import RecipeDiff, side_of
    from aicr_core.kit.errors import AicrError, Code, GateFailed
    from aicr_core.session import Session

    fmt = choice("format", single("format", options["fmt"], "table"), FORMATS)
    output = file_target(options["output"], "a comparison")
    data = tuple(folder for folder in options["data"] if folder)
    if options["before"] == options["after"] == "-":
        raise AicrError(Code.INVALID_REQUEST, "standard input holds one recipe, not two", where="-")
    before, after = (side_of(environment, options[name], data) for name in ("before", "after"))
    request = RecipeDiff(before, after, data, options["kubeconfig"], options["origins"])
    result, warnings = Session.of(environment).compare_recipes(request)
    for text in dict.fromkeys(warnings):
        warn(text)
    if fmt in ("yaml", "json"):
        text = render(result, fmt)
    else:
        from aicr_core.cli.recipe_diff_text import as_markdown, as_table

        text = (
            as_table(result)
            if fmt == "table"
            else as_markdown(result, options["before"], options["after"])
        )
    deliver(environment, text, output, fmt, kind="report")
    if options["exit_code"] and not result["equal"]:
        raise GateFailed("the recipes differ", status=options["gate_exit_code"])
