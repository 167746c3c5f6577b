"""``aicr validate``: constraints against a snapshot, checks against the cluster, a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli import validate_reports as reports
from aicr_core.cli.agent_options import Duration
from aicr_core.cli.options import choice, single
from aicr_core.cli.output import note, render, warn, write_result
from aicr_core.cli.validate_options import check, plain_options, request_of
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment
    from aicr_core.app.validate import ValidateRequest
    from aicr_core.app.validation_inputs import Inputs
    from aicr_core.model.check import Report


@click.command(
    epilog="""\b
Examples:
  aicr validate -r recipe.yaml -s snapshot.yaml --no-cluster      # constraints only
  aicr validate -r recipe.yaml -s cm://gpu-operator/aicr-snapshot --phase deployment
  aicr validate -r recipe.yaml -s snapshot.yaml -o report.json --report junit=report.xml
  aicr validate -r recipe.yaml --phase conformance --print-rbac   # what rights that takes
  aicr validate -r recipe.yaml -s snapshot.yaml --runner job -n validation
  aicr validate --list"""
)
@click.option(
    "--recipe", "-r", multiple=True, metavar="SOURCE", help="file, URL or cm://namespace/name"
)
@plain_options
@click.option("--format", "-t", "fmt", multiple=True, metavar="FORMAT",
              help="default: table on a terminal, else ctrf; also json, yaml, junit, sarif, markdown")  # fmt: skip
@click.option("--runner", default="process", metavar="process|job",
              help="where checks run: here, or as Jobs of the cluster")  # fmt: skip
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=8, metavar="N", help="checks at once; default 8"
)
@click.option("--timeout", type=Duration(), multiple=True, metavar="DURATION",
              help="wait for the snapshot agent; default 5m")  # fmt: skip
@click.option("--fail-on-error", is_flag=False, flag_value="true", default="true", metavar="[BOOL]",
              help="exit with 8 when a check failed; default true")  # fmt: skip
@click.option("--fail-on-skip", is_flag=False, flag_value="any", default="", metavar="[any|all]",
              help="exit with 8 when a check, or every check, was skipped")  # fmt: skip
@click.option("--readiness-unknown", default="fail", metavar="fail|warn",
              help="what a constraint is that cannot be evaluated")  # fmt: skip
@click.option(
    "--waivers", default="", metavar="FILE", help="failures that are excused, with an end"
)
@click.option("--evidence-dir", default="", metavar="DIR", help="write evidence pages into it")
@click.option(
    "--kubeconfig", "-k", default="", metavar="FILE", help="for every call to the cluster"
)
@click.pass_obj
def validate(environment: Environment, /, **options: Any) -> None:
    """Decide whether a cluster is what a recipe asks for.

    Constraints are held against the snapshot first; if one is not met, no check runs (exit status 2). Then the checks
    that the recipe names run phase by phase. A failed check, or one that gave no verdict, makes the status 8.
    """
    check(environment, options)
    if options["list"]:
        from aicr_core.cli import validate_list

        inputs = _inputs(environment, options) if options["recipe"] else None
        validate_list.checks(environment, options, inputs)
        return
    if options["cncf_submission"]:
        _submit(environment, options)
        return
    inputs = _inputs(environment, options)
    request = request_of(environment, options, inputs)
    if options["print_rbac"]:
        _rbac(inputs, request, options)
        return
    from aicr_core.app.validate import check_skips, chosen_phases

    # What cannot work is said before anything is measured.
    check_skips(inputs, chosen_phases(inputs, request.phases), request)
    places = reports.places(environment, options)
    snapshot, json = _snapshot(environment, request, options)
    if options["explain"]:
        _explain(environment, inputs, snapshot, request, json=json)
        return
    report = _run(environment, inputs, snapshot, request, json=json)
    pages = "pages" if options["evidence_dir"] else ""
    reports.conclude(environment, report, places, options, pages)


def _inputs(environment: Environment, options: dict[str, Any]) -> Inputs:
    from aicr_core.session import Session

    recipe = single("recipe", options["recipe"])
    if not recipe:
        raise AicrError(
            Code.INVALID_REQUEST,
            "--recipe is required",
            hint="give the output of `aicr recipe`: -r recipe.yaml",
        )
    _connect(environment, options, recipe, *options["snapshot"])
    return Session.of(environment).validation_inputs(
        recipe, data=options["data"], kubeconfig=options["kubeconfig"]
    )


def _connect(environment: Environment, options: dict[str, Any], *sources: str) -> None:
    """Connect at once when a source is in the cluster: the whole invocation uses this one connection."""
    if any(source.startswith("cm://") for source in sources):
        environment.cluster(options["kubeconfig"])


def _snapshot(
    environment: Environment, request: ValidateRequest, options: dict[str, Any]
) -> tuple[dict[str, Any], bool]:
    """Read the snapshot, or let an agent take one; say whether its numbers are JSON's."""
    from aicr_core.app.validation_inputs import read_snapshot

    source = single("snapshot", options["snapshot"])
    if source:
        document, json, warnings = read_snapshot(
            environment, source, kubeconfig=options["kubeconfig"]
        )
        for text in warnings:
            warn(text)
        return document, json
    if request.no_cluster:
        raise AicrError(
            Code.INVALID_REQUEST, "without the cluster no snapshot can be taken", where="--no-cluster",
            hint="give one with --snapshot",
        )  # fmt: skip
    return _taken(environment, request, options), False


def _taken(
    environment: Environment, request: ValidateRequest, options: dict[str, Any]
) -> dict[str, Any]:
    from aicr_core.app.snapshot import SnapshotRequest
    from aicr_core.cli.options import is_true
    from aicr_core.model.agent import AgentRequest
    from aicr_core.session import Session

    env = environment.settings.env
    environment.cluster(request.kubeconfig)
    agent = AgentRequest(
        namespace=request.namespace,
        image=single("image", options["image"])
        or env.get("AICR_VALIDATOR_IMAGE", "")
        or env.get("AICR_IMAGE", ""),
        image_pull_secrets=request.image_pull_secrets,
        name=single("job-name", options["job_name"], "aicr-validate"),
        service_account=request.service_account,
        node_selector=request.node_selector,
        tolerations=request.tolerations,
        timeout=single("timeout", options["timeout"], 0.0) or 300.0,
        cleanup=not request.keep,
        require_gpu=options["require_gpu"] or is_true(env, "AICR_REQUIRE_GPU"),
        debug=environment.settings.debug,
    )
    note("no --snapshot: an agent measures a node of the cluster")
    asked = SnapshotRequest(kubeconfig=request.kubeconfig)
    taken = Session.of(environment).snapshot(asked, agent=agent, log=note)
    for text in taken.warnings:
        warn(text)
    if taken.residue:
        warn("left in the cluster; remove with:\n  " + "\n  ".join(taken.residue))
    return taken.document


def _run(
    environment: Environment,
    inputs: Inputs,
    snapshot: dict[str, Any],
    request: ValidateRequest,
    *,
    json: bool,
) -> Report:
    from aicr_core.cli.progress import Live
    from aicr_core.session import Session

    with Live() as live:
        outcome = Session.of(environment).run_validation(
            inputs, snapshot, request, json=json, notify=live
        )
    for text in outcome.warnings:
        warn(text)
    return outcome.report


def _explain(
    environment: Environment,
    inputs: Inputs,
    snapshot: dict[str, Any],
    request: ValidateRequest,
    *,
    json: bool,
) -> None:
    report = _run(environment, inputs, snapshot, request._replace(no_cluster=True), json=json)
    lines = []
    gates = [item for phase in report.phases if phase.gate for item in phase.items]
    for item in gates:
        lines.append(f"{item.name}: {item.status}")
        lines.append(f"  expected  {item.result.expected}")
        lines.append(f"  actual    {item.result.actual or '(none)'}")
        lines += [f"  {line}" for block in item.result.evidence for line in block.text.splitlines()]
        if item.status != "passed":
            lines.append(f"  {item.result.message}")
    write_result("\n".join(lines or ["the recipe has no constraints"]) + "\n")


def _rbac(inputs: Inputs, request: ValidateRequest, options: dict[str, Any]) -> None:
    from aicr_core.app.validate import chosen_phases
    from aicr_core.app.validation_outputs import rbac

    objects = rbac(
        inputs, chosen_phases(inputs, request.phases), request.namespace, request.service_account,
        request.skip_checks,
    )  # fmt: skip
    fmt = choice("format", single("format", options["fmt"], "yaml"), ("yaml", "json"))
    if fmt == "json":
        write_result(render({"apiVersion": "v1", "kind": "List", "items": objects}, "json"))
    else:
        write_result("---\n".join(render(item, "yaml") for item in objects))


def _submit(environment: Environment, options: dict[str, Any]) -> None:
    """Run the checks of conformance features and write a submission; the verdicts decide the exit status."""
    from aicr_core.app.validation_outputs import submission_inputs
    from aicr_core.app.validation_recipe import open_recipe

    source = single("recipe", options["recipe"])
    recipe = None
    if source:
        recipe = open_recipe(
            environment, source, data=options["data"], kubeconfig=options["kubeconfig"]
        )
    features = [name for text in options["feature"] for name in text.split(",")]
    inputs = submission_inputs(environment, features, recipe, options["data"])
    request = request_of(environment, {**options, "phase": ()}, inputs)
    places = reports.places(environment, options)
    report = _run(environment, inputs, {}, request._replace(keep_going=True), json=False)
    reports.conclude(environment, report, places, options, "submission")
