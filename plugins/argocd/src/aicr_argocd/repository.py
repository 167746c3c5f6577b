"""Deployer ``argocd``: a folder a component with its Application and values, and one Application that brings all.

The layout is that of v0.11.1 (spec/bundle.md 4) with the manifests that it lost (B-14). A bundle that is published
to a registry is its own source; ``$values`` works with Git alone, so values then stand in the Applications
(spec/bundle.md 12).
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from aicr_argocd import applications as app
from aicr_argocd.readme import readme
from aicr_argocd.stack import PLACEHOLDER, place_of, repository, stack_of
from aicr_argocd.units import MAIN, units
from aicr_core.api import Artifact, chart_version, restarts, to_yaml, wrapper_chart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_argocd.stack import Place, Stack
    from aicr_argocd.units import Unit
    from aicr_core.api import BundlePlan, Context, Release

APP_NAME = "nvidia-stack"
_CHILD = "application.yaml"


def deploy(ctx: Context, plan: BundlePlan) -> Iterator[Artifact]:
    """Give the bundle's files in order of generation. Raises AicrError for what Argo CD cannot do."""
    stack, place = stack_of(plan, APP_NAME), place_of(plan)
    found = units(plan, stack)
    for release in plan.releases:
        of_release = [unit for unit in found if unit.release is release]
        for unit in of_release:
            yield _file(f"{unit.name}/{_CHILD}", to_yaml(_application(unit, stack, place)))
            if unit.phase == MAIN:
                yield from _component(release, plan.tool_version)
        if not of_release:
            yield from _component(release, plan.tool_version)
        for item in (item for unit in of_release for item in unit.manifests):
            yield Artifact(path=f"{release.name}/{item.path}", data=item.data, mode=item.mode)
    yield _file("app-of-apps.yaml", to_yaml(app.parent(stack, _all(plan, place, found))))
    text = readme(
        ctx, "repository.md.j2", plan, stack, place, found,
        placeholder=place.url == PLACEHOLDER, registry=_of_registries(plan),
    )  # fmt: skip
    yield _file("README.md", text)


def _file(path: str, text: str) -> Artifact:
    return Artifact(path=path, data=text.encode("utf-8"))


def _application(unit: Unit, stack: Stack, place: Place) -> dict[str, object]:
    release = unit.release
    if unit.manifests:
        source = {**app.at(place, f"{release.name}/manifests"), "directory": app.directory(unit)}
        return app.component(unit, stack, {"source": source})
    if release.kind == "kustomize":
        return app.component(unit, stack, {"source": app.kustomization(release)})
    if release.archive is not None:
        values = app.helm(unit, stack, valueFiles=["values.yaml"])
        return app.component(
            unit, stack, {"source": {**app.at(place, release.name), "helm": values}}
        )
    chart = app.chart(release, stack)
    if not place.is_git:
        values = app.helm(unit, stack, **app.inline(release.values))
        source = {**chart, "helm": values} if values else chart
        return app.component(unit, stack, {"source": source})
    values = app.helm(unit, stack, valueFiles=[f"$values/{release.name}/values.yaml"])
    ours = {"repoURL": place.url, "targetRevision": place.revision, "ref": "values"}
    return app.component(unit, stack, {"sources": [{**chart, "helm": values}, ours]})


def _component(release: Release, tool_version: str) -> Iterator[Artifact]:
    """Give what a component's folder holds besides its Application."""
    folder = release.name
    values = dict(release.values)
    if release.kind != "kustomize":
        text = f"# Values of {release.name}.\n---\n"
        if release.archive is not None:
            # The chart is a sub-chart of the one in this folder, which finds its values under its name.
            values = {chart_name(release): values}
        if values:
            text += to_yaml(values, indent=4, sort_keys=True)
        yield _file(f"{folder}/values.yaml", text)
    for path, data in packaged(release, tool_version):
        yield Artifact(path=f"{folder}/{path}", data=data)


def chart_name(release: Release) -> str:
    """Give the name that the chart of a release has in its own ``Chart.yaml``."""
    return release.chart.rpartition("/")[2]


def packaged(release: Release, tool_version: str) -> list[tuple[str, bytes]]:
    """Give the files of a chart that wraps the packaged one of a release; none where it is fetched."""
    if release.archive is None:
        return []
    name, version = chart_name(release), release.version
    return wrapper_chart(
        release.name,
        tool_version,
        (name, version),
        (release.archive.path, release.archive.data),
        annotations=chart_annotations(tool_version, version),
    )


def chart_annotations(tool_version: str, version: str) -> dict[str, str]:
    """Give the annotations of a generated chart (spec/beyond.md 2.15)."""
    return {
        "aicr.run/component-version": version,
        "aicr.run/generated-by": chart_version(tool_version),
    }


def _all(plan: BundlePlan, place: Place, found: list[Unit]) -> dict[str, object]:
    """Give the source of the Application that brings all others."""
    folders = "*"
    files = [item.path for release in plan.releases for item in release.manifests]
    if any(path.rpartition("/")[2] == _CHILD for path in (*files, *plan.data)):
        # A "*" of Argo CD crosses "/": what only happens to be called so is none of the Applications.
        names = [unit.name for unit in found]
        folders = names[0] if len(names) == 1 else f"{{{','.join(names)}}}"
    part = {"recurse": True, "include": f"{folders}/{_CHILD}"}
    return {**app.at(place, "."), "directory": part}


def _of_registries(plan: BundlePlan) -> list[str]:
    """Give the components whose charts Argo CD fetches from a registry."""
    return [
        release.name
        for release in plan.releases
        if release.kind == "helm"
        and release.archive is None
        and release.repository.startswith("oci://")
    ]


def notes(plan: BundlePlan) -> list[str]:
    """Give what to mind before anything is deployed."""
    found = []
    if not plan.destination and not repository(plan):
        found.append(
            f"argocd needs the Git repository that this bundle will lie in: {PLACEHOLDER} stands in its place. "
            "Write the bundle again with --repo URL before you push it"
        )
    stack = stack_of(plan, APP_NAME)
    registry = _of_registries(plan)
    if registry and not stack.plain_oci:
        found.append(
            f"{', '.join(registry)}: the chart of a registry is named as aicr v0.11.1 named it, which Argo CD "
            "does not find; leave out deployer:ociCharts, and it is named as Argo CD's manual says"
        )
    return [*found, *restarts(plan, "Argo CD")]


def steps(plan: BundlePlan, directory: str) -> list[str]:
    """Give what a person does with the bundle that lies in ``directory``."""
    place, folder = place_of(plan), shlex.quote(directory)
    apply = f"kubectl apply -f {folder}/app-of-apps.yaml"
    if not place.is_git:
        return [apply]
    return [f"push the files of {folder} to {place.url}, branch {place.revision}", apply]
