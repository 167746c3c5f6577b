"""``aicr recipe validate``: what is wrong in overlays, mixins, a registry, before anybody makes a recipe of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli.options import SingleDash, choice, file_target, single
from aicr_core.cli.output import deliver

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment


@click.command(
    "validate",
    cls=SingleDash,
    epilog="""\b
Examples:
  aicr recipe validate --data ./catalogue
  aicr recipe validate overlays/my-cluster.yaml --severity warning
  aicr recipe validate --plugin eks --format sarif -o lint.sarif""",
)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--data", multiple=True, metavar="DIR",
              help="catalogue directory to look at (repeatable)")  # fmt: skip
@click.option("--external-only", is_flag=True,
              help="read the --data directories alone, without the installed catalogue")  # fmt: skip
@click.option("--plugin", multiple=True, metavar="NAME", help="look at the data of one plugin")
@click.option("--severity", default="error", metavar="error|warning|info",
              help="from which severity on the command fails; default: error")  # fmt: skip
@click.option("--format", "-t", "fmt", multiple=True, metavar="text|json|sarif|github",
              help="default: text")  # fmt: skip
@click.option("--output", "-o", multiple=True, metavar="FILE", help="file, or - (the default)")
@click.pass_obj
def validate_command(environment: Environment, /, **options: Any) -> None:
    """Look for what is wrong in overlays, mixins, values and registry; no cluster is asked.

    FILE is looked at in the context of what is installed and of --data. Without one, the --data directories are
    looked at; without those, the data of all installed plugins. Every finding has a rule (R001, ...) and a place.
    """
    from aicr_core._version import __version__
    from aicr_core.app.recipe_lint import LintRequest
    from aicr_core.engine.lint_formats import FORMATS, write
    from aicr_core.engine.lint_rules import SEVERITIES
    from aicr_core.kit.errors import AicrError, Code, GateFailed
    from aicr_core.session import Session

    fmt = choice("format", single("format", options["fmt"], "text"), FORMATS)
    output = file_target(options["output"], "a list of findings")
    if not all(options["data"]):
        # Elsewhere an empty one says nothing; a gate that looked at something else would pass.
        raise AicrError(
            Code.INVALID_REQUEST, "an empty name of a directory", where="--data",
            hint="give the directory; is a variable not set?",
        )  # fmt: skip
    request = LintRequest(
        files=options["files"],
        data=options["data"],
        external_only=options["external_only"],
        plugin=single("plugin", options["plugin"]),
        severity=choice("severity", options["severity"], SEVERITIES),
    )
    report = Session.of(environment).lint_catalogue(request)
    deliver(environment, write(report, fmt, __version__), output, fmt, kind="report")
    if report.failing:
        word = "finding" if report.failing == 1 else "findings"
        raise GateFailed(f"{report.failing} {word} of severity {request.severity} or worse")
