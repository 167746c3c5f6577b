"""``aicr fleet``: many nodes, or clusters, in one document; which of them are unlike the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli.options import choice, single
from aicr_core.cli.output import deliver, note, render, warn

if TYPE_CHECKING:
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
  aicr fleet import n1.yaml n2.json cm://default/n3 -o fleet.json -t json""")  # fmt: skip
@click.argument("places", nargs=-1, required=True, metavar="FILE|DIR...")
@click.option(
    "--output", "-o", multiple=True, metavar="TARGET", help="file, - or cm://namespace/name"
)
@click.option("--format", "-t", "fmt", multiple=True, metavar="yaml|json", help="default: yaml")
@click.option("--kubeconfig", "-k", default="", metavar="FILE", help="for cm:// sources")
@click.pass_obj
def import_command(environment: Environment, /, places: tuple[str, ...], **options: Any) -> None:
    """Make one FleetSnapshot of node snapshots in files, directories and stores."""
    from aicr_core.app.fleet import import_nodes

    fmt = choice("format", single("format", options["fmt"], "yaml"), ("yaml", "json"))
    document, warnings = import_nodes(environment, places, kubeconfig=options["kubeconfig"])
    for text in warnings:
        warn(text)
    for item in document["fleet"]["failed"]:
        warn(f"left out: {item['message']}")
    deliver(environment, render(document, fmt), single("output", options["output"]), fmt,
            kubeconfig=options["kubeconfig"])  # fmt: skip


@fleet.command("report")
@click.argument("places", nargs=-1, required=True, metavar="FILE|DIR...")
@click.option(
    "--output", "-o", multiple=True, metavar="FILE", help="file, or - for standard output"
)
@click.option(
    "--format", "-t", "fmt", multiple=True, metavar="|".join(FORMATS), help="default: table"
)
@click.option("--kubeconfig", "-k", default="", metavar="FILE", help="for cm:// sources")
@click.pass_obj
def report_command(environment: Environment, /, places: tuple[str, ...], **options: Any) -> None:
    """Show groups of equal nodes and the outliers, worst first."""
    from aicr_core.app.drift import shipped_rules
    from aicr_core.app.fleet import open_fleet, report

    fmt = choice("format", single("format", options["fmt"], "table"), FORMATS)
    document, warnings = open_fleet(environment, places, kubeconfig=options["kubeconfig"])
    for text in warnings:
        warn(text)
    result = report(document, shipped_rules(environment).of)
    text = _report(result, fmt) if fmt in ("table", "markdown") else render(result, fmt)
    deliver(environment, text, single("output", options["output"]), fmt)


def _report(result: dict[str, Any], fmt: str) -> str:
    counts = result["nodes"]
    head = f"{counts['collected']} of {counts['desired']} nodes in {len(result['groups'])} groups"
    groups: list[tuple[str, ...]] = [
        (item["id"], str(item["size"]), "yes" if item["base"] else "", _some(item["nodes"]))
        for item in result["groups"]
    ]
    odd: list[tuple[str, ...]] = [
        (
            item["node"],
            entry["severity"],
            entry["path"],
            str(entry.get("base", "-")),
            str(entry.get("value", "-")),
        )
        for item in result["outliers"]
        for entry in item["differs"]
    ]
    failed: list[tuple[str, ...]] = [
        (item["node"], item["reason"], item["message"]) for item in result["failed"]
    ]
    parts: list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]] = [
        ("Groups", ("GROUP", "NODES", "BASE", "NAMES"), groups),
        ("Outliers", ("NODE", "SEVERITY", "PATH", "MOST", "HERE"), odd),
        ("Nodes without a snapshot", ("NODE", "REASON", "MESSAGE"), failed),
    ]
    lines = [f"## {head}" if fmt == "markdown" else head, ""]
    for title, header, rows in parts:
        if rows:
            lines += [
                f"### {title}" if fmt == "markdown" else title.upper(),
                "",
                _table(header, rows, fmt),
            ]
    return "\n".join(lines)


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:4])
    return f"{shown} (+{len(names) - 4} more)" if len(names) > 4 else shown


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]], fmt: str) -> str:
    from aicr_core.kit.text import table

    if fmt != "markdown":
        return table(header, rows)
    lines = [" | ".join(header), " | ".join("---" for _ in header)]
    lines += [
        " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in row) for row in rows
    ]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


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
@click.option("--kubeconfig", "-k", default="", metavar="FILE", help="for cm:// sources")
@click.pass_obj
def check_command(
    environment: Environment, /, recipe: str, places: tuple[str, ...], **options: Any
) -> int:
    """Evaluate the recipe's constraints for every node; exit 2 when too few satisfy them."""
    from aicr_core.app.bundle import load_recipe
    from aicr_core.app.fleet import check, open_fleet

    fmt = choice("format", single("format", options["fmt"], "table"), ("table", "yaml", "json"))
    loaded = load_recipe(environment, recipe, kubeconfig=options["kubeconfig"])
    document, warnings = open_fleet(environment, places, kubeconfig=options["kubeconfig"])
    for text in warnings:
        warn(text)
    result = check(loaded, document, options["quorum"])
    text = _verdict(result) if fmt == "table" else render(result, fmt)
    deliver(environment, text, single("output", options["output"]), fmt)
    if not result["passed"]:
        note(
            f"[CONFLICT] {result['good']} of {result['nodes']} nodes satisfy the recipe, {result['needed']} have to"
        )
        return 2
    return 0


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
