"""``aicr bundle check``: what is wrong in a bundle, before anybody deploys it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aicr_core._version import __version__
from aicr_core.cli.options import (
    charts_options,
    choice,
    insecure_tls,
    kubeconfig_option,
    plain_http,
    single,
)
from aicr_core.cli.output import deliver, warn
from aicr_core.kit.errors import AicrError, Code, GateFailed

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment

FORMATS = ("text", "json", "sarif", "junit")
SEVERITIES = ("error", "warning", "note")


@click.command(
    epilog="""\b
Examples:
  aicr bundle check bundle
  aicr bundle check bundle --charts charts --offline --require B
  aicr bundle check bundle --snapshot snapshot.yaml --severity warning
  aicr bundle check bundle --kubernetes-version 1.34 --format sarif -o findings.sarif
  aicr bundle check bundle --charts charts --dead-values

\b
Exit status: 0 nothing of --severity or worse; 2 findings, or a wrong option; 3 no such directory."""
)
@click.argument("bundle", metavar="BUNDLE")
@charts_options
@click.option("--snapshot", "-s", multiple=True, metavar="SOURCE",
              help="snapshot of the cluster: its nodes and its version of Kubernetes")  # fmt: skip
@click.option("--kubernetes-version", multiple=True, metavar="VERSION",
              help="version to check for; default: the snapshot's, else the lowest the recipe allows")  # fmt: skip
@click.option("--stage", default="B", metavar="A|B",
              help="last stage to run: A the bundle alone, B its charts rendered; default: B")  # fmt: skip
@click.option("--require", multiple=True, metavar="A|B",
              help="a stage that has to have run in full (repeatable)")  # fmt: skip
@click.option("--severity", default="error", metavar="error|warning|note",
              help="from which severity on the command fails; default: error")  # fmt: skip
@click.option("--ignore", multiple=True, metavar="RULE", help="leave out a rule (repeatable)")
@click.option("--dead-values", is_flag=True,
              help="also look for values that change nothing in what is rendered; takes longer")  # fmt: skip
@click.option("--jobs", type=click.IntRange(min=0), default=0, metavar="N", help="charts at once")
@click.option("--format", "-t", "fmt", multiple=True, metavar="|".join(FORMATS),
              help="default: text")  # fmt: skip
@click.option("--output", "-o", multiple=True, metavar="FILE", help="file, or - (the default)")
@kubeconfig_option
@plain_http
@insecure_tls
@click.pass_obj
def check(environment: Environment, /, **options: Any) -> None:
    """Find what is wrong in a bundle, before anybody deploys it.

    BUNDLE is a directory, or the URI of a published bundle. Stage A reads the bundle; stage B renders its charts with
    its own values, as the deployer will. A stage that could not run is said so, and --require makes that a failure.
    """
    from aicr_core.app import sinks
    from aicr_core.app.bundle_check import CheckRequest
    from aicr_core.cli.counter import Counter
    from aicr_core.engine.bundle_formats import write
    from aicr_core.session import Session

    fmt = choice("format", single("format", options["fmt"], "text"), FORMATS)
    output = single("output", options["output"]).strip()
    if "://" in output:
        raise AicrError(
            Code.INVALID_REQUEST, "findings are written to a file", where="--output", hint="name a file, or -"
        )  # fmt: skip
    sinks.check(environment, output)
    request = CheckRequest(
        bundle=options["bundle"],
        charts=tuple(folder for folder in options["charts"] if folder),
        offline=options["offline"],
        snapshot=single("snapshot", options["snapshot"]),
        kubernetes=single("kubernetes-version", options["kubernetes_version"]),
        stage=choice("stage", options["stage"], ("A", "B")),
        require=tuple(choice("require", stage, ("A", "B")) for stage in options["require"]),
        severity=choice("severity", options["severity"], SEVERITIES),
        ignore=options["ignore"],
        dead_values=options["dead_values"],
        jobs=options["jobs"],
        kubeconfig=options["kubeconfig"],
        plain_http=options["plain_http"],
        insecure_tls=options["insecure_tls"],
    )
    with Counter("charts") as counter:
        report, warnings = Session.of(environment).check_bundle(request, progress=counter)
    for text in warnings:
        warn(text)
    deliver(environment, write(report, fmt, __version__), output, fmt, kind="report")
    if report.failing:
        word = "finding" if report.failing == 1 else "findings"
        raise GateFailed(f"{report.failing} {word} of severity {request.severity} or worse")
