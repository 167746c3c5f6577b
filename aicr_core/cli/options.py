"""Options that several commands share, and how their texts become a request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from aicr_core.engine.criteria import TEXT_DIMENSIONS
from aicr_core.kit.errors import AicrError, Code, nearest
from aicr_core.model.settings import TRUE_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")

_GO_INTEGER = re.compile(
    r"[-+]?(0[bB](_?[01])+|0[xX](_?[0-9a-fA-F])+|0[oO]?(_?[0-7])+|0|[1-9](_?[0-9])*)$"
)
_MOST_DIGITS = 80
"""More than any 64-bit integer needs, prefix and underscores included."""


if TYPE_CHECKING:
    IntegerType = click.ParamType[int]
else:
    # click made its parameter types generic late; older versions know the bare class only.
    IntegerType = click.ParamType


class Integer(IntegerType):
    """An integer as the reference reads it: ``+3``, ``0x10``, ``010`` (octal), ``0b11``, ``1_000``."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Give the integer; a usage error otherwise."""
        if not isinstance(value, str):
            return int(value)
        if len(value) <= _MOST_DIGITS and _GO_INTEGER.fullmatch(value):
            body = value.lstrip("+-")
            if len(body) > 1 and body[0] == "0" and body[1] in "01234567_":
                body = "0o" + body[1:].lstrip("_")
            number = int(body, 0) * (-1 if value.startswith("-") else 1)
            if -(2**63) <= number < 2**63:
                return number
        shown = value if len(value) <= _MOST_DIGITS else f"{value[:_MOST_DIGITS]}..."
        raise click.BadParameter(f"{shown!r} is no integer", ctx=ctx, param=param)


kubeconfig_option = click.option(
    "--kubeconfig", "-k", default="", metavar="FILE", help="for cm:// sources"
)
plain_http = click.option("--plain-http", is_flag=True, help="speak http to the registry")
insecure_tls = click.option(
    "--insecure-tls", is_flag=True, help="do not check the registry's certificate"
)


def charts_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where charts may be found."""
    charts = click.option(
        "--charts", multiple=True, metavar="DIR",
        help="directory of packaged charts, looked into before any repository (repeatable)",
    )  # fmt: skip
    offline = click.option(
        "--offline", is_flag=True, help="use no chart repository: --charts and what is cached"
    )
    return charts(offline(function))


_VALUE_OPTIONS = (
    ("--set", "set_values", "COMPONENT:PATH=VALUE", "override a value (repeatable)"),
    ("--set-string", "set_strings", "COMPONENT:PATH=TEXT", "override a value, always as text"),
    ("--set-file", "set_files", "COMPONENT:PATH=FILE",
     "override a value by the first YAML document of FILE; objects merge"),
    ("--set-json", "set_jsons", "COMPONENT:PATH=JSON",
     "override a value by JSON; objects merge, null takes a key away"),
    ("--enable", "enable", "COMPONENT", "switch a component on"),
    ("--disable", "disable", "COMPONENT", "leave a component out"),
)  # fmt: skip


def value_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that change values of a recipe's components and switch them."""
    for flag, name, metavar, text in reversed(_VALUE_OPTIONS):
        function = click.option(flag, name, multiple=True, metavar=metavar, help=text)(function)
    return function


_SCHEDULING_OPTIONS = (
    ("--system-node-selector", "system_node_selector", "KEY=VALUE",
     "nodes for controllers (repeatable, or separated by commas)"),
    ("--system-node-toleration", "system_node_tolerations", "KEY=VALUE:EFFECT",
     "taint that controllers tolerate; default: every one"),
    ("--accelerated-node-selector", "accelerated_node_selector", "KEY=VALUE",
     "nodes with accelerators (repeatable, or separated by commas)"),
    ("--accelerated-node-toleration", "accelerated_node_tolerations", "KEY=VALUE:EFFECT",
     "taint that their agents tolerate; default: every one"),
    ("--workload-gate", "workload_gate", "KEY=VALUE:EFFECT",
     "taint that holds workloads back from new nodes"),
    ("--workload-selector", "workload_selector", "KEY=VALUE",
     "pods of jobs, which node tuning waits for (repeatable)"),
)  # fmt: skip


def scheduling_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say on which nodes a bundle's pods run; the registry says where they are written."""
    for flag, name, metavar, text in reversed(_SCHEDULING_OPTIONS):
        many: dict[str, Any] = {"default": ""} if name == "workload_gate" else {"multiple": True}
        function = click.option(flag, name, metavar=metavar, help=text, **many)(function)
    return function


max_input_size = click.option(
    "--max-input-size", type=click.IntRange(1, 4096), default=64, metavar="MIB",
    help="largest snapshot to read; default 64",
)  # fmt: skip


class SingleDash(click.Command):
    """A command whose long options may also be written with one dash, as the reference allows."""

    def make_parser(self, ctx: click.Context) -> Any:
        """Know ``-service`` beside ``--service``; ``-s`` stays what it is."""
        parser: Any = super().make_parser(ctx)
        for name, option in list(parser._long_opt.items()):
            parser._long_opt.setdefault(name.removeprefix("-"), option)
        return parser


def single(name: str, values: Sequence[T], default: T | None = None) -> T:
    """Give the one value of an option that may stand once. Raises AicrError when it stands twice.

    Without a value and a default it is the empty text.
    """
    if len(values) > 1:
        raise AicrError(
            Code.INVALID_REQUEST, f"--{name} is given {len(values)} times", hint="give it once"
        )
    if values:
        return values[0]
    return cast("T", "") if default is None else default


def file_target(values: Sequence[str], what: str) -> str:
    """Give where ``--output`` writes ``what``: a file, ``-`` or nothing. Raises AicrError for a store's URI."""
    target = single("output", values, "").strip()
    if "://" in target:
        raise AicrError(
            Code.INVALID_REQUEST, f"{what} is written to a file", where="--output", hint="name a file, or -"
        )  # fmt: skip
    return target


def is_true(env: Mapping[str, str], name: str) -> bool:
    """Tell whether a switch among the environment variables is on, by the reference's grammar."""
    return env.get(name, "") in TRUE_WORDS


def choice(name: str, value: str, known: Sequence[str]) -> str:
    """Give ``value`` if it is one of ``known``. Raises AicrError with the nearest."""
    if value not in known:
        close = nearest(value, known)
        start = f'did you mean "{close}"? ' if close else ""
        raise AicrError(
            Code.INVALID_REQUEST,
            f'unknown {name} "{value}"',
            where=f"--{name}",
            hint=f"{start}known: {', '.join(known)}",
        )
    return value


def _complete(dimension: str) -> Callable[..., list[str]]:
    def complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
        import os

        from aicr_core.app.environment import Environment
        from aicr_core.model.settings import Settings

        environment = ctx.find_object(Environment) or Environment(Settings.from_env(os.environ))
        try:
            values = environment.catalogue().criteria_values()[dimension]
        except AicrError:
            return []
        return sorted(value for value in values if value.startswith(incomplete))

    return complete


def _criteria(function: Callable[..., Any]) -> Callable[..., Any]:
    helps = {
        "service": "Kubernetes service",
        "accelerator": "GPU model",
        "intent": "what the cluster is for",
        "os": "operating system of the GPU nodes",
        "platform": "workload platform",
    }
    for dimension in reversed(TEXT_DIMENSIONS):
        names = [f"--{dimension}"]
        if dimension == "accelerator":
            names.append("--gpu")
        function = click.option(
            *names,
            dimension,
            multiple=True,
            metavar="VALUE",
            help=helps[dimension],
            shell_complete=_complete(dimension),
        )(function)
    return function


def recipe_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose a recipe: criteria, files, catalogue."""
    for option in reversed(
        [
            click.option(
                "--nodes", type=Integer(), multiple=True, metavar="N", help="number of GPU nodes"
            ),
            click.option(
                "--snapshot",
                "-s",
                multiple=True,
                metavar="SOURCE",
                help="take criteria from a snapshot",
            ),
            click.option(
                "--criteria",
                "-c",
                multiple=True,
                metavar="SOURCE",
                help="take criteria from a file",
            ),
            click.option(
                "--data",
                multiple=True,
                metavar="DIR",
                help="further catalogue directory (repeatable)",
            ),
            click.option(
                "--external-only",
                is_flag=True,
                help="use the --data directories alone, no plugins' data",
            ),
            click.option(
                "--lenient",
                is_flag=True,
                help="warn of unknown keys in --data and input files instead of refusing them",
            ),
            click.option(
                "--criteria-strict",
                is_flag=True,
                help="take no criteria values that only --data declares",
            ),
            kubeconfig_option,
        ]
    ):
        function = option(function)
    return _criteria(function)


def criteria_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose a recipe, and those that say what to do when it is not covered."""
    partial = click.option(
        "--allow-partial",
        is_flag=True,
        help="make the smaller recipe when a criterion is covered by no overlay",
    )
    explain = click.option(
        "--explain-criteria",
        is_flag=True,
        help="print instead where each criterion comes from",
    )
    return recipe_options(partial(explain(function)))


def request_from(options: dict[str, Any]) -> Any:
    """Make the RecipeRequest of the options that :func:`criteria_options` or :func:`recipe_options` added."""
    from aicr_core.app.recipe import RecipeRequest

    flags = {name: single(name, options[name]) for name in TEXT_DIMENSIONS if options[name]}
    return RecipeRequest(
        flags=flags,
        nodes=options["nodes"][-1] if options["nodes"] else 0,
        criteria=single("criteria", options["criteria"]),
        snapshot=single("snapshot", options["snapshot"]),
        data=tuple(folder for folder in options["data"] if folder),
        external_only=options["external_only"],
        allow_partial=options.get("allow_partial", False),
        kubeconfig=options["kubeconfig"],
        lenient=options["lenient"],
        criteria_strict=options["criteria_strict"],
    )
