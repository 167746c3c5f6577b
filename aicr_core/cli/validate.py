"""``aicr validate``: constraints against a snapshot, checks against the cluster, a report."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli import validate_reports as reports
from aicr_core.cli.agent_options import Duration
from aicr_core.cli.options import choice, single
from aicr_core.cli.output import note, render, warn, write_result
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment
    from aicr_core.app.validate import ValidateRequest
    from aicr_core.app.validation_inputs import Inputs
    from aicr_core.model.check import Report

_TEXTS = (
    (
        "--snapshot",
        "-s",
        "SOURCE",
        "file, URL or cm://namespace/name; without it an agent takes one",
    ),
    ("--output", "-o", "TARGET", "file, - for standard output, or cm://namespace/name"),
    ("--namespace", "-n", "NAME", "where objects of the run go; default: aicr-validation"),
    ("--image", "", "REF", "image of the snapshot agent"),
    ("--job-name", "", "PREFIX", "names of the snapshot agent's objects; default: aicr-validate"),
    ("--service-account-name", "", "NAME", "a prepared account for agent and runner"),
)
_LISTS = (
    ("--phase", "NAME", "run this phase (repeatable, in this order), or all"),
    ("--skip-check", "NAME", "leave a check out; it stays in the report as skipped (repeatable)"),
    ("--data", "DIR", "further catalogue directory (repeatable)"),
    ("--image-pull-secret", "NAME", "for every pod of the run (repeatable)"),
    ("--node-selector", "KEY=VALUE", "where pods of the run may go (repeatable)"),
    ("--toleration", "KEY=VALUE:EFFECT", "repeatable; default: tolerate every taint"),
    ("--report", "FORMAT=TARGET", "a further report, such as junit=report.xml (repeatable)"),
    ("--feature", "NAME", "with --cncf-submission: only this feature (repeatable)"),
)
_SWITCHES = (
    ("--no-cluster", "evaluate constraints only; every check is reported skipped"),
    ("--read-only", "leave out checks that create objects"),
    ("--fail-fast", "start no further check once one has failed"),
    ("--keep-going", "run later phases although one they need has failed"),
    ("--no-cleanup", "leave what checks make in the cluster; print how to delete it"),
    ("--require-gpu", "the snapshot agent reserves a GPU"),
    ("--cncf-submission", "run conformance checks and write the files of a submission"),
    ("--print-rbac", "print the roles that the selected checks need, and do nothing else"),
    (
        "--list",
        "print the checks there are, with -r whether the recipe asks for them, and do nothing else",
    ),
    ("--explain", "print how each constraint is compared, and do nothing else"),
)


def _options(function: Any) -> Any:
    for name, text in reversed(_SWITCHES):
        function = click.option(name, name[2:].replace("-", "_"), is_flag=True, help=text)(function)
    for name, metavar, text in reversed(_LISTS):
        names = [name, "-f"] if name == "--feature" else [name]
        function = click.option(*names, multiple=True, metavar=metavar, help=text)(function)
    for name, short, metavar, text in reversed(_TEXTS):
        names = [name, short] if short else [name]
        function = click.option(*names, multiple=True, metavar=metavar, help=text)(function)
    return function


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
@_options
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
    _check(environment, options)
    if options["list"]:
        from aicr_core.cli import validate_list

        inputs = _inputs(environment, options) if options["recipe"] else None
        validate_list.checks(environment, options, inputs)
        return
    if options["cncf_submission"]:
        _submit(environment, options)
        return
    inputs = _inputs(environment, options)
    request = _request(environment, options, inputs)
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


def _check(environment: Environment, options: dict[str, Any]) -> None:
    """Refuse options, and combinations of them, that mean nothing. Raises AicrError naming the option."""
    if options["runner"] != "process":
        known = environment.manager.named("aicr_check_runners", "name")
        way = environment.index.way_to("runner", options["runner"])
        if way and options["runner"] not in known:
            raise AicrError(Code.NOT_FOUND, f"no runner {options['runner']}", where="--runner", hint=way)  # fmt: skip
        choice("runner", options["runner"], ("process", *sorted(known)))
    folder = options["evidence_dir"]
    if folder and os.path.exists(folder) and not os.path.isdir(folder):
        raise AicrError(
            Code.INVALID_REQUEST, f"{folder} is no directory", where="--evidence-dir",
            hint="name another; one that is not there is made",
        )  # fmt: skip
    for given, needed in (("cncf_submission", "evidence_dir"), ("feature", "cncf_submission")):
        if options[given] and not options[needed]:
            flag, other = (f"--{name.replace('_', '-')}" for name in (given, needed))
            raise AicrError(
                Code.INVALID_REQUEST, f"this needs {other}", where=flag, hint=f"add {other}"
            )
    if options["skip_check"] and options["evidence_dir"]:
        raise AicrError(
            Code.INVALID_REQUEST, "evidence with checks left out proves nothing", where="--skip-check",
            hint="leave --skip-check or --evidence-dir out",
        )  # fmt: skip
    if options["fail_fast"] and options["keep_going"]:
        raise AicrError(
            Code.INVALID_REQUEST, "it is the opposite of --keep-going", where="--fail-fast",
            hint="give one of the two",
        )  # fmt: skip
    choice("readiness-unknown", options["readiness_unknown"], ("fail", "warn"))
    if options["fail_on_skip"]:
        choice("fail-on-skip", options["fail_on_skip"], ("any", "all"))
    if options["fail_on_error"].lower() not in ("true", "false", "1", "0", "t", "f"):
        word = options["fail_on_error"]
        raise click.BadParameter(
            f"{word!r} is neither true nor false", param_hint="--fail-on-error"
        )


def _inputs(environment: Environment, options: dict[str, Any]) -> Inputs:
    from aicr_core.app.validation_inputs import gather

    recipe = single("recipe", options["recipe"])
    if not recipe:
        raise AicrError(
            Code.INVALID_REQUEST,
            "--recipe is required",
            hint="give the output of `aicr recipe`: -r recipe.yaml",
        )
    _connect(environment, options, recipe, *options["snapshot"])
    return gather(environment, recipe, data=options["data"], kubeconfig=options["kubeconfig"])


def _connect(environment: Environment, options: dict[str, Any], *sources: str) -> None:
    """Connect at once when a source is in the cluster: the whole invocation uses this one connection."""
    if any(source.startswith("cm://") for source in sources):
        environment.cluster(options["kubeconfig"])


def _request(environment: Environment, options: dict[str, Any], inputs: Inputs) -> ValidateRequest:
    from aicr_core.app.validate import ValidateRequest
    from aicr_core.engine import setflags

    env = environment.settings.env
    split = setflags.split_commas
    tolerations: tuple[Any, ...] = ({"operator": "Exists"},)
    if options["toleration"] and "*" not in options["toleration"]:
        tolerations = tuple(setflags.tolerations(split(options["toleration"]), "--toleration"))
    return ValidateRequest(
        phases=tuple(options["phase"]),
        no_cluster=options["no_cluster"],
        kubeconfig=options["kubeconfig"],
        namespace=single("namespace", options["namespace"])
        or env.get("AICR_NAMESPACE", "")
        or "aicr-validation",
        runner=options["runner"],
        jobs=options["jobs"],
        fail_fast=options["fail_fast"],
        keep_going=options["keep_going"],
        read_only=options["read_only"],
        skip_checks=tuple(split(options["skip_check"])),
        unknown=options["readiness_unknown"],
        waivers=_waivers(options["waivers"], inputs),
        node_selector=setflags.selectors(split(options["node_selector"]), "--node-selector"),
        tolerations=tolerations,
        image_pull_secrets=tuple(options["image_pull_secret"]),
        service_account=single("service-account-name", options["service_account_name"]),
        keep=options["no_cleanup"],
        pace=_pace(env),
    )


def _pace(env: Any) -> float:
    """Give the factor of all waits: tests make it small."""
    try:
        return float(env.get("AICR_WAIT_FACTOR", "") or 1.0)
    except ValueError:
        raise AicrError(
            Code.INVALID_REQUEST, "not a number", where="AICR_WAIT_FACTOR", hint="unset it"
        ) from None


def _waivers(path: str, inputs: Inputs) -> tuple[Any, ...]:
    if not path:
        return ()
    from aicr_core.app import sources
    from aicr_core.engine import waivers

    document = inputs.recipe.document
    known = [entry.name for entry in inputs.entries]
    known += [item["name"] for item in document.get("constraints") or ()]
    for settings in (document.get("validation") or {}).values():
        known += [item["name"] for item in settings.get("constraints") or ()]
    return tuple(waivers.read(sources.read_bytes(path), path, known))


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
    from aicr_core.app.snapshot import SnapshotRequest, take_by_agent
    from aicr_core.cli.options import is_true
    from aicr_core.model.agent import AgentRequest

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
    taken = take_by_agent(
        environment, SnapshotRequest(kubeconfig=request.kubeconfig), agent, log=note
    )
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
    from aicr_core.app.validate import validate as run
    from aicr_core.cli.progress import Live

    with Live() as live:
        outcome = run(environment, inputs, snapshot, request, json=json, notify=live)
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
    request = _request(environment, {**options, "phase": ()}, inputs)
    places = reports.places(environment, options)
    report = _run(environment, inputs, {}, request._replace(keep_going=True), json=False)
    reports.conclude(environment, report, places, options, "submission")
