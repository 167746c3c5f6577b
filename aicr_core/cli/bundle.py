"""``aicr bundle``: write what a team deploys. Its subcommands work with bundles that are there already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli.lazygroup import LazyGroup
from aicr_core.cli.options import (
    Integer,
    charts_options,
    insecure_tls,
    plain_http,
    scheduling_options,
    single,
    value_options,
)
from aicr_core.cli.output import write_result
from aicr_core.cli.signing import confirm, signing_options

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment
    from aicr_core.model.bundle import BundleReport


SUBCOMMANDS: dict[str, tuple[str, str]] = {
    "check": (
        "aicr_core.cli.bundle_check:check",
        "Find what is wrong in a bundle, before anybody deploys it",
    ),
    "pull": ("aicr_core.cli.bundle_pull:pull", "Bring a published bundle back into a directory"),
}


@click.group(
    cls=LazyGroup,
    subcommands=SUBCOMMANDS,
    instead="the recipe is given with --recipe",
    invoke_without_command=True,
    subcommand_metavar="[COMMAND]",
    epilog="""\b
Examples:
  aicr bundle --recipe recipe.yaml --output bundle
  aicr recipe --service eks --intent training | aicr bundle -r - -o bundle
  aicr bundle -r recipe.yaml -o bundle --set gpuoperator:driver.version=570.172.08
  aicr bundle -r recipe.yaml -o bundle --accelerated-node-selector pool=gpu \\
       --accelerated-node-toleration gpu=true:NoSchedule
  aicr bundle -r recipe.yaml -o bundle --vendor-charts --sbom cyclonedx
  aicr bundle -r recipe.yaml -o bundle --attest --signing-key key.pem
  aicr bundle -r recipe.yaml -o oci://registry.example.com/team/gpu-stack:v1""",
)
@click.option("--recipe", "-r", multiple=True, metavar="SOURCE", help="path, -, or URL  [required]")
@click.option("--output", "-o", multiple=True, metavar="PLACE",
              help="directory to write, or oci://registry/repository[:tag]; default .")  # fmt: skip
@click.option("--deployer", "-d", multiple=True, metavar="NAME", help="default: helm")
@click.option("--repo", multiple=True, metavar="URL",
              help="Git repository the bundle is pushed to, for deployers that need one")  # fmt: skip
@click.option("--app-name", multiple=True, metavar="NAME",
              help="name of the application that brings all others, for deployers that make one")  # fmt: skip
@value_options
@click.option("--dynamic", multiple=True, metavar="COMPONENT:PATH",
              help="leave a value open until the installation (repeatable)")  # fmt: skip
@click.option(
    "--serial", is_flag=True, help="one release after another, also where several could go at once"
)
@scheduling_options
@click.option(
    "--nodes", type=Integer(), default=0, metavar="N", help="expected number of GPU nodes"
)
@click.option(
    "--data", multiple=True, metavar="DIR", help="further catalogue directory (repeatable)"
)
@click.option("--external-only", is_flag=True, help="use the --data directories alone")
@click.option(
    "--strict-values", is_flag=True, help="a --set path that looks misspelt is an error, not a note"
)
@click.option("--lenient", is_flag=True, help="ignore --set for components the recipe has not")
@click.option("--vendor-charts", is_flag=True,
              help="put the charts into the bundle, so that no chart repository is needed later")  # fmt: skip
@click.option("--sbom", multiple=True, metavar="FORMAT",
              help="add a bill of materials: cyclonedx, spdx (repeatable)")  # fmt: skip
@charts_options
@click.option("--allow-partial", is_flag=True,
              help="with --sbom: write it although something is unknown, and say in it what")  # fmt: skip
@click.option("--force", is_flag=True, help="write into a directory that holds other files")
@click.option("--jobs", type=click.IntRange(min=0), default=0, metavar="N", help="bundlers at once")
@click.option("--kubeconfig", "-k", default="", metavar="FILE", help="for cm:// recipes")
@plain_http
@insecure_tls
@click.option("--image-refs", default="", metavar="FILE",
              help="write the reference of the pushed bundle, with its digest, to FILE")  # fmt: skip
@signing_options
@click.pass_context
def bundle(ctx: click.Context, /, **options: Any) -> None:
    """Write a bundle: values, manifests, scripts and READMEs, with checksums.

    The same recipe, options and plugins give the same bytes. The bundle appears whole or not at all.
    """
    if ctx.invoked_subcommand is not None:
        _refuse_options(ctx)
        return
    if not options["recipe"]:
        raise click.MissingParameter(param_hint="'--recipe' / '-r'", param_type="option", ctx=ctx)
    from aicr_core.app.bundle_request import BundleRequest
    from aicr_core.cli.counter import Counter
    from aicr_core.session import Session

    environment: Environment = ctx.obj
    request = BundleRequest(
        **{
            **options,
            "recipe": single("recipe", options["recipe"]),
            "output": single("output", options["output"], "."),
            "deployer": single("deployer", options["deployer"], "helm"),
            "repo": single("repo", options["repo"]),
            "app_name": single("app-name", options["app_name"]),
            "data": tuple(folder for folder in options["data"] if folder),
            "charts": tuple(folder for folder in options["charts"] if folder),
        }
    )
    with Counter("charts") as counter:
        report = Session.of(environment).write_bundle(request, progress=counter, confirm=confirm)
    write_result(_text(report))


def _refuse_options(ctx: click.Context) -> None:
    """Raise a usage error for options that stand before a subcommand: they would have no effect."""
    for name in ctx.params:
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            option = next(p for p in ctx.command.params if p.name == name)
            raise click.UsageError(
                f"{option.opts[0]} is an option of `aicr bundle`, not of `aicr bundle {ctx.invoked_subcommand}`",
                ctx,
            )


def _text(report: BundleReport) -> str:
    lines = [
        "",
        f"{report.title} {'published' if report.published else 'written'}.",
        f"  {'Reference' if report.published else 'Output directory'}: {report.directory}",
        f"  Files: {report.files}",
    ]
    if report.signed_by:
        lines.append(f"  Signed by: {report.signed_by}")
    if report.notes:
        lines += ["", "Notes:", *(f"  ⚠ {text}" for text in report.notes)]
    lines += ["", "To deploy:", *(f"  {n}. {step}" for n, step in enumerate(report.steps, start=1))]
    return "\n".join(lines) + "\n"
