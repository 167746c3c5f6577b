"""``aicr diff``: what changed between two snapshots, and whether it matters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli.options import choice, kubeconfig_option, max_input_size, single
from aicr_core.cli.output import deliver, note, render, warn
from aicr_core.engine.drift import SEVERITIES, SILENT
from aicr_core.kit.emit import to_yaml
from aicr_core.kit.errors import AicrError, Code, GateFailed

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment

FORMATS = ("yaml", "json", "table", "markdown", "sarif")


@click.command(
    epilog="""\b
Examples:
  aicr diff --baseline monday.yaml --target today.yaml -t table
  aicr diff -b cm://gpu-operator/baseline --target today.yaml --fail-on-drift --severity warn
  aicr diff -b a.yaml --target b.yaml --rules site-rules.yaml -t sarif -o drift.sarif
  aicr diff -b fleet-1.yaml --target fleet-2.yaml -t markdown"""
)
@click.option("--baseline", "-b", multiple=True, metavar="SOURCE", help="snapshot to compare with")
@click.option("--target", multiple=True, metavar="SOURCE", help="snapshot to look at")
@click.option(
    "--rules",
    multiple=True,
    metavar="SOURCE",
    help="further drift rules; the last one decides (repeatable)",
)
@click.option("--severity", default="info", metavar="info|warn|critical",
              help="leave out what is less severe; default: info")  # fmt: skip
@click.option(
    "--fail-on-drift", is_flag=True, help="exit with a failure, after writing, when there is drift"
)
@click.option("--gate-exit-code", type=click.IntRange(1, 125), default=2, metavar="N",
              help="exit status of --fail-on-drift; default 2")  # fmt: skip
@click.option(
    "--all", "show_all", is_flag=True, help="show what the rules call volatile or identity, too"
)
@click.option(
    "--output", "-o", multiple=True, metavar="TARGET", help="file, - or cm://namespace/name"
)
@click.option(
    "--format", "-t", "fmt", multiple=True, metavar="|".join(FORMATS), help="default: yaml"
)
@kubeconfig_option
@max_input_size
@click.pass_obj
def diff(environment: Environment, /, **options: Any) -> None:
    """Compare two snapshots, or two fleets, reading by reading.

    Readings that change by themselves (counters, times, process numbers) and names of nodes are not drift. Sources are
    paths, - for standard input, URLs, and cm://namespace/name.
    """
    from aicr_core.app.drift import DiffRequest
    from aicr_core.session import Session

    fmt = choice("format", single("format", options["fmt"], "yaml"), FORMATS)
    severity = choice("severity", options["severity"], SEVERITIES)
    for name in ("baseline", "target"):
        if not single(name, options[name]):
            raise AicrError(
                Code.INVALID_REQUEST, f"--{name} is required", hint=f"give --{name} FILE"
            )
    if options["baseline"] == options["target"] == ("-",):
        raise AicrError(
            Code.INVALID_REQUEST, "standard input holds one snapshot, not two", where="--target"
        )
    output = single("output", options["output"]).strip()
    if fmt == "table" and "://" in output:
        raise AicrError(
            Code.INVALID_REQUEST, "a table cannot be read back from a store", where="--format"
        )
    from aicr_core.app import sinks

    sinks.check(environment, output)
    request = DiffRequest(
        baseline=options["baseline"][0],
        target=options["target"][0],
        rules=options["rules"],
        show_all=options["show_all"],
        severity=severity,
        kubeconfig=options["kubeconfig"],
        max_bytes=options["max_input_size"] * 2**20,
    )
    result, warnings = Session.of(environment).compare_snapshots(request)
    for text in warnings:
        warn(text)
    summary = result["summary"]
    note(_summary(summary))
    deliver(environment, _text(result, fmt), output, fmt, kubeconfig=options["kubeconfig"])
    count = drifted(result)
    if options["fail_on_drift"] and count:
        raise GateFailed(
            f"drift detected: {count} change{'s' if count > 1 else ''} of severity {severity} or more",
            status=options["gate_exit_code"],
        )


def _summary(summary: dict[str, int]) -> str:
    text = f"{summary['added']} added, {summary['removed']} removed, {summary['modified']} modified"
    if "ignored" in summary:
        text += f"; {summary['ignored']} that are no drift (--all shows them)"
    if "belowSeverity" in summary:
        text += f"; {summary['belowSeverity']} less severe"
    return text


def _text(result: dict[str, Any], fmt: str) -> str:
    if fmt == "table":
        return _table(result)
    if fmt == "markdown":
        return _markdown(result)
    if fmt == "sarif":
        from aicr_core._version import __version__
        from aicr_core.engine.sarif import as_sarif

        return render(as_sarif(result, __version__), "json")
    return to_yaml(result, sort_keys=True) if fmt == "yaml" else render(result, fmt)


def drifted(result: dict[str, Any]) -> int:
    """Give how many of the changes are drift: with ``--all`` there are others among them."""
    return sum(change["severity"] not in SILENT for change in result["changes"])


_WIDTH = 100
"""Where a cell of a table is cut: some readings are long lists."""


def shown(value: str | None) -> str:
    """Give a reading for a table: ``-`` for none, what is long cut."""
    if value is None:
        return "-"
    return (
        f"{value[:_WIDTH]}... ({len(value)} characters)" if len(value) > _WIDTH else value or '""'
    )


def _rows(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """Give kind, path, severity, baseline, target, and the nodes where not all of a fleet changed alike."""
    rows: list[tuple[str, ...]] = []
    for change in result["changes"]:
        values = shown(change.get("baseline")), shown(change.get("target"))
        if "delta" in change:
            # A cell of the topology may hold thousands of names: what came and went says more.
            values = "", change["delta"]
        rows.append(
            (
                change["kind"].upper(),
                change["path"],
                change["severity"],
                *values,
                some(change.get("nodes", [])),
            )
        )
    return rows


def some(names: list[str]) -> str:
    """Give names for a table: the first four, and how many more there are."""
    shown = ", ".join(names[:4])
    return f"{shown} (+{len(names) - 4} more)" if len(names) > 4 else shown


def _columns(result: dict[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    header, rows = ("KIND", "PATH", "SEVERITY", "BASELINE", "TARGET", "NODES"), _rows(result)
    if any(row[-1] for row in rows):
        return header, rows
    return header[:-1], [row[:-1] for row in rows]


def _table(result: dict[str, Any]) -> str:
    from aicr_core.kit.text import table

    if not result["changes"]:
        return "NO CHANGES\n"
    summary = result["summary"]
    head = f"CHANGES ({summary['added']} added, {summary['removed']} removed, {summary['modified']} modified)\n"
    end = "\nDRIFT DETECTED\n" if drifted(result) else "\nNO DRIFT\n"
    return f"{head}{table(*_columns(result), rule=True)}{end}"


def _markdown(result: dict[str, Any]) -> str:
    from aicr_core.kit.text import markdown

    summary = result["summary"]
    lines = [f"## Drift from `{result['baselineSource']}` to `{result['targetSource']}`", ""]
    if not result["changes"]:
        return "\n".join([*lines, "No changes.", ""])
    lines += [
        f"{summary['added']} added, {summary['removed']} removed, {summary['modified']} modified.",
        "",
        markdown(*_columns(result)),
    ]
    return "\n".join(lines)
