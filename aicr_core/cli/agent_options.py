"""The options of ``aicr snapshot`` that say on which nodes, and how, an agent runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli.options import choice, single
from aicr_core.kit.durations import seconds
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aicr_core.app.snapshot import SnapshotRequest
    from aicr_core.model.agent import AgentRequest

PROFILES = ("auto", "privileged", "gpu", "node", "plain", "api")
_QUANTITY = re.compile(
    r"\d+(\.\d*)?([eE][-+]?\d+|[munkMGTPE]|[KMGTPE]i)?$|\.\d+([munkMGTPE]|[KMGTPE]i)?$"
)


if TYPE_CHECKING:
    FloatType = click.ParamType[float]
else:
    FloatType = click.ParamType


class Duration(FloatType):
    """A length of time as Go and kubectl write it: ``90s``, ``5m``, ``1h30m``; gives seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Give seconds; a usage error otherwise."""
        if not isinstance(value, str):
            return float(value)
        found = seconds(value)
        if found is None:
            raise click.BadParameter(
                f"{value!r} is no duration; write 90s, 5m or 1h30m", ctx=ctx, param=param
            )
        return found


# Declaration, metavar ("" for a switch), help. All may be repeated as far as click is concerned; which of them
# stand for a list is said in the help, the others are refused twice.
_OPTIONS = (
    ("--all-nodes", "", "measure every node that the selector allows"),
    ("--node", "NAME", "measure this node (repeatable)"),
    ("--node-selector", "KEY=VALUE", "allow only such nodes (repeatable)"),
    ("--toleration", "KEY=VALUE:EFFECT", "repeatable; default: tolerate every taint"),
    ("--concurrency", "N", "nodes at once; default 32"),
    ("--timeout", "DURATION", "wait for the agent, such as 90s or 1h30m; default 5m"),
    ("--namespace", "NAME", "namespace of the agent; default: default"),
    ("--image", "REF", "image of the agent, built from packaging/agent/Containerfile"),
    ("--image-pull-secret", "NAME", "repeatable"),
    ("--job-name", "PREFIX", "start of the names of all objects; default: aicr"),
    ("--service-account-name", "NAME", "use this prepared account"),
    ("--profile", "auto|privileged|gpu|node|plain|api", "rights of the agent's pod; default: auto"),
    ("--runtime-class", "NAME", "reach the GPUs without reserving one"),
    ("--requests", "NAME=QUANTITY,...", "resource requests of the agent"),
    ("--limits", "NAME=QUANTITY,...", "resource limits of the agent"),
    ("--no-cleanup", "", "leave the objects in the cluster; print how to delete them"),
    ("--dry-run", "", "print the objects, create nothing"),
    ("--agent", "NAME", "which agent plugin to use, if several are installed"),
)
_TYPES: dict[str, Any] = {"--timeout": Duration(), "--concurrency": click.IntRange(1, 500)}


def agent_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; :func:`agent_request` reads them."""
    function = click.option(
        "--privileged", is_flag=False, flag_value="true", default="", metavar="[BOOL]",
        help="short for --profile privileged; =false for --profile plain",
    )(function)  # fmt: skip
    for name, metavar, text in reversed(_OPTIONS):
        names = [name, "-n"] if name == "--namespace" else [name]
        if metavar:
            given: dict[str, Any] = {"multiple": True, "metavar": metavar, "type": _TYPES.get(name)}
        else:
            given = {"is_flag": True}
        function = click.option(*names, help=text, **given)(function)
    return function


def refuse(options: Mapping[str, Any], why: str) -> None:
    """Refuse options for agents in a run that has none: one that does nothing misleads. Raises AicrError."""
    for name in ("--privileged", *(name for name, _, _ in _OPTIONS)):
        if options[name.removeprefix("--").replace("-", "_")]:
            raise AicrError(
                Code.INVALID_REQUEST, f"this is for agents, and {why} runs none", where=name,
                hint=f"leave {name} or {why} out",
            )  # fmt: skip


def agent_request(
    env: Mapping[str, str],
    options: dict[str, Any],
    request: SnapshotRequest,
    *,
    debug: bool = False,
) -> AgentRequest:
    """Make the request of the options and AICR_* variables. Raises AicrError naming the flag."""
    from aicr_core.engine import setflags
    from aicr_core.model.agent import AgentRequest

    require_gpu = options["require_gpu"] or env.get("AICR_REQUIRE_GPU", "") in (
        "1",
        "t",
        "T",
        "true",
        "True",
        "TRUE",
    )
    runtime = single("runtime-class", options["runtime_class"]) or env.get("AICR_RUNTIME_CLASS", "")
    if require_gpu and runtime:
        raise AicrError(
            Code.INVALID_REQUEST, "--require-gpu reserves a GPU, --runtime-class reaches them without",
            where="--runtime-class", hint="give one of the two; --runtime-class leaves the GPUs to others",
        )  # fmt: skip
    if options["node"] and options["node_selector"]:
        raise AicrError(
            Code.INVALID_REQUEST, "--node names the nodes, --node-selector chooses among all",
            where="--node-selector", hint="give one of the two",
        )  # fmt: skip
    tolerations: Sequence[Mapping[str, Any]] = ({"operator": "Exists"},)
    if options["toleration"] and "*" not in options["toleration"]:
        tolerations = tuple(setflags.tolerations(list(options["toleration"]), "--toleration"))
    return AgentRequest(
        namespace=single("namespace", options["namespace"])
        or env.get("AICR_NAMESPACE", "")
        or "default",
        image=single("image", options["image"]) or env.get("AICR_IMAGE", ""),
        image_pull_secrets=tuple(options["image_pull_secret"]),
        name=single("job-name", options["job_name"], "aicr"),
        service_account=single("service-account-name", options["service_account_name"]),
        node_selector=setflags.selectors(list(options["node_selector"]), "--node-selector"),
        tolerations=tuple(tolerations),
        nodes=tuple(options["node"]),
        all_nodes=options["all_nodes"],
        concurrency=single("concurrency", options["concurrency"], 32),
        # Zero means the default, as in the reference.
        timeout=single("timeout", options["timeout"], 0.0) or 300.0,
        cleanup=not options["no_cleanup"],
        profile=_profile(options),
        require_gpu=require_gpu,
        runtime_class=runtime,
        requests=_quantities("requests", options["requests"]),
        limits=_quantities("limits", options["limits"]),
        arguments=_inside(request),
        debug=debug,
        dry_run=options["dry_run"],
    )


def _profile(options: dict[str, Any]) -> str:
    given = choice("profile", single("profile", options["profile"], "auto"), PROFILES)
    word = options["privileged"].lower()
    if not word:
        return given
    if word not in ("true", "false", "1", "0", "t", "f"):
        raise click.BadParameter(f"{word!r} is neither true nor false", param_hint="--privileged")
    meant = "privileged" if word in ("true", "1", "t") else "plain"
    if options["profile"] and given != meant:
        raise AicrError(
            Code.INVALID_REQUEST, f"this means --profile {meant}, and --profile {given} is given",
            where="--privileged", hint="give one of the two",
        )  # fmt: skip
    return meant


def _inside(request: SnapshotRequest) -> tuple[str, ...]:
    """Give the words that the ``aicr snapshot`` inside the agent gets from ours."""
    words: list[str] = []
    for unit in request.systemd_units:
        words += ["--systemd-unit", unit]
    for name in request.collectors:
        words += ["--collector", name]
    return (*words, "--redact", request.redact, "--redaction-key", request.redaction_key)


def _quantities(name: str, texts: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in (part.strip() for text in texts for part in text.split(",")):
        key, equals, quantity = part.partition("=")
        if not key or not equals or not _QUANTITY.match(quantity):
            raise AicrError(
                Code.INVALID_REQUEST, f'"{part}" is no resource and quantity', where=f"--{name}",
                hint="write cpu=500m,memory=256Mi",
            )  # fmt: skip
        if key in found:
            raise AicrError(Code.INVALID_REQUEST, f"{key} is given twice", where=f"--{name}")
        found[key] = quantity
    return found
