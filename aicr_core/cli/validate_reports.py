"""What ``aicr validate`` leaves: reports in every format that is asked for, evidence, and the exit status."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.cli.options import choice, single
from aicr_core.cli.output import deliver, note, reader_gone, warn
from aicr_core.kit.errors import AicrError, Code, together

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aicr_core.app.environment import Environment
    from aicr_core.model.check import Report


class Place(NamedTuple):
    """A report that is asked for: the plugin and provider that write it, and where it goes."""

    plugin: str
    writer: Any
    target: str


def places(environment: Environment, options: dict[str, Any]) -> list[Place]:
    """Give every report that is asked for, the main one first. Raises AicrError for what cannot work."""
    from aicr_core.app import sinks

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
    _apart([target for _, target in wanted], options)
    found = [Place(*known[name], target) for name, target in wanted]
    for place in found:
        sinks.check(environment, place.target)
    return found


def _apart(targets: Sequence[str], options: dict[str, Any]) -> None:
    """Refuse reports that would take each other's place, or that of an input. Raises AicrError."""
    inputs = {
        _identity(source): f"--{name}"
        for name in ("recipe", "snapshot", "waivers", "kubeconfig")
        for source in ([options[name]] if isinstance(options[name], str) else options[name])
        if source and source != "-" and "://" not in source
    }
    seen = set()
    for target in targets:
        key = _identity(target)
        if key in seen:
            raise AicrError(
                Code.INVALID_REQUEST, "two reports go to one place", where=target or "-",
                hint="give each a target of its own",
            )  # fmt: skip
        if key in inputs:
            raise AicrError(
                Code.INVALID_REQUEST, f"{target} is what {inputs[key]} is read from",
                hint="write the report to another file",
            )  # fmt: skip
        if key != os.devnull:
            seen.add(key)


def _identity(target: str) -> str:
    """Give a name by which two targets are the same place, whatever they are called."""
    target = target.strip()
    if target in ("", "-"):
        return "-"
    return target if "://" in target else os.path.normcase(os.path.realpath(target))


def conclude(
    environment: Environment,
    report: Report,
    places: Sequence[Place],
    options: dict[str, Any],
    evidence: str = "",
) -> None:
    """Write everything that is asked for, tell what is left in the cluster, and say by raising what went wrong.

    ``evidence`` names the writer of ``--evidence-dir``. What cannot be written keeps nothing else from being written
    or told. Raises AicrError, whose status is the highest of all that went wrong, or KeyboardInterrupt.
    """
    wrong: list[AicrError] = []
    try:
        for place in places:
            _try(wrong, partial(_write, environment, report, place, options))
        if evidence:
            _try(wrong, partial(_evidence, environment, report, evidence, options))
    finally:
        if report.residue:
            warn("left in the cluster; remove with:\n  " + "\n  ".join(report.residue))
    if report.interrupted:
        for error in wrong:
            warn(f"{error} ({error.hint})" if error.hint else str(error))
        raise KeyboardInterrupt
    verdict = _verdict(report, options)
    wrong += [verdict] if verdict is not None else []
    if wrong:
        raise together(f"{len(wrong)} things went wrong", wrong)


def _try(wrong: list[AicrError], write: Callable[[], None]) -> None:
    """Write something; keep why it could not be. A reader that has gone is no fault: nobody wants the rest."""
    try:
        write()
    except AicrError as error:
        wrong.append(error)
    except BrokenPipeError:
        reader_gone()


def _write(environment: Environment, report: Report, place: Place, options: dict[str, Any]) -> None:
    """Write the report to one place. Raises AicrError, also for a writer that fails."""
    from aicr_core.app.validation_outputs import report_text

    writer, target = place.writer, place.target
    text = report_text(place.plugin, writer, report)
    fmt = writer.suffix.removeprefix(".") or writer.name
    deliver(environment, text, target, fmt, kubeconfig=options["kubeconfig"], kind="report")
    if target not in ("", "-"):
        note(f"{writer.name} report written to {target}")


def _evidence(
    environment: Environment, report: Report, writer: str, options: dict[str, Any]
) -> None:
    """Write the files of an evidence writer into ``--evidence-dir``. Raises AicrError."""
    from aicr_core.app.validation_outputs import facts_of, write_evidence

    facts = facts_of(environment, report, options["kubeconfig"])
    files = write_evidence(environment, report, writer, options["evidence_dir"], facts)
    note(f"{len(files)} evidence files written to {options['evidence_dir']}")


def _verdict(report: Report, options: dict[str, Any]) -> AicrError | None:
    """Give what makes the command fail, None when nothing does."""
    for phase in report.phases:
        bad = [item for item in phase.items if item.counts_as_failure]
        if phase.gate and bad:
            first = bad[0].result.message
            more = f", and {len(bad) - 1} more" if len(bad) > 1 else ""
            return AicrError(
                Code.INVALID_REQUEST, f"{phase.name}: {first}{more}", where=bad[0].where or None,
                hint=bad[0].result.remediation or None,
            )  # fmt: skip
    failed = [item.name for item in report.checks if item.counts_as_failure]
    if failed and options["fail_on_error"].lower() in ("true", "1", "t"):
        return AicrError(
            Code.INTERNAL, f"validation failed: {len(failed)} of {len(report.checks)} did not pass: "
            + ", ".join(failed), hint="the report says what to do about each",
        )  # fmt: skip
    gate = options["fail_on_skip"]
    skips = [item.name for item in report.checks if item.status == "skipped"]
    if gate and skips and (gate == "any" or len(skips) == len(report.checks)):
        return AicrError(
            Code.INTERNAL, f"{len(skips)} of {len(report.checks)} checks were skipped: {', '.join(skips)}",
            hint="the report says what would make each apply",
        )  # fmt: skip
    if report.residue and not options["no_cleanup"]:
        return AicrError(
            Code.INTERNAL, f"{len(report.residue)} objects could not be removed from the cluster",
            hint="delete them with the commands above",
        )  # fmt: skip
    return None
