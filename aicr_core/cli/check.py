"""``aicr check``: one check of a validation, run as a container runs it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli.output import note, write_result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_core.app.environment import Environment

STOPPED = 143
"""Exit status after SIGTERM, as a shell gives it: no verdict."""


@click.command(
    epilog="""\b
Exit status: 0 passed, 1 failed, 2 skipped; anything else is no verdict.

\b
Examples:
  aicr check operator-health --recipe recipe.yaml --snapshot snapshot.yaml
  aicr check platform-health --kubeconfig ~/.kube/prod"""
)
@click.argument("name", required=False, default="")
@click.option(
    "--recipe",
    "-r",
    metavar="FILE|URI",
    default="",
    help="the recipe; default: AICR_RECIPE_PATH, else /data/recipe/recipe.yaml where it is there",
)
@click.option(
    "--snapshot",
    "-s",
    metavar="FILE|URI",
    default="",
    help="the snapshot; default: AICR_SNAPSHOT_PATH, else /data/snapshot/snapshot.yaml",
)
@click.option(
    "--kubeconfig",
    "-k",
    metavar="FILE",
    default="",
    help="default: KUBECONFIG, else that of kubectl",
)
@click.option(
    "--namespace",
    "-n",
    metavar="NAME",
    default="",
    help="where the check works; default: that of the service account, else AICR_NAMESPACE, else default",
)
@click.pass_obj
def check(environment: Environment, /, **given: Any) -> int:
    """Run one check against a cluster and say how it went by the exit status.

    Evidence goes to standard output; the verdict's message to standard error and, in a container, to its termination
    log. The engine of `aicr validate --runner job` calls this; by hand it runs one check alone.
    """  # fmt: skip
    from aicr_core.app import check_process as use_case
    from aicr_core.session import Session

    try:
        with _stoppable():
            verdict = Session.of(environment).run_check(use_case.CheckRequest(**given), note)
    except KeyboardInterrupt:
        use_case.end(environment, "[TIMEOUT] the check was stopped before it had a verdict")
        note("stopped; what the check made was removed")
        return STOPPED
    if verdict.output:
        write_result("\n".join(verdict.output) + "\n")
    if verdict.message:
        note(verdict.message)
    if verdict.remediation:
        note(f"to do: {verdict.remediation}")
    use_case.end(environment, verdict.message)
    if verdict.line:
        write_result(verdict.line + "\n")
    return verdict.status


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Make SIGTERM, by which a cluster ends a container, an interrupt: the first process has no default for it."""
    import signal
    import threading

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
