"""Use case ``check``: one check as a process of its own, as a container runs it (spec/validate.md 7).

Documents come from the paths of the environment, the verdict leaves as exit status and as a line in the termination
log; evidence is for standard output. What the check made in the cluster is removed before the process ends, also when
it is told to stop. Nothing is printed here.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.app import validation_inputs as loading
from aicr_core.app.validation_recipe import open_recipe
from aicr_core.engine import checks
from aicr_core.kit import durations, limits, yamlio
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.run import Context
from aicr_core.model.check import FAILED, PASSED, SKIPPED, CheckResult
from aicr_core.model.resultline import write_result_line
from aicr_core.model.target import Target
from aicr_core.plugins.manager import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aicr_core.app.environment import Environment
    from aicr_core.plugins.providers import Check

Document = dict[str, Any]
SNAPSHOT = "/data/snapshot/snapshot.yaml"
RECIPE = "/data/recipe/recipe.yaml"
INPUTS = "inputs.yaml"
"""Beside the recipe: what the run knows that neither recipe nor snapshot says."""
ACCOUNT_NAMESPACE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
TERMINATION_LOG = "/dev/termination-log"
MOST = 4096
"""Bytes of a termination log that the cluster keeps."""
STATUS = {PASSED: 0, FAILED: 1, SKIPPED: 2}
NO_VERDICT = 8
"""Exit status of a check that crashed: none of those that are a verdict."""


class CheckRequest(NamedTuple):
    """Which check, and where its documents are; what is empty comes from the environment variables."""

    name: str
    recipe: str = ""
    snapshot: str = ""
    kubeconfig: str = ""
    namespace: str = ""
    pace: float = 1.0


class Verdict(NamedTuple):
    """What a check process says: exit status, line of the termination log, lines of standard output."""

    status: int
    message: str
    output: tuple[str, ...] = ()
    residue: tuple[str, ...] = ()
    """Commands that delete what could not be removed."""
    remediation: str = ""
    line: str = ""
    """The whole verdict for the runner, the last line of standard output; empty when no run waits for it."""


def check(environment: Environment, request: CheckRequest, log: Callable[[str], None]) -> Verdict:
    """Run one check; whatever is wrong with name, documents or cluster is a verdict, no exception.

    An interrupt is raised after what the check made is removed.
    """
    try:
        provider = _provider(environment, request.name)
        limit = _limit(environment, provider)
        ctx = Context(
            settings=environment.settings, timeout=limit, log=log, render=_render,
            options={"kubeconfig": request.kubeconfig},
        )  # fmt: skip
        target = _target(environment, request, provider, ctx)
    except AicrError as error:
        place = f" ({error.where})" if error.where else ""
        hint = f"; {error.hint}" if error.hint else ""
        message = f"[{error.code}] {error.message}{place}{hint}"
        line = _result_line(environment.settings.env, checks.refused(error))
        return Verdict(STATUS[FAILED], message, line=line)
    try:
        result = checks.run_check(provider, resolve(provider.call), ctx, target)
    finally:
        residue = checks.clean_up(target)
        if residue:
            log("left in the cluster; remove with:\n  " + "\n  ".join(residue))
    output = tuple(line for evidence in result.evidence for line in evidence.lines())
    status = STATUS.get(result.status, NO_VERDICT)
    line = _result_line(environment.settings.env, result)
    return Verdict(status, _line(result), output, residue, result.remediation, line)


def _render(template: str, **variables: Any) -> str:
    from aicr_core.engine import render

    return render.template(template, **variables)


def _line(result: CheckResult) -> str:
    """Give the line of the termination log; also a skip has one (spec/validate.md 16.1, 10)."""
    return f"[{result.code}] {result.message}" if result.code is not None else result.message


def _result_line(env: Mapping[str, str], result: CheckResult) -> str:
    """Give the line for the run that started this container; none for a person, who has no such variables."""
    run, name = env.get("AICR_RUN_ID", ""), env.get("AICR_VALIDATOR_NAME", "")
    return write_result_line(result, run=run, check=name) if run and name else ""


def _provider(environment: Environment, name: str) -> Check:
    found = environment.manager.named("aicr_checks", "name", settings=environment.settings)
    if name in found:
        provider: Check = found[name][1]
        return provider
    if not name:
        raise AicrError(
            Code.INVALID_REQUEST, "no check is named", hint=f"checks: {', '.join(sorted(found)) or 'none'}"
        )  # fmt: skip
    way = "" if found else environment.index.way_to("check", "*")
    if way:
        raise AicrError(Code.NOT_FOUND, f'no check "{name}"', hint=way)
    raise environment.manager.missing("check", name, sorted(found), {})


def _limit(environment: Environment, provider: Check) -> float:
    """Give the seconds that the check may take: those that the run gives it, else its own."""
    text = environment.settings.env.get("AICR_CHECK_TIMEOUT", "")
    found = durations.seconds(text) if text else None
    if text and not found:
        raise AicrError(
            Code.INVALID_REQUEST, f'"{text}" is no length of time', where="AICR_CHECK_TIMEOUT",
            hint="write 90s, 5m or 1h30m",
        )  # fmt: skip
    return found or provider.timeout


def _target(
    environment: Environment, request: CheckRequest, provider: Check, ctx: Context
) -> Target:
    env = environment.settings.env
    place = request.recipe or env.get("AICR_RECIPE_PATH") or RECIPE
    recipe: Document = {}
    if request.recipe or os.path.exists(place):
        opened = open_recipe(environment, place, kubeconfig=request.kubeconfig)
        recipe = opened.document
    source = request.snapshot or env.get("AICR_SNAPSHOT_PATH") or SNAPSHOT
    if source == SNAPSHOT and not os.path.exists(source):
        raise AicrError(
            Code.NOT_FOUND, "there is no snapshot", where=source,
            hint="name one with --snapshot or AICR_SNAPSHOT_PATH",
        )  # fmt: skip
    snapshot, _, warnings = loading.read_snapshot(
        environment, source, kubeconfig=request.kubeconfig
    )
    for warning in warnings:
        ctx.log(warning)
    inputs = _inputs(environment, place, recipe, provider)
    asserts = _mapping(inputs, "asserts")
    refs = [
        {**ref, "healthCheckAsserts": asserts[ref["name"]]} if ref.get("name") in asserts else ref
        for ref in recipe.get("componentRefs") or ()
    ]
    cluster = environment.cluster(request.kubeconfig).within(ctx.remaining)
    return Target(
        ctx, cluster, recipe={**recipe, "componentRefs": refs} if refs else recipe, snapshot=snapshot,
        namespace=request.namespace or _namespace(env), run=env.get("AICR_RUN_ID") or "local",
        constraints=_mapping(_mapping(inputs, "constraints"), provider.phase), asserts=asserts,
        profiles=_mapping(inputs, "profiles").get(provider.name) or (),
        nodes=_mapping(_mapping(inputs, "nodes"), provider.phase), pace=request.pace,
    )  # fmt: skip


def _namespace(env: Mapping[str, str]) -> str:
    try:
        with open(ACCOUNT_NAMESPACE, encoding="utf-8") as stream:
            found = stream.read().strip()
    except OSError:
        found = ""
    return found or env.get("AICR_NAMESPACE") or "default"


def _inputs(
    environment: Environment, recipe_path: str, recipe: Document, provider: Check
) -> Document:
    """Give the run's inputs from beside the recipe; without them, what recipe and catalogue say."""
    path = os.path.join(os.path.dirname(recipe_path), INPUTS)
    if "://" not in recipe_path and os.path.exists(path):
        with open(path, "rb") as stream:
            found = yamlio.load(stream.read(limits.MAX_BYTES), path)
        if not isinstance(found, dict):
            raise AicrError(Code.INVALID_REQUEST, "the inputs are no mapping", where=path)
        return found
    catalogue = environment.catalogue()
    settings = _mapping(_mapping(recipe, "validation"), provider.phase)
    refs = [ref for ref in recipe.get("componentRefs") or () if isinstance(ref, dict)]
    asserts = {str(ref.get("name")): loading.assertions_of(catalogue, ref) for ref in refs}
    constraints = {
        str(item.get("name")): str(item.get("value", ""))
        for item in settings.get("constraints") or ()
        if isinstance(item, dict)
    }
    return {
        "asserts": {name: text for name, text in asserts.items() if text},
        "profiles": {provider.name: loading.profiles_of(catalogue, provider.name)},
        "constraints": {provider.phase: constraints},
        "nodes": {provider.phase: settings.get("nodeSelection") or {}},
    }


def _mapping(document: Mapping[str, Any], key: str) -> Document:
    """Give the mapping below a key; empty when there is something else."""
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def end(environment: Environment, message: str) -> None:
    """Write the termination log, cut to what the cluster keeps. Outside of a container there is none to write."""
    path = environment.settings.env.get("AICR_TERMINATION_LOG") or TERMINATION_LOG
    own = path != TERMINATION_LOG
    if not own and not os.path.exists(path):
        return
    try:
        with open(path, "wb") as stream:
            stream.write(cut(message))
    except OSError as error:
        from aicr_core.kit.paths import fault

        raise fault(error, path, "write") from None


def cut(message: str) -> bytes:
    """Give the first 4096 bytes of a text, no character in two."""
    return message.encode("utf-8", "replace")[:MOST].decode("utf-8", "ignore").encode("utf-8")
