"""``aicr query``: print one value of the hydrated recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli.options import SingleDash, choice, criteria_options, request_from, single
from aicr_core.cli.output import render, warn, write_result
from aicr_core.kit.emit import float_text, to_yaml

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment


@click.command(
    cls=SingleDash,
    epilog="""\b
Examples:
  aicr query --service eks --intent training --selector deploymentOrder
  aicr query --service eks --intent training --selector components.gpu-operator.version
  aicr query -c criteria.yaml --selector 'constraints[0].value' --format json
  aicr query -c criteria.yaml --selector 'components.x.values["a.b"]'""",
)
@criteria_options
@click.option("--selector", multiple=True, metavar="PATH", help='dotted path; "" is all (required)')
@click.option(
    "--format", "-t", "fmt", multiple=True, metavar="yaml|json|table", help="default: yaml"
)
@click.pass_obj
def query(environment: Environment, /, **options: Any) -> None:
    """Print one value of the hydrated recipe: components with their values merged.

    A selector is a dotted path; [n] enters a list, ["a.b"] names a key that holds dots.
    """
    from aicr_core.app.recipe import catalogue_for
    from aicr_core.session import Session

    selector = single("selector", options["selector"])
    request = request_from(options)
    default = "table" if options["explain_criteria"] else "yaml"
    fmt = single("format", options["fmt"], default)
    catalogue_for(environment, request)
    choice("format", fmt, ("yaml", "json", "table"))
    if options["explain_criteria"]:
        from aicr_core.cli.explain import explanation

        write_result(explanation(environment, request, fmt))
        return
    if not options["selector"]:
        raise click.UsageError("Missing option '--selector'.")
    value, warnings = Session.of(environment).query(
        selector, request, empty=None if fmt == "json" else []
    )
    for text in warnings:
        warn(text)
    write_result(render(value, "json") if fmt == "json" else _bare(value))


def _bare(value: Any) -> str:
    """Give scalars as bare text, everything else as YAML with sorted keys (spec/recipe.md 16)."""
    if isinstance(value, str):
        return f"{value}\n"
    if isinstance(value, bool):
        return "true\n" if value else "false\n"
    if isinstance(value, float):
        return f"{float_text(value)}\n"
    return to_yaml(value, indent=4, sort_keys=True)
