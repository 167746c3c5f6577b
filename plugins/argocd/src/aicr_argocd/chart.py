"""Deployer ``argocd-helm``: the bundle is one Helm chart that makes the Applications.

Installed, the chart makes one Application, which is the same chart again and makes those of the components, in their
waves; those of manifests are once more the same chart. So a single address, given at the installation, is enough,
in Git and in a registry, and values can be given then too (spec/bundle.md 12; spec/beyond.md 2.5, 2.6).

The templates are files of this package, the same bytes in every bundle; what differs is read by them as files that
Helm does not evaluate.
"""

from __future__ import annotations

import shlex
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from aicr_argocd import applications as app
from aicr_argocd.readme import readme
from aicr_argocd.repository import chart_annotations, chart_name, packaged
from aicr_argocd.stack import place_of, repository, stack_of
from aicr_argocd.units import units
from aicr_core.api import AicrError, Artifact, Code, chart_version, restarts, to_json, to_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aicr_argocd.stack import Place, Stack
    from aicr_argocd.units import Unit
    from aicr_core.api import BundlePlan, Context, Release

APP_NAME = "aicr-stack"
_TEMPLATES = ("_aicr.tpl", "aicr-stack.yaml", "stack.manifests.yaml")
_RESERVED = (
    "aicr-stack",
    "applications",
    "charts",
    "crds",
    "global",
    "show",
    "static",
    "templates",
)
_ROOT = """\
# Where this chart lies for Argo CD: a Git URL, or oci://REGISTRY/REPOSITORY; and the branch, commit or tag.
{place}
# What the chart shows: the Application that brings all others (stack). That one sets it to something else.
show: stack
# Values of components, over those of the bundle in static/.
{components}"""


def deploy(ctx: Context, plan: BundlePlan) -> Iterator[Artifact]:
    """Give the chart's files in order of generation. Raises AicrError for what cannot be expressed."""
    stack, place = stack_of(plan, APP_NAME)._replace(plain_oci=True), place_of(plan)
    found = units(plan, stack)
    for release in plan.releases:
        if release.name in _RESERVED:
            raise AicrError(
                Code.INVALID_REQUEST,
                "the chart has a part of its own of this name",
                where=f"component {release.name}",
                hint="rename the component, or use the deployer argocd",
            )
        for unit in (unit for unit in found if unit.release is release):
            yield from _unit(unit, stack, place)
        yield from _component(release, plan.tool_version)
    parent = app.parent(stack, {**app.at(place, "."), "helm": {"releaseName": stack.name}})
    yield _file("applications/stack.app.yaml", to_yaml(parent))
    package = files("aicr_argocd").joinpath("helmchart")
    for name in _TEMPLATES:
        yield Artifact(path=f"templates/{name}", data=package.joinpath(name).read_bytes())
    yield _file("Chart.yaml", to_yaml(_metadata(plan, stack)))
    yield _file("values.yaml", _values(plan, place))
    yield _file("values.schema.json", to_json(_schema(plan)))
    yield _file(".helmignore", _ignored(plan))
    text = readme(
        ctx, "chart.md.j2", plan, stack, place, found,
        address=_address(plan), open_values=list(_open_values(plan)),
    )  # fmt: skip
    yield _file("README.md", text)


def _file(path: str, text: str) -> Artifact:
    return Artifact(path=path, data=text.encode("utf-8"))


def _unit(unit: Unit, stack: Stack, place: Place) -> Iterator[Artifact]:
    release = unit.release
    kind, nest, source = "plain", "", app.at(place, ".")
    if unit.manifests:
        kind = "manifests"
    elif release.kind == "kustomize":
        source = app.kustomization(release)
    elif release.archive is not None:
        kind, nest = "packaged", chart_name(release)
        source = {**app.at(place, release.name), **_helm(unit, stack)}
    else:
        kind, source = "chart", {**app.chart(release, stack), **_helm(unit, stack)}
    document = app.component(unit, stack, {"source": source})
    yield _file(f"applications/{unit.name}.yaml", to_yaml(document))
    fields = {"name": unit.name, "component": release.name, "kind": kind, "nest": nest}
    given = " ".join(f'"{key}" "{value}"' for key, value in fields.items())
    call = f'{{{{- include "aicr.application" (dict "root" . {given}) -}}}}\n'
    yield _file(f"templates/{unit.name}.yaml", call)
    for item in unit.manifests:
        path = item.path.removeprefix("manifests/")
        yield Artifact(path=f"static/manifests/{unit.name}/{path}", data=item.data, mode=item.mode)


def _helm(unit: Unit, stack: Stack) -> dict[str, Any]:
    values = app.helm(unit, stack)
    return {"helm": values} if values else {}


def _component(release: Release, tool_version: str) -> Iterator[Artifact]:
    if release.kind != "kustomize":
        text = f"# Values of {release.name}, without those that are given at the installation.\n"
        yield _file(
            f"static/{release.name}.yaml", text + to_yaml(dict(release.values), sort_keys=True)
        )
    for path, data in packaged(release, tool_version):
        yield Artifact(path=f"{release.name}/{path}", data=data)


def _metadata(plan: BundlePlan, stack: Stack) -> dict[str, Any]:
    version = plan.recipe_version or "unknown"
    return {
        "apiVersion": "v2",
        "name": stack.name,
        "description": "Argo CD Applications of a GPU stack",
        "type": "application",
        "version": chart_version(plan.tool_version),
        "appVersion": version,
        "annotations": chart_annotations(plan.tool_version, version),
    }


def _ignored(plan: BundlePlan) -> str:
    """Give what is no part of the chart: Helm keeps a chart whole in a Secret, which holds one MiB.

    Argo CD reads packaged charts from their folders, not out of this one.
    """
    packaged_charts = [f"/{r.name}/" for r in plan.releases if r.archive is not None]
    return "".join(f"{line}\n" for line in ("/.git/", "/data/", *packaged_charts))


def _takes_values(plan: BundlePlan) -> list[Release]:
    return [release for release in plan.releases if release.kind == "helm"]


def _address(plan: BundlePlan) -> str:
    return place_of(plan).url if plan.destination else repository(plan)


def _values(plan: BundlePlan, place: Place) -> str:
    components = {release.name: dict(release.dynamic) for release in _takes_values(plan)}
    return _ROOT.format(
        place=to_yaml({"repoURL": _address(plan), "targetRevision": place.revision}).rstrip("\n"),
        components=to_yaml(components, sort_keys=True) if components else "",
    )


def _schema(plan: BundlePlan) -> dict[str, Any]:
    """Give the schema of the root values: a misspelt component, or a value that is no mapping, is refused by Helm."""
    properties: dict[str, Any] = {
        "repoURL": {"type": "string", "description": "where this chart lies for Argo CD"},
        "targetRevision": {"type": "string", "minLength": 1},
        "show": {"type": "string", "pattern": "^(stack|applications|manifests/[a-z0-9-]+)$"},
        "global": {"type": "object"},
    }
    for release in _takes_values(plan):
        properties[release.name] = {
            "description": f"values of {release.name}, over those of the bundle",
            **_to_be_given(release.dynamic),
        }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the stack",
        "type": "object",
        "properties": properties,
        "required": ["repoURL", "show", "targetRevision"],
        "additionalProperties": False,
    }


def _to_be_given(dynamic: Mapping[str, Any]) -> dict[str, Any]:
    """Give a schema that refuses the empty texts that stand for values of the installation."""
    properties: dict[str, Any] = {}
    for key, item in dynamic.items():
        if isinstance(item, dict) and item:
            properties[key] = _to_be_given(item)
        elif item == "":
            properties[key] = {"not": {"const": ""}, "description": "to be given"}
    return {"type": "object", "properties": properties} if properties else {"type": "object"}


def _open_values(plan: BundlePlan) -> Iterator[tuple[str, bool]]:
    """Give ``COMPONENT.PATH`` of every value that is left open, and whether it has one for the time being."""
    for release in plan.releases:
        yield from _paths(release.dynamic, f"{release.name}.")


def _paths(values: Mapping[str, Any], start: str) -> Iterator[tuple[str, bool]]:
    for key in sorted(values):
        item = values[key]
        if isinstance(item, dict) and item:
            yield from _paths(item, f"{start}{key}.")
        else:
            yield f"{start}{key}", item not in ("", None)


def notes(plan: BundlePlan) -> list[str]:
    """Give what to mind before anything is deployed."""
    found = []
    if not _address(plan):
        found.append(
            "argocd-helm asks for the address of this chart when it is installed (repoURL); "
            "with --repo URL it stands in the chart"
        )
    for path, has_value in _open_values(plan):
        what = (
            "can be given at the installation" if has_value else "is asked for at the installation"
        )
        found.append(f"{path} {what}: helm install --set {shlex.quote(f'{path}=VALUE')}")
    return [*found, *restarts(plan, "Argo CD")]


def steps(plan: BundlePlan, directory: str) -> list[str]:
    """Give what a person does with the bundle that lies in ``directory``."""
    stack, place, address = stack_of(plan, APP_NAME), place_of(plan), _address(plan)
    install = ["helm", "install", stack.name, directory, "--namespace", stack.namespace]
    if not address:
        install += ["--set", "repoURL=URL"]
    if not place.is_git:
        return [shlex.join(install)]
    target = f"{address}, branch {place.revision}" if address else "a Git repository or a registry"
    return [f"push the files of {shlex.quote(directory)} to {target}", shlex.join(install)]
