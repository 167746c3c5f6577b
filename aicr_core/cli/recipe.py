"""``aicr recipe``: resolve to one recipe. Its subcommands work with the catalogue and with recipes that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli.lazygroup import LazyGroup
from aicr_core.cli.options import (
    SingleDash,
    choice,
    criteria_options,
    request_from,
    single,
)
from aicr_core.cli.output import deliver, render, warn

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment

FORMATS = ("yaml", "json", "table")


SUBCOMMANDS: dict[str, tuple[str, str]] = {
    "list": ("aicr_core.cli.recipe_list:list_command", "List the overlays of the catalogue"),
    "new": (
        "aicr_core.cli.recipe_new:new_command",
        "Write the beginning of an overlay, with its test",
    ),
    "validate": (
        "aicr_core.cli.recipe_validate:validate_command",
        "Look for faults in overlays and registry",
    ),
    "coverage": (
        "aicr_core.cli.recipe_coverage:coverage_command",
        "Show which criteria have a recipe, and which do not",
    ),
    "dedupe": ("aicr_core.cli.recipe_dedupe:dedupe_command", "Find what a mixin could say once"),
    "diff": ("aicr_core.cli.recipe_diff:diff_command", "Compare two recipes"),
    "explain": (
        "aicr_core.cli.recipe_explain:explain",
        "Tell where values come from, and why a recipe is as it is",
    ),
}


class RecipeGroup(SingleDash, LazyGroup):
    """The command, whose long options may be written with one dash, and its subcommands."""


@click.group(
    cls=RecipeGroup,
    subcommands=SUBCOMMANDS,
    invoke_without_command=True,
    epilog="""\b
Examples:
  aicr recipe --service eks --accelerator h100 --os ubuntu --intent training
  aicr recipe --snapshot node.yaml --intent inference -o recipe.yaml
  aicr recipe --snapshot node.yaml --explain-criteria
  aicr recipe explain --snapshot node.yaml 'components.*.version'
  aicr recipe --criteria criteria.yaml --data ./my-catalogue --format json
  aicr recipe list --service eks""",
)
@criteria_options
@click.option(
    "--output", "-o", multiple=True, metavar="FILE", help="file to write; - is standard output"
)
@click.option(
    "--provenance",
    multiple=True,
    metavar="FILE",
    help="write where every value comes from to FILE as well: aicr recipe explain --all",
)
@click.option(
    "--format", "-t", "fmt", multiple=True, metavar="yaml|json|table", help="default: yaml"
)
@click.pass_context
def recipe(ctx: click.Context, /, **options: Any) -> None:
    """Resolve criteria or a snapshot to one deterministic recipe.

    Criteria come from flags, a RecipeCriteria file or a snapshot; flags override. Sources are paths, - for
    standard input, or http(s) URLs.
    """
    if ctx.invoked_subcommand is not None:
        _refuse_options_before(ctx, ctx.invoked_subcommand)
        return
    from aicr_core.app.recipe import catalogue_for
    from aicr_core.session import Session

    environment: Environment = ctx.obj
    output = single("output", options["output"])
    request = request_from(options)
    default = "table" if options["explain_criteria"] else "yaml"
    fmt = single("format", options["fmt"], default)
    catalogue_for(environment, request)
    choice("format", fmt, FORMATS)
    if options["explain_criteria"]:
        from aicr_core.cli.explain import explanation

        text = explanation(environment, request, fmt)
        deliver(environment, text, output, fmt, kubeconfig=request.kubeconfig)
        return
    if options["provenance"]:
        from aicr_core.cli.recipe_explain import with_provenance

        beside = single("provenance", options["provenance"])
        document, warnings = with_provenance(environment, request, beside)
    else:
        document, warnings = Session.of(environment).resolve(request)
    for text in warnings:
        warn(text)
    deliver(environment, _text(document, fmt), output, fmt, kubeconfig=request.kubeconfig)


def _text(document: dict[str, Any], fmt: str) -> str:
    if fmt != "table":
        return render(document, fmt)
    from aicr_core.cli.recipe_table import recipe_table

    return recipe_table(document)


def _refuse_options_before(ctx: click.Context, command: str) -> None:
    """Options of ``recipe`` itself would be without effect on its subcommand: say so."""
    for parameter in ctx.command.params:
        source = ctx.get_parameter_source(parameter.name or "")
        if source is click.core.ParameterSource.COMMANDLINE:
            name = parameter.opts[0]
            raise click.UsageError(f"{name} has to stand after {command}", ctx=ctx)
