"""``aicr plugins test``: run the kit for one installed plugin, show the verdicts, keep the report."""

from __future__ import annotations

import pathlib
from typing import Any

import click

from aicr_testkit.texts import FORMATS

FAILURE = 2


@click.command(
    "test",
    epilog="""\b
Examples:
  aicr plugins test NAME
  aicr plugins test NAME --check T05 --check T06
  aicr plugins test NAME --format junit --output report.xml""",
)
@click.argument("name")
@click.option(
    "--format", "-t", "fmt", default="table", metavar="table|json|junit", help="default: table"
)
@click.option(
    "--check",
    "checks",
    multiple=True,
    metavar="ID",
    help="only this check, such as T05 (repeatable)",
)
@click.option(
    "--output",
    "-o",
    "target",
    default="",
    metavar="FILE",
    help="write the result there, not to standard output",
)
@click.option(
    "--golden",
    default="",
    metavar="DIR",
    help="folder of recorded cases for T20; default: golden/ in the package",
)
@click.option(
    "--record/--no-record",
    default=True,
    help="keep the report for `aicr plugins list` and policies; default: if all checks ran",
)
@click.pass_obj
def test_command(
    environment: Any,
    name: str,
    fmt: str,
    checks: tuple[str, ...],
    target: str,
    golden: str,
    record: bool,
) -> int:
    """Hold an installed plugin to the checks of the conformance kit.

    Its code is run in child processes, in which the network is refused and nothing outside of temporary folders can be
    written. Exit status: 0 when nothing failed, 2 when a check failed, 3 when no plugin has this name.
    """
    from aicr_core.api import AicrError, Code, Session, nearest, write_conformance
    from aicr_testkit.model import FAILED
    from aicr_testkit.run import report, run_checks
    from aicr_testkit.texts import text

    if fmt not in FORMATS:
        close = nearest(fmt, FORMATS)
        hint = f'did you mean "{close}"?' if close else f"formats: {', '.join(FORMATS)}"
        raise AicrError(Code.INVALID_REQUEST, f'no format "{fmt}"', where="--format", hint=hint)
    if golden and not pathlib.Path(golden).is_dir():
        raise AicrError(Code.NOT_FOUND, f"no folder {golden}", where="--golden")
    settings = environment.settings
    session = Session(settings.env)
    row = session.plugin(name)
    results = run_checks(name, checks, session=session, golden=golden)
    document = report(results, row)
    written = text(document, results, fmt)
    if target in ("", "-"):
        click.echo(written, nl=False)
    else:
        try:
            pathlib.Path(target).write_text(written, "utf-8")
        except OSError as error:
            raise AicrError(
                Code.INVALID_REQUEST, f"cannot write: {error.strerror}", where=target
            ) from None
    if record and not checks:
        click.echo(f"report kept in {write_conformance(settings, document)}", err=True)
    return FAILURE if any(item.status == FAILED for item in results) else 0
