"""What ``aicr validate`` leaves: reports in every format that is asked for, evidence, and the exit status."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from aicr_core.cli.options import choice, single
from aicr_core.cli.output import deliver, note, warn
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment
    from aicr_core.model.check import Report


def writers(environment: Environment, options: dict[str, Any]) -> list[tuple[Any, str]]:
    """Give (writer, target) of every report that is asked for, the main one first. Raises AicrError."""
    known = environment.manager.named("aicr_report_writers", "name")
    target = single("output", options["output"]).strip()
    on_terminal = target in ("", "-") and sys.stdout is not None and sys.stdout.isatty()
    fmt = single("format", options["fmt"]) or (
        "table" if on_terminal and "table" in known else "ctrf"
    )
    wanted = [(choice("format", fmt, sorted(known)), target)]
    for text in options["report"]:
        name, equals, place = text.partition("=")
        if not equals or not place:
            raise AicrError(
                Code.INVALID_REQUEST, f'"{text}" names no target', where="--report",
                hint="write --report junit=report.xml",
            )  # fmt: skip
        wanted.append((choice("report", name, sorted(known)), place))
    targets = [place or "-" for _, place in wanted]
    if len(set(targets)) < len(targets):
        raise AicrError(
            Code.INVALID_REQUEST, "two reports go to one place", where="--report",
            hint="give each a target of its own",
        )  # fmt: skip
    return [(known[name][1], place) for name, place in wanted]


def write(
    environment: Environment,
    report: Report,
    writers: list[tuple[Any, str]],
    options: dict[str, Any],
) -> None:
    """Write the report to every target. Raises AicrError when one cannot be written; those before it are."""
    from aicr_core.plugins.manager import resolve

    for writer, target in writers:
        text = resolve(writer.write)(report)
        fmt = writer.suffix.removeprefix(".") or writer.name
        deliver(environment, text, target, fmt, kubeconfig=options["kubeconfig"], kind="report")
        if target not in ("", "-"):
            note(f"{writer.name} report written to {target}")


def evidence(
    environment: Environment, report: Report, writer: str, options: dict[str, Any]
) -> None:
    """Write the files of an evidence writer into ``--evidence-dir``. Raises AicrError."""
    from aicr_core.app.validation_outputs import facts_of, write_evidence

    facts = facts_of(environment, report, options["kubeconfig"])
    files = write_evidence(environment, report, writer, options["evidence_dir"], facts)
    note(f"{len(files)} evidence files written to {options['evidence_dir']}")


def conclude(report: Report, options: dict[str, Any]) -> None:
    """Turn what the report says into an exit status, by raising; the report is written already."""
    if report.residue:
        warn("left in the cluster; remove with:\n  " + "\n  ".join(report.residue))
    if report.interrupted:
        raise KeyboardInterrupt
    for phase in report.phases:
        bad = [item for item in phase.items if item.counts_as_failure]
        if phase.gate and bad:
            first = bad[0].result.message
            more = f", and {len(bad) - 1} more" if len(bad) > 1 else ""
            raise AicrError(
                Code.INVALID_REQUEST, f"{phase.name}: {first}{more}", where=bad[0].where or None,
                hint=bad[0].result.remediation or None,
            )  # fmt: skip
    failed = [item.name for item in report.checks if item.counts_as_failure]
    if failed and options["fail_on_error"].lower() in ("true", "1", "t"):
        raise AicrError(
            Code.INTERNAL, f"validation failed: {len(failed)} of {len(report.checks)} did not pass: "
            + ", ".join(failed), hint="the report says what to do about each",
        )  # fmt: skip
    _conclude_skips(report, options["fail_on_skip"])
    if report.residue and not options["no_cleanup"]:
        raise AicrError(
            Code.INTERNAL, f"{len(report.residue)} objects could not be removed from the cluster",
            hint="delete them with the commands above",
        )  # fmt: skip


def _conclude_skips(report: Report, gate: str) -> None:
    skips = [item.name for item in report.checks if item.status == "skipped"]
    if gate and skips and (gate == "any" or len(skips) == len(report.checks)):
        raise AicrError(
            Code.INTERNAL, f"{len(skips)} of {len(report.checks)} checks were skipped: {', '.join(skips)}",
            hint="the report says what would make each apply",
        )  # fmt: skip
