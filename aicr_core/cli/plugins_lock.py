"""``aicr plugins lock``: write down which plugins are used, or compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aicr_core.cli.output import deliver, note, warn, write_result

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment


@click.command(
    "lock",
    epilog="""\b
Examples:
  aicr plugins lock -o plugins.lock.toml
  aicr plugins lock --check plugins.lock.toml    # exit 2 when something differs""",
)
@click.option("--output", "-o", default="", metavar="FILE", help="default: standard output")
@click.option("--check", metavar="FILE", help="compare what is installed with FILE, write nothing")
@click.pass_obj
def lock_command(environment: Environment, output: str, check: str | None) -> int:
    """Write digests and versions of the plugins that are used, as a piece of a policy file.

    The digest is that of the RECORD which the wheel brought, so one wheel has the same wherever it is installed.
    Plugins in working trees have none.
    """
    from aicr_core.session import Session

    if check is not None and output:
        raise click.UsageError("--check compares and writes nothing: leave --output out")
    if check is not None:
        found = Session.of(environment).lock_differences(check)
        if found:
            write_result("".join(f"{text}\n" for text in found))
            return 2
        note(f"what is installed is what {check} says")
        return 0
    text, trees = Session.of(environment).lock_plugins()
    deliver(environment, text, output, "toml", kind="lock")
    if trees:
        warn(f"no digest for working trees, which change without notice: {', '.join(trees)}")
    return 0
