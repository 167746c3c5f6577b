"""``aicr mirror list``: everything that has to be carried to a site without internet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli.options import (
    charts_options,
    recipe_options,
    request_from,
    single,
    value_options,
)
from aicr_core.cli.output import deliver, warn

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment

_SAME = (
    "set_values", "set_strings", "set_files", "set_jsons", "enable", "disable", "external_only", "lenient",
    "kubeconfig", "offline", "jobs",
)  # fmt: skip
"""Options that are the request's fields of the same name."""


@click.group(
    epilog="""\b
Examples:
  aicr mirror list --recipe recipe.yaml --charts ./charts
  aicr mirror list --service eks --accelerator h100 --intent training --format images"""
)
def mirror() -> None:
    """Work with what a recipe needs from outside."""


@mirror.command(
    "list",
    epilog="""\b
Examples:
  aicr mirror list --recipe recipe.yaml
  aicr mirror list --recipe recipe.yaml --charts ./charts --offline --format hauler -o store.yaml
  aicr recipe --service eks --intent training | aicr mirror list -r - --format images""",
)
@click.option(
    "--recipe", "-r", multiple=True, metavar="SOURCE", help="path, -, or URL; or give criteria"
)
@recipe_options
@value_options
@charts_options
@click.option("--kubernetes-version", multiple=True, metavar="VERSION",
              help="version to render charts for; default: the lowest the recipe allows")  # fmt: skip
@click.option("--format", "-t", "-f", "fmt", multiple=True, metavar="FORMAT",
              help="yaml, json, images, hauler, zarf, skopeo, oc-mirror; default: yaml")  # fmt: skip
@click.option(
    "--output", "-o", multiple=True, metavar="FILE", help="file to write; - is standard output"
)
@click.option("--allow-partial", "incomplete", is_flag=True,
              help="list what is known although something is not, and say in the list what")  # fmt: skip
@click.option("--jobs", type=click.IntRange(min=0), default=0, metavar="N", help="charts at once")
@click.pass_obj
def list_command(environment: Environment, /, **options: Any) -> None:
    """List the images and charts of a recipe: its charts are rendered with its values.

    The list is complete, or the command fails and names what is missing. Give the values, switches and --data that the
    bundle is made with.
    """
    from aicr_core.app import sinks
    from aicr_core.app.mirror import MirrorRequest
    from aicr_core.cli.counter import Counter
    from aicr_core.session import Session

    recipe = single("recipe", options["recipe"])
    chosen = request_from(options)
    asked = bool(chosen.flags or chosen.nodes or chosen.criteria or chosen.snapshot)
    if bool(recipe) == asked:
        raise click.UsageError(
            "give --recipe or criteria, not both"
            if asked
            else "give --recipe, criteria or --snapshot"
        )
    output = single("output", options["output"])
    sinks.check(environment, output)
    request = MirrorRequest(
        recipe=recipe,
        criteria=chosen if asked else None,
        format=single("format", options["fmt"], "yaml"),
        data=chosen.data,
        charts=tuple(folder for folder in options["charts"] if folder),
        kubernetes=single("kubernetes-version", options["kubernetes_version"]),
        allow_partial=options["incomplete"],
        **{name: options[name] for name in _SAME},
    )
    with Counter("charts") as counter:
        found = Session.of(environment).mirror(request, progress=counter)
    for note in found.notes:
        warn(note)
    for error in found.errors:
        warn(f"not complete: {error}")
    deliver(
        environment, found.text, output, found.suffix.rpartition(".")[2] or "txt", kind="mirror"
    )
