"""``aicr recipe explain``: where the values of a recipe come from, and why it is as it is."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli.options import (
    SingleDash,
    choice,
    recipe_options,
    request_from,
    scheduling_options,
    single,
    value_options,
)
from aicr_core.cli.output import deliver, render, warn
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aicr_core.app.environment import Environment

FORMATS = ("table", "yaml", "json")
_ENDINGS = {".json": "json", ".yaml": "yaml", ".yml": "yaml"}
_OF_BUNDLES = (
    "set_values", "set_strings", "set_files", "set_jsons", "enable", "disable", "system_node_selector",
    "system_node_tolerations", "accelerated_node_selector", "accelerated_node_tolerations", "workload_gate",
    "workload_selector",
)  # fmt: skip


@click.command(
    "explain",
    cls=SingleDash,
    epilog="""\b
Examples:
  aicr recipe explain --service eks --intent training components.gpu-operator.version
  aicr recipe explain recipe.yaml 'components.*.version' 'components.*.values.driver'
  aicr recipe explain recipe.yaml --why-not h100-eks-training --order cert-manager gpu-operator
  aicr recipe explain recipe.yaml --set gpuoperator:driver.version=570.172.08 components.gpu-operator.values.driver
  aicr recipe explain recipe.yaml --all --output recipe.provenance.json

Where the criteria themselves come from: aicr recipe --explain-criteria.""",
)
@click.argument("arguments", nargs=-1, metavar="[RECIPE] [SELECTOR]...")
@click.option("--recipe", "-r", multiple=True, metavar="SOURCE",
              help="the recipe: path, -, or URL; also the first argument, if it ends in .yaml or .json")  # fmt: skip
@click.option("--all", "whole", is_flag=True, help="explain every value")
@click.option("--why-not", multiple=True, metavar="OVERLAY",
              help="tell why an overlay does not apply, or that it does (repeatable)")  # fmt: skip
@click.option("--order", nargs=2, multiple=True, metavar="A B",
              help="tell what puts component A before B (repeatable)")  # fmt: skip
@click.option("--constraint", "constraints", multiple=True, metavar="NAME",
              help="explain a constraint; with --snapshot also what was measured (repeatable)")  # fmt: skip
@click.option("--check", "checks", multiple=True, metavar="NAME",
              help="tell who asks for a check, and which plugin brings it (repeatable)")  # fmt: skip
@recipe_options
@click.option("--allow-partial", is_flag=True,
              help="explain the smaller recipe when a criterion is covered by no overlay")  # fmt: skip
@click.option("--bundle", is_flag=True,
              help="explain values as a bundle holds them; the options below mean this as well")  # fmt: skip
@value_options
@scheduling_options
@click.option("--output", "-o", multiple=True, metavar="FILE",
              help="file to write; - is standard output")  # fmt: skip
@click.option("--format", "-t", "fmt", multiple=True, metavar="table|yaml|json",
              help="default: by the ending of --output, else table")  # fmt: skip
@click.option("--absolute", is_flag=True, help="name files by their place on this machine as well")
@click.pass_obj
def explain(environment: Environment, /, **options: Any) -> None:
    """Tell where the values of a recipe come from: file, line, layer, and what stood there before.

    A SELECTOR is one of `aicr query`; * stands for any text in a key, [*] for any item of a list. RECIPE is a recipe
    that is there; without one, criteria resolve to it.
    """
    from aicr_core.app.recipe_explain import ExplainRequest
    from aicr_core.session import Session

    output = single("output", options["output"])
    fmt = choice("format", single("format", options["fmt"], _by_ending(output)), FORMATS)
    recipe, selectors = _recipe(single("recipe", options["recipe"]), options["arguments"])
    questions = ("whole", "why_not", "order", "constraints", "checks")
    if not selectors and not any(options[name] for name in questions):
        raise click.UsageError(
            "nothing to explain: give a selector, --all, --why-not, --order, --constraint or --check"
        )
    request = ExplainRequest(
        asked=request_from(options),
        recipe=recipe,
        bundle=_bundle(options),
        selectors=selectors,
        absolute=options["absolute"] or fmt == "table",
        **{name: options[name] for name in questions},
    )
    answer, notes = Session.of(environment).explain_recipe(request)
    for text in notes:
        warn(text)
    if fmt == "table":
        from aicr_core.cli.explain_table import tables

        text = tables(answer, _width() if output in ("", "-") else 0, absolute=options["absolute"])
    else:
        text = render(answer, fmt)
    deliver(environment, text, output, fmt, kubeconfig=options["kubeconfig"], kind="recipe")


def with_provenance(
    environment: Environment, request: Any, beside: str
) -> tuple[dict[str, Any], Sequence[str]]:
    """Resolve a recipe, write its provenance to the file ``beside``; give recipe and warnings. Raises AicrError."""
    from aicr_core.app.recipe_explain import ExplainRequest, open_subject, provenance_document

    if beside in ("", "-"):
        raise AicrError(
            Code.INVALID_REQUEST, "it is written beside the recipe, never among it",
            where="--provenance", hint="name a file",
        )  # fmt: skip
    subject = open_subject(environment, ExplainRequest(asked=request))
    fmt = _ENDINGS.get(os.path.splitext(beside.lower())[1], "json")
    text = render(provenance_document(subject), fmt)
    deliver(environment, text, beside, fmt, kubeconfig=request.kubeconfig, kind="recipe")
    return subject.recipe, subject.notes


def _by_ending(output: str) -> str:
    return _ENDINGS.get(os.path.splitext(output.lower())[1], "table")


def _recipe(given: str, arguments: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Tell a recipe among the arguments from selectors: no selector is a file, a URL, or ends as documents do."""
    if given or not arguments:
        return given, tuple(arguments)
    first = arguments[0]
    ending = os.path.splitext(first.lower())[1]
    if first == "-" or "://" in first or ending in _ENDINGS:
        return first, tuple(arguments[1:])
    return "", tuple(arguments)


def _bundle(options: dict[str, Any]) -> Any:
    given = {name: options[name] for name in _OF_BUNDLES}
    if not options["bundle"] and not any(given.values()):
        return None
    from aicr_core.app.bundle_request import BundleRequest

    nodes = options["nodes"][-1] if options["nodes"] else 0
    return BundleRequest(recipe="", nodes=nodes, **given)


def _width() -> int:
    """Give the columns of the terminal that the result goes to; 0 where it goes elsewhere."""
    if sys.stdout is None or not sys.stdout.isatty():
        return 0
    import shutil

    return shutil.get_terminal_size((100, 24)).columns
