"""Turn a plan into a folder that Flux applies: HelmReleases, Kustomizations, their sources, charts of manifests.

``kustomization.yaml`` lists every object that is applied at once; order comes from ``dependsOn`` alone. Files are
generated component by component in order of deployment, then sources, then the root's (spec/beyond.md 2.6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Artifact, Code, in_order, local_chart, parts, to_yaml
from aicr_flux import objects, remarks, setup, sources
from aicr_flux.graph import KUSTOMIZE, LOCAL, Node, nodes
from aicr_flux.values import part_nulls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_core.api import BundlePlan, Context, Part
    from aicr_flux.setup import Setup
    from aicr_flux.sources import Sources

RELEASE, STAGE, CONFIG_MAP = "helmrelease.yaml", "flux-kustomization.yaml", "configmap-values.yaml"
OPEN, REMOVED = "cluster-values.yaml", "removed-values.yaml"


def deploy(ctx: Context, plan: BundlePlan) -> Iterator[Artifact]:
    """Give the bundle's files in order of generation. Raises AicrError(INVALID_REQUEST) for what Flux cannot do."""
    _refuse(plan)
    chosen = setup.read(plan)
    graph = nodes(parts(plan))
    found = sources.collect(graph, chosen)
    listed: list[str] = list(found.files)
    for space in _namespaces(graph):
        path = f"namespaces/{space}.yaml"
        listed.append(path)
        yield _document(path, objects.namespace(space))
    for node in graph:
        files, applied = _node(node, chosen, found)
        listed += applied
        for path, document in files.items():
            yield _document(path, document)
        if node.part.kind in LOCAL:
            yield from local_chart(node.part, plan)
    for path in sorted(found.files):
        yield _document(path, found.files[path])
    yield _document("kustomization.yaml", objects.resource_list(listed))
    yield Artifact(path="README.md", data=remarks.readme(ctx, plan, chosen, graph).encode("utf-8"))


def _refuse(plan: BundlePlan) -> None:
    for release in plan.releases:
        if release.dynamic and release.kind != "helm":
            raise AicrError(
                Code.INVALID_REQUEST,
                "there is no chart whose values could be given at install time",
                where=f"component {release.name}",
                hint=f"drop --dynamic {release.name}:...",
            )


def _namespaces(graph: list[Node]) -> list[str]:
    """Give the namespaces that nothing else makes: Kustomizations of Flux make none."""
    made = {node.part.release.namespace for node in graph if node.part.own_namespace}
    wanted = {node.part.release.namespace for node in graph if node.part.kind == KUSTOMIZE}
    return sorted(wanted - made - {""})


def _node(node: Node, chosen: Setup, found: Sources) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Give the documents of a node by path, and which of them the root applies."""
    part = node.part
    folder, release = part.folder, part.release
    stage = f"{folder}/{STAGE}"
    if not node.is_release:
        source = ("GitRepository", found.git[sources.git_key(part)])
        path = f"./{release.path.strip('/').removeprefix('./')}"
        document = objects.kustomization(
            chosen, part.name, source, path, node.kustomizations,
            wait=release.wait, targetNamespace=release.namespace,
        )  # fmt: skip
        return {stage: document}, [stage]
    chart = (
        objects.local_chart(chosen, part)
        if part.kind in LOCAL
        else objects.fetched_chart(part, found.charts[release.repository])
    )
    values, config = _values(part)
    files: dict[str, dict[str, Any]] = {}
    values_from = []
    if config:
        name = f"{part.name}-values"
        files[f"{folder}/{CONFIG_MAP}"] = objects.config_map(chosen, name, config)
        # Flux merges in this order, and what stands inline over all of it.
        values_from = [{"kind": "ConfigMap", "name": name, "valuesKey": key} for key in config]
    files[f"{folder}/{RELEASE}"] = objects.helm_release(
        chosen, part, chart, node.releases, values, values_from
    )
    if not node.staged:
        return files, list(files)
    names = [path.rpartition("/")[2] for path in files]
    files[f"{folder}/kustomization.yaml"] = objects.resource_list(names)
    own = (chosen.source.kind, chosen.source.name)
    path = f"./{chosen.source.path}{folder}"
    files[stage] = objects.kustomization(
        chosen, part.name, own, path, node.kustomizations, wait=True
    )
    return files, [stage]


def _values(part: Part) -> tuple[dict[str, Any], dict[str, str]]:
    """Give the values that stand inline, and the texts of its ConfigMap by key."""
    if part.kind not in ("chart", "archive"):
        return {}, {}
    plain, nulls = part_nulls(part.release.values)
    texts = {}
    for key, values in ((REMOVED, nulls), (OPEN, dict(part.release.dynamic))):
        if values:
            texts[key] = to_yaml(_nested(part, values), sort_keys=True)
    # As in the texts: what is set in another order is no difference for whoever looks at a change.
    return _nested(part, in_order(plain)), texts


def _nested(part: Part, values: dict[str, Any]) -> dict[str, Any]:
    """Put values under the chart's name where it is the dependency of a chart of ours."""
    return {part.chart_name: values} if part.kind == "archive" and values else values


def _document(path: str, document: dict[str, Any]) -> Artifact:
    return Artifact(path=path, data=to_yaml(document).encode("utf-8"))
