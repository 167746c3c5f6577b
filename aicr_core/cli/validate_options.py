"""The options of ``aicr validate``: what there is, what means nothing together, and how they become a request."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli.options import choice, single
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment
    from aicr_core.app.validate import ValidateRequest
    from aicr_core.app.validation_inputs import Inputs

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


def plain_options(function: Any) -> Any:
    """Add the switches, and the options that are texts and lists of texts."""
    for name, text in reversed(_SWITCHES):
        function = click.option(name, name[2:].replace("-", "_"), is_flag=True, help=text)(function)
    for name, metavar, text in reversed(_LISTS):
        names = [name, "-f"] if name == "--feature" else [name]
        function = click.option(*names, multiple=True, metavar=metavar, help=text)(function)
    for name, short, metavar, text in reversed(_TEXTS):
        names = [name, short] if short else [name]
        function = click.option(*names, multiple=True, metavar=metavar, help=text)(function)
    return function


def check(environment: Environment, options: dict[str, Any]) -> None:
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


def request_of(
    environment: Environment, options: dict[str, Any], inputs: Inputs
) -> ValidateRequest:
    """Give what the options ask for. Raises AicrError naming the option, or file and line of a waiver."""
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
