"""``aicr fleet``: many nodes, or clusters, in one document; which of them are unlike the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli.diff import some
from aicr_core.cli.options import choice, kubeconfig_option, max_input_size, single
from aicr_core.cli.output import deliver, render, warn
from aicr_core.kit.errors import GateFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aicr_core.app.environment import Environment

FORMATS = ("table", "yaml", "json", "markdown")


@click.group(
    epilog="""\b
Examples:
  aicr snapshot --all-nodes -o fleet.yaml
  aicr fleet report fleet.yaml
  aicr fleet report cluster-a/ cluster-b/ -t markdown
  aicr fleet check recipe.yaml --fleet fleet.yaml --quorum 95%"""
)
def fleet() -> None:
    """Put snapshots of many nodes together, find the odd ones, hold all to a recipe."""


@fleet.command("import", epilog="""\b
Examples:
  aicr fleet import nodes/ -o fleet.yaml
  aicr fleet import n1.yaml n2.json cm://default/n3 -o fleet.json -t json
  aicr fleet import nodes/ --flat -o snapshot.yaml   # for readers that know no fleets""")  # fmt: skip
@click.argument("places", nargs=-1, required=True, metavar="FILE|DIR...")
@click.option(
    "--output", "-o", multiple=True, metavar="TARGET", help="file, - or cm://namespace/name"
)
@click.option("--format", "-t", "fmt", multiple=True, metavar="yaml|json", help="default: yaml")
@click.option("--flat", is_flag=True, help="write a plain Snapshot of the largest GPU group")
@kubeconfig_option
@max_input_size
@click.pass_obj
def import_command(environment: Environment, /, places: tuple[str, ...], **options: Any) -> None:
    """Make one FleetSnapshot of node snapshots in files, directories and stores.

    A node is named by its snapshot, else by its file; below one of several directories (a cluster each) the directory's
    name stands before it. A file that cannot be read counts as a node without a snapshot.
    """
    from aicr_core.engine.fleet import flatten
    from aicr_core.session import Session

    fmt = choice("format", single("format", options["fmt"], "yaml"), ("yaml", "json"))
    document, warnings = Session.of(environment).import_fleet(
        places,
        kubeconfig=options["kubeconfig"],
        limit=options["max_input_size"] * 2**20,
    )
    for text in warnings:
        warn(text)
    for item in document["fleet"]["failed"]:
        warn(f"left out: {item['message']}")
    if options["flat"]:
        document = flatten(document)
    deliver(environment, render(document, fmt), single("output", options["output"]), fmt,
            kubeconfig=options["kubeconfig"])  # fmt: skip


@fleet.command("report", epilog="""\b
Examples:
  aicr fleet report fleet.yaml
  aicr fleet report nodes/ -t markdown -o report.md
  aicr fleet report cluster-a/ cluster-b/ -t json""")  # fmt: skip
@click.argument("places", nargs=-1, required=True, metavar="FILE|DIR...")
@click.option(
    "--output", "-o", multiple=True, metavar="FILE", help="file, or - for standard output"
)
@click.option(
    "--format", "-t", "fmt", multiple=True, metavar="|".join(FORMATS), help="default: table"
)
@kubeconfig_option
@max_input_size
@click.pass_obj
def report_command(environment: Environment, /, places: tuple[str, ...], **options: Any) -> None:
    """Show groups of equal nodes and the outliers, worst first.

    One FleetSnapshot, or snapshots of nodes in files and directories; several directories are a cluster each, and their
    nodes are compared with each other.
    """
    from aicr_core.session import Session

    fmt = choice("format", single("format", options["fmt"], "table"), FORMATS)
    document = _open(environment, places, options)
    result = Session.of(environment).fleet_report(document)
    text = _report(result, fmt) if fmt in ("table", "markdown") else render(result, fmt)
    deliver(environment, text, single("output", options["output"]), fmt)


def _open(
    environment: Environment, places: Sequence[str], options: Mapping[str, Any]
) -> dict[str, Any]:
    from aicr_core.session import Session

    document, warnings = Session.of(environment).open_fleet(
        places,
        kubeconfig=options["kubeconfig"],
        limit=options["max_input_size"] * 2**20,
    )
    for text in warnings:
        warn(text)
    return document


def as_table(environment: Environment, document: dict[str, Any]) -> str:
    """Give the report on a FleetSnapshot as a table."""
    from aicr_core.session import Session

    return _report(Session.of(environment).fleet_report(document), "table")


_KEYS = 20
"""How many differences of a group the tables show; YAML and JSON hold all."""


def _report(result: dict[str, Any], fmt: str) -> str:
    counts, groups = result["nodes"], result["groups"]
    head = f"{counts['collected']} of {counts['desired']} nodes in {len(groups)} group{'s' * (len(groups) != 1)}"
    rows = [
        (item["id"], str(item["size"]), "yes" if item["base"] else "", some(item["nodes"]))
        for item in groups
    ]
    failed = [
        (item["node"], item.get("reason", ""), item.get("message", "")) for item in result["failed"]
    ]
    odd = [row for item in result["outliers"] for row in _outlier(item)]
    parts: list[tuple[str, tuple[str, ...], Sequence[tuple[str, ...]]]] = [
        ("Groups", ("GROUP", "NODES", "BASE", "NAMES"), rows),
        ("Outliers, worst first", ("NODES", "SEVERITY", "PATH", "MOST", "HERE"), odd),
        ("Nodes without a snapshot", ("NODE", "REASON", "MESSAGE"), failed),
    ]
    lines = [f"## {head}" if fmt == "markdown" else head, ""]
    for title, header, cells in parts:
        if cells:
            lines += [
                f"### {title}" if fmt == "markdown" else title.upper(),
                "",
                _table(header, cells, fmt),
            ]
    return "\n".join(lines)


def _outlier(item: dict[str, Any]) -> list[tuple[str, ...]]:
    names = some(item["nodes"])
    rows: list[tuple[str, ...]] = [
        (names, entry["severity"], entry["path"], _value(entry, "base"), _value(entry, "value"))
        for entry in item["differs"][:_KEYS]
    ]
    left = len(item["differs"]) - _KEYS
    if left > 0:
        rows.append((names, "", f"(+{left} more differences)", "", ""))
    return rows


def _value(entry: dict[str, Any], side: str) -> str:
    from aicr_core.cli.diff import shown
    from aicr_core.engine.diff import text_of

    return shown(text_of(entry[side]) if side in entry else None)


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]], fmt: str) -> str:
    from aicr_core.kit.text import markdown, table

    return markdown(header, rows) if fmt == "markdown" else table(header, rows)


@fleet.command("check", epilog="""\b
Examples:
  aicr fleet check recipe.yaml --fleet fleet.yaml
  aicr fleet check recipe.yaml --fleet nodes/ --quorum majority -t json""")  # fmt: skip
@click.argument("recipe", metavar="RECIPE")
@click.option(
    "--fleet",
    "places",
    multiple=True,
    required=True,
    metavar="FILE|DIR",
    help="fleet, or node snapshots (repeatable)",
)
@click.option(
    "--quorum",
    default="all",
    metavar="all|majority|N%",
    help="nodes that have to satisfy all; default: all",
)
@click.option(
    "--output", "-o", multiple=True, metavar="FILE", help="file, or - for standard output"
)
@click.option(
    "--format", "-t", "fmt", multiple=True, metavar="table|yaml|json", help="default: table"
)
@click.option("--gate-exit-code", type=click.IntRange(1, 125), default=2, metavar="N",
              help="exit status when the quorum is not met; default 2")  # fmt: skip
@kubeconfig_option
@max_input_size
@click.pass_obj
def check_command(
    environment: Environment, /, recipe: str, places: tuple[str, ...], **options: Any
) -> None:
    """Evaluate the recipe's constraints for every node; exit 2 when too few satisfy them.

    A node without a snapshot satisfies nothing: the quorum is of the nodes that were to be measured.
    """
    from aicr_core.session import Session

    fmt = choice("format", single("format", options["fmt"], "table"), ("table", "yaml", "json"))
    document = _open(environment, places, options)
    result = Session.of(environment).fleet_check(
        recipe, document, quorum=options["quorum"], kubeconfig=options["kubeconfig"]
    )
    text = _verdict(result) if fmt == "table" else render(result, fmt)
    deliver(environment, text, single("output", options["output"]), fmt)
    if not result["passed"]:
        raise GateFailed(
            f"{result['good']} of {result['nodes']} nodes satisfy the recipe, {result['needed']} have to",
            status=options["gate_exit_code"],
        )


def _verdict(result: dict[str, Any]) -> str:
    from aicr_core.kit.text import table

    rows = [
        (item["constraint"], item["expected"], str(item["passed"]), str(len(item["failed"])))
        for item in result["results"]
    ]
    lines = [table(("CONSTRAINT", "EXPECTED", "PASSED", "FAILED"), rows)]
    bad = [
        (entry["node"], item["constraint"], entry["reason"])
        for item in result["results"]
        for entry in item["failed"]
    ]
    if bad:
        lines.append(table(("NODE", "CONSTRAINT", "REASON"), bad))
    word = "PASSED" if result["passed"] else "FAILED"
    lines.append(
        f"{word}: {result['good']} of {result['nodes']} nodes satisfy the recipe (quorum {result['quorum']})\n"
    )
    return "\n".join(lines)
