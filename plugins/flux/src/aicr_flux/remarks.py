"""What a person is told: the bundle's README, what to mind, and what to run next."""

from __future__ import annotations

import shlex
from importlib.resources import files
from typing import TYPE_CHECKING

from aicr_core.api import parts, restarts
from aicr_flux import setup
from aicr_flux.graph import KUSTOMIZE, LOCAL, nodes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aicr_core.api import BundlePlan, Context
    from aicr_flux.graph import Node
    from aicr_flux.setup import Setup


def readme(ctx: Context, plan: BundlePlan, chosen: Setup, graph: Sequence[Node]) -> str:
    """Render the README of a bundle."""
    template = files("aicr_flux").joinpath("templates", "README.md.j2").read_text("utf-8")
    shown = [(name, value) for name, value in plan.criteria.items() if value not in ("", "any", 0)]
    return ctx.render(
        template,
        plan=plan,
        target=shown,
        setup=chosen,
        graph=graph,
        takes_bundle=any(node.takes_bundle for node in graph),
        namespaces=any(node.part.kind == KUSTOMIZE for node in graph),
        notes=[*notes(plan), *plan.notes],
        publish=_publish(plan, chosen, graph),
        placeholder=chosen.source.url == setup.PLACEHOLDER,
    )


def notes(plan: BundlePlan) -> list[str]:
    """Give what to mind before the bundle is deployed."""
    return list(_notes(plan, setup.read(plan)))


def _notes(plan: BundlePlan, chosen: Setup) -> Iterator[str]:
    graph = nodes(parts(plan))
    takes = [node.part.name for node in graph if node.takes_bundle]
    if takes and chosen.source.url == setup.PLACEHOLDER:
        yield (
            f"flux takes {', '.join(takes)} from this bundle and does not know where it is: give its Git repository "
            f"with --repo, or replace {setup.PLACEHOLDER} in sources/gitrepo-{chosen.source.name}.yaml"
        )
    if chosen.source.kind == "OCIRepository" and any(node.part.kind in LOCAL for node in graph):
        yield "flux 2.7 or newer with source-watcher has to be in the cluster: charts are cut out of the artifact"
    if plan.destination and plan.options.get("repo"):
        yield "flux takes the bundle from the registry: --repo has no part in it"
    for release in plan.releases:
        if release.dynamic:
            yield (
                f"{release.name} leaves values open: fill in {release.name}/configmap-values.yaml"
            )
        if release.kind == KUSTOMIZE and not release.tag:
            yield f"{release.name} names no tag: flux follows the branch main of {release.repository}"
    yield from restarts(plan, "flux")


def steps(plan: BundlePlan, directory: str) -> list[str]:
    """Give what a person runs after the bundle was written."""
    chosen = setup.read(plan)
    graph = nodes(parts(plan))
    folder = shlex.quote(directory)
    apply = [] if plan.destination else [f"kubectl apply -k {folder}"]
    return [
        *_publish(plan, chosen, graph),
        *apply,
        f"kubectl get helmreleases,kustomizations.kustomize.toolkit.fluxcd.io -n {chosen.namespace} -w",
    ]


def _publish(plan: BundlePlan, chosen: Setup, graph: Sequence[Node]) -> list[str]:
    """Give what makes the bundle known to Flux."""
    space = f"--namespace {chosen.namespace}"
    if plan.destination:
        address, tag = _tagged(plan.destination)
        name = chosen.source.name
        return [
            f"flux create source oci {name} {space} --url {shlex.quote(address)} {tag} --interval {chosen.interval}",
            f"flux create kustomization {name} {space} --source OCIRepository/{name} --path ./ --prune=true "
            f"--interval {chosen.interval}",
        ]
    if not any(node.takes_bundle for node in graph):
        return []
    place = f"{chosen.source.path.rstrip('/') or 'the root'} of "
    where = (
        f"the repository of GitRepository {chosen.source.name}"
        if not chosen.source.url
        else f"{chosen.source.url}, branch {(chosen.source.ref or {})['branch']}"
    )
    return [f"commit and push these files to {place}{where}"]


def _tagged(destination: str) -> tuple[str, str]:
    """Give address and flag of a reference ``oci://HOST/REPOSITORY[:TAG][@DIGEST]``."""
    address, at, digest = destination.partition("@")
    head, slash, last = address.rpartition("/")
    name, colon, tag = last.partition(":")
    flag = f"--digest {digest}" if at else f"--tag {tag if colon else 'latest'}"
    return f"{head}{slash}{name}", flag
