"""``aicr agent``: what dead runs left, the rights a user needs, and a cluster that snapshots itself.

The only module of the package that imports click.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import click

from aicr_core.api import AgentRequest, AicrError, Code, Context

if TYPE_CHECKING:
    from aicr_kube.jobs.api import Api

_NAMESPACE = click.option("--namespace", "-n", default="default", metavar="NAME", show_default=True)
_KUBECONFIG = click.option("--kubeconfig", "-k", default="", metavar="FILE")
_ACCOUNT = click.option(
    "--service-account-name", default="", metavar="NAME", help="a prepared account; then no Role is made"
)  # fmt: skip


def _note(text: str) -> None:
    click.echo(text, err=True)


def _open(environment: Any, kubeconfig: str) -> tuple[Context, Api]:
    from aicr_kube.jobs.api import Api, Budget

    context = Context(
        settings=environment.settings, timeout=300.0, log=_note, options={"kubeconfig": kubeconfig}
    )
    return context, Api.open(context, Budget(context.remaining))


@click.group()
def agent() -> None:
    """Care for the snapshot agents of a cluster."""


@agent.command()
@_NAMESPACE
@click.option("--all-namespaces", "-A", is_flag=True, help="look everywhere")
@click.option("--older-than", type=click.FloatRange(min=0), default=60.0, metavar="MINUTES", show_default=True,
              help="leave younger objects alone")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="only list them")
@_KUBECONFIG
@click.pass_obj
def sweep(
    environment: Any, namespace: str, all_namespaces: bool, older_than: float, dry_run: bool, kubeconfig: str
) -> None:  # fmt: skip
    """Remove what runs left that were killed.

    Objects of a run that may still be going on, by its own --timeout, and objects of anybody else are left alone.
    """
    from aicr_kube.agent import sweep as sweeping

    context, api = _open(environment, kubeconfig)
    now = datetime.datetime.now(datetime.UTC)
    where = "" if all_namespaces else namespace
    found = sweeping.find(api, where, older_than * 60, now, context.log)
    for leftover in found:
        click.echo(f"{leftover.place}  run {leftover.run}  {leftover.age / 3600:.1f} h")
    if dry_run or not found:
        _note(f"{len(found)} leftovers")
        return
    problems = sweeping.remove(api, found)
    _note(f"{len(found) - len(problems)} of {len(found)} leftovers removed")
    if problems:
        listed = "; ".join(f"{leftover.place}: {error.message}" for leftover, error in problems)
        raise AicrError(problems[0][1].code, f"not removed: {listed}")


@agent.command()
@_NAMESPACE
@click.option("--all-nodes", is_flag=True, help="for snapshot --all-nodes and --node")
@click.option("--output", "-o", "sink", default="", metavar="cm://NS/NAME",
              help="for an agent that writes there itself")  # fmt: skip
@click.option("--runtime-class", default="", metavar="NAME")
def rbac(namespace: str, all_nodes: bool, sink: str, runtime_class: str) -> None:
    """Print the Role and ClusterRole that a user of `aicr snapshot` needs, for an administrator to grant."""
    from aicr_kube.agent import access
    from aicr_kube.agent import plan as planning

    request = AgentRequest(
        namespace=namespace, all_nodes=all_nodes, sink=sink, runtime_class=runtime_class
    )
    planning.check(request)
    click.echo(access.as_yaml(access.roles(access.needs(request, fleet=all_nodes))), nl=False)


@agent.command()
@_NAMESPACE
@click.option("--schedule", required=True, metavar="CRON", help='such as "0 3 * * *"')
@click.option(
    "--output", "-o", "sink", required=True, metavar="cm://NS/NAME", help="where the snapshot goes"
)
@click.option("--image", default="", metavar="REF")
@click.option(
    "--profile", default="privileged", metavar="plain|node|gpu|privileged", show_default=True
)
@click.option("--runtime-class", default="", metavar="NAME")
@click.option("--node-selector", multiple=True, metavar="KEY=VALUE")
@click.option("--name", default="aicr", metavar="NAME", show_default=True)
@_ACCOUNT
def cronjob(
    namespace: str, schedule: str, sink: str, image: str, profile: str, runtime_class: str,
    node_selector: tuple[str, ...], name: str, service_account_name: str,
) -> None:  # fmt: skip
    """Print a CronJob that writes a snapshot to a ConfigMap, with a Role for that one object."""
    from aicr_kube.agent import access, pods, profiles
    from aicr_kube.agent import plan as planning
    from aicr_kube.agent import sink as sinking

    if len(schedule.split()) != 5 and not schedule.startswith("@"):
        raise AicrError(
            Code.INVALID_REQUEST, f'"{schedule}" is no schedule', where="--schedule",
            hint='write five fields such as "0 3 * * *", or @daily',
        )  # fmt: skip
    selector = dict(_pair(text) for text in node_selector)
    request = AgentRequest(
        namespace=namespace, sink=sink, image=image, profile=profile, runtime_class=runtime_class, name=name,
        service_account=service_account_name, node_selector=selector,
    )  # fmt: skip
    planning.check(request)
    chosen, _ = profiles.choose(profile, runtime_class, namespace, {})
    if chosen is None:
        raise AicrError(Code.INVALID_REQUEST, "profile api runs no pod", where="--profile")
    plan = pods.Plan("", chosen, runtime_class, selector=selector)
    click.echo(access.as_yaml(sinking.cronjob(request, plan, schedule)), nl=False)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(f"{text!r} is no KEY=VALUE", param_hint="--node-selector")
    return key, value
