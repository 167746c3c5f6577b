"""``aicr diff``: what changed between two snapshots, and whether it matters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli.options import choice, single
from aicr_core.cli.output import deliver, note, render, warn
from aicr_core.engine.drift import SEVERITIES
from aicr_core.kit.errors import AicrError, Code

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
              help="least severity that counts as drift; default: info")  # fmt: skip
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
@click.option("--kubeconfig", "-k", default="", metavar="FILE", help="for cm:// sources")
@click.option("--max-input-size", type=click.IntRange(min=1), default=64, metavar="MIB",
              help="largest snapshot to read; default 64")  # fmt: skip
@click.pass_obj
def diff(environment: Environment, /, **options: Any) -> int:
    """Compare two snapshots, or two fleets, reading by reading.

    Readings that change by themselves (counters, times, process numbers) and names of nodes are not drift. Sources are
    paths, - for standard input, URLs, and cm://namespace/name.
    """
    from aicr_core.app.drift import DiffRequest, compare
    from aicr_core.engine.diff import worst

    fmt = choice("format", single("format", options["fmt"], "yaml"), FORMATS)
    severity = choice("severity", options["severity"], SEVERITIES)
    for name in ("baseline", "target"):
        if not single(name, options[name]):
            raise AicrError(
                Code.INVALID_REQUEST, f"--{name} is required", hint=f"give --{name} FILE"
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
        kubeconfig=options["kubeconfig"],
        max_bytes=options["max_input_size"] * 2**20,
    )
    result, warnings = compare(environment, request)
    for text in warnings:
        warn(text)
    deliver(environment, _text(result, fmt), output, fmt, kubeconfig=options["kubeconfig"])
    count = worst(result, severity)
    if options["fail_on_drift"] and count:
        note(f"[CONFLICT] drift detected: {count} changes of severity {severity} or more")
        return int(options["gate_exit_code"])
    return 0


def _text(result: dict[str, Any], fmt: str) -> str:
    if fmt == "table":
        return _table(result)
    if fmt == "markdown":
        return _markdown(result)
    if fmt == "sarif":
        from aicr_core._version import __version__
        from aicr_core.engine.diff import as_sarif

        return render(as_sarif(result, __version__), "json")
    return render(result, fmt)


def _shown(value: str | None) -> str:
    return "-" if value is None else value or '""'


def _rows(result: dict[str, Any]) -> list[tuple[str, str, str, str, str]]:
    rows = []
    for change in result["changes"]:
        # A cell of the topology may hold thousands of names: what came and went says more.
        values = (
            ("", change["nodes"])
            if "nodes" in change
            else (_shown(change.get("baseline")), _shown(change.get("target")))
        )
        rows.append((change["kind"].upper(), change["severity"], change["path"], *values))
    return rows


def _table(result: dict[str, Any]) -> str:
    from aicr_core.kit.text import table

    if not result["changes"]:
        return "NO CHANGES\n"
    summary = result["summary"]
    head = f"CHANGES ({summary['added']} added, {summary['removed']} removed, {summary['modified']} modified)\n\n"
    rows = [(kind, path, severity, old, new) for kind, severity, path, old, new in _rows(result)]
    body = table(("KIND", "PATH", "SEVERITY", "BASELINE", "TARGET"), rows, rule=True)
    return f"{head}{body}\nDRIFT DETECTED\n"


def _markdown(result: dict[str, Any]) -> str:
    summary = result["summary"]
    lines = [f"## Drift from `{result['baselineSource']}` to `{result['targetSource']}`", ""]
    if not result["changes"]:
        return "\n".join([*lines, "No changes.", ""])
    lines += [
        f"{summary['added']} added, {summary['removed']} removed, {summary['modified']} modified.",
        "",
        "| Severity | Change | Path | Baseline | Target |",
        "|---|---|---|---|---|",
    ]
    for kind, severity, path, old, new in _rows(result):
        cells = [severity, kind.lower(), f"`{path}`", old, new]
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    for char in "\\|<>":
        text = text.replace(char, f"\\{char}")
    return " ".join(text.split())
