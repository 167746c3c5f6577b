"""``aicr recipe`` and ``aicr recipe list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli.options import choice, criteria_options, request_from, single
from aicr_core.cli.output import deliver, render, warn, write_result
from aicr_core.engine.criteria import TEXT_DIMENSIONS

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment

FORMATS = ("yaml", "json", "table")


@click.group(
    invoke_without_command=True,
    epilog="""\b
Examples:
  aicr recipe --service eks --accelerator h100 --os ubuntu --intent training
  aicr recipe --snapshot node.yaml --intent inference -o recipe.yaml
  aicr recipe --snapshot node.yaml --explain-criteria
  aicr recipe --criteria criteria.yaml --data ./my-catalogue --format json
  aicr recipe list --service eks""",
)
@criteria_options
@click.option(
    "--output", "-o", multiple=True, metavar="FILE", help="file to write; - is standard output"
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
        return
    from aicr_core.app.recipe import build_recipe

    environment: Environment = ctx.obj
    output = single("output", options["output"])
    request = request_from(options)
    environment.catalogue(request.data, external_only=request.external_only)
    default = "table" if options["explain_criteria"] else "yaml"
    fmt = choice("format", single("format", options["fmt"], default), FORMATS)
    if options["explain_criteria"]:
        from aicr_core.cli.explain import explanation

        text = explanation(environment, request, fmt)
        deliver(environment, text, output, fmt, kubeconfig=request.kubeconfig)
        return
    resolution = build_recipe(environment, request)
    for text in resolution.warnings:
        warn(text)
    document = resolution.document
    text = _table(document) if fmt == "table" else render(document, fmt)
    deliver(environment, text, output, fmt, kubeconfig=request.kubeconfig)


_ACRONYMS = {"apiVersion": "APIVersion", "os": "OS"}


def _table(document: dict[str, Any]) -> str:
    """Give the recipe as one row a leaf, sorted by path in byte order (spec/recipe.md 14)."""
    from aicr_core.kit.emit import as_text
    from aicr_core.kit.text import table

    rows: list[tuple[str, str]] = []

    def walk(path: str, value: Any, *, free: bool) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                name = key if free else _ACRONYMS.get(key, key[:1].upper() + key[1:])
                walk(f"{path}.{name}" if path else name, item, free=free or key == "overrides")
        elif isinstance(value, list):
            for number, item in enumerate(value):
                walk(f"{path}.[{number}]", item, free=free)
        else:
            rows.append((path, as_text(value)))

    walk("", document, free=False)
    rows.sort(key=lambda row: row[0].encode())
    return table(("FIELD", "VALUE"), rows, rule=True)


@recipe.command(
    "list",
    epilog="""\b
Examples:
  aicr recipe list
  aicr recipe list --service eks --intent training --format json""",
)
@click.option("--service", default="", metavar="VALUE")
@click.option("--accelerator", "--gpu", "accelerator", default="", metavar="VALUE")
@click.option("--intent", default="", metavar="VALUE")
@click.option("--os", default="", metavar="VALUE")
@click.option("--platform", default="", metavar="VALUE")
@click.option(
    "--data", multiple=True, metavar="DIR", help="further catalogue directory (repeatable)"
)
@click.option("--external-only", is_flag=True, help="list the --data directories alone")
@click.option(
    "--format", "-t", "fmt", default="table", metavar="table|json|yaml", help="default: table"
)
@click.pass_obj
def list_command(environment: Environment, /, **options: Any) -> None:
    """List the overlays of the catalogue; criteria filter by equality."""
    from aicr_core.app.recipe import list_overlays

    fmt = choice("format", options["fmt"], FORMATS)
    filters = {name: options[name] for name in TEXT_DIMENSIONS if options[name]}
    rows = list_overlays(
        environment, filters, options["data"], external_only=options["external_only"]
    )
    if fmt != "table":
        write_result(render(rows, fmt))
        return
    from aicr_core.kit.text import table

    header = ["NAME", *(name.upper() for name in TEXT_DIMENSIONS), "LEAF", "SOURCE"]
    lines = [
        [
            row["name"],
            *(str(row["criteria"].get(name, "any")) for name in TEXT_DIMENSIONS),
            "yes" if row["is_leaf"] else "no",
            row["source"],
        ]
        for row in rows
    ]
    legend = 'A recipe takes every overlay whose criteria all hold; "any" holds for every query.'
    write_result(table(header, lines) + f"\n{legend}\n")
