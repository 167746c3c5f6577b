"""Hand a run of checks to a runner of a plugin: what it is told, and which one. Runs nothing itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.app import validation_inputs as loading
from aicr_core.app.validation_rights import rights_of
from aicr_core.kit import limits
from aicr_core.kit.run import Context
from aicr_core.model.checkrun import CheckRun
from aicr_core.plugins.manager import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aicr_core.app.environment import Environment
    from aicr_core.app.validate import ValidateRequest
    from aicr_core.app.validation_inputs import Inputs
    from aicr_core.engine.selection import Entry
    from aicr_core.model.cluster import Cluster

Document = dict[str, Any]
PROCESS = "process"
"""The runner that is no plugin's: this process."""


def open_session(
    environment: Environment,
    inputs: Inputs,
    snapshot: Mapping[str, Any],
    request: ValidateRequest,
    entries: Sequence[Entry],
    *,
    run: str,
    cluster: Cluster,
    log: Callable[[str], None],
) -> Any:
    """Give the runner's session for these checks. Raises AicrError: NOT_FOUND, or what the runner says."""
    runners = environment.manager.named("aicr_check_runners", "name")
    if request.runner not in runners:
        raise environment.manager.missing("runner", request.runner, [PROCESS, *sorted(runners)], {})
    recipe = inputs.with_asserts()
    rights = [right for entry in entries for right in rights_of(entry, recipe)]
    whole = CheckRun(
        run=run, cluster=cluster, namespace=request.namespace, recipe=inputs.recipe.document,
        snapshot=snapshot, inputs=_travelling(inputs, entries), rights=tuple(dict.fromkeys(rights)),
        service_account=request.service_account, node_selector=request.node_selector,
        tolerations=request.tolerations, image_pull_secrets=request.image_pull_secrets,
        keep=request.keep, pace=request.pace,
    )  # fmt: skip
    context = Context(
        settings=environment.settings, timeout=limits.CHECK, log=log,
        options={"kubeconfig": request.kubeconfig},
    )  # fmt: skip
    return resolve(runners[request.runner][1].open)(context, whole)


def _travelling(inputs: Inputs, entries: Sequence[Entry]) -> Document:
    """Give what a check in a container needs beside recipe and snapshot."""
    profiles = {
        entry.name: list(found)
        for entry in entries
        if (found := loading.profiles_of(inputs.catalogue, entry.name))
    }
    phases = sorted({entry.phase for entry in entries})
    nodes = {phase: dict(inputs.settings(phase).get("nodeSelection") or {}) for phase in phases}
    return {
        "asserts": dict(inputs.asserts),
        "profiles": profiles,
        "constraints": {phase: inputs.constraints(phase) for phase in phases},
        "nodes": nodes,
    }
