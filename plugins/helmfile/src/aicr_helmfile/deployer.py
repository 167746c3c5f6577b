"""Turn a plan into a folder for helmfile: state files by level, values, charts of manifests, kustomizations.

Files are generated component by component in order of deployment, then the state files and the README
(spec/beyond.md 2.6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import Artifact, local_chart, parts, to_yaml
from aicr_helmfile import remarks, state
from aicr_helmfile.levels import levels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_core.api import BundlePlan, Context, Part


def deploy(ctx: Context, plan: BundlePlan) -> Iterator[Artifact]:
    """Give the bundle's files in order of generation. Raises AicrError(INVALID_REQUEST) for what helmfile cannot do."""
    found = parts(plan)
    order = levels(found, serial=plan.serial)
    documents = {level.file: state.document(level) for level in order}
    for part in found:
        yield from _part(part, plan)
    for path, document in {"helmfile.yaml": state.root(order), **documents}.items():
        yield _file(path, to_yaml(document))
    yield _file("README.md", remarks.readme(ctx, plan, order))


def _part(part: Part, plan: BundlePlan) -> Iterator[Artifact]:
    release, folder = part.release, part.folder
    if part.kind == "manifests":
        yield from local_chart(part, plan)
    elif part.kind == "kustomize":
        yield _file(f"{folder}/kustomization.yaml", to_yaml(_kustomization(part)))
    else:
        yield _values(f"{folder}/values.yaml", f"Values of {release.name}.", dict(release.values))
        if release.dynamic:
            title = f"Values of {release.name} that each cluster gives: fill them in."
            yield _values(f"{folder}/cluster-values.yaml", title, dict(release.dynamic))
        if release.archive is not None:
            yield Artifact(path=f"{folder}/{release.archive.path}", data=release.archive.data)


def _kustomization(part: Part) -> dict[str, object]:
    """Give a kustomization of one remote folder: helmfile makes a chart of it with ``kustomize``."""
    release = part.release
    reference = f"?ref={release.tag}" if release.tag else ""
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [f"{release.repository}//{release.path}{reference}"],
    }


def _values(path: str, title: str, values: dict[str, object]) -> Artifact:
    text = to_yaml(values, indent=4, sort_keys=True) if values else ""
    return _file(path, f"# {title}\n---\n{text}")


def _file(path: str, text: str) -> Artifact:
    return Artifact(path=path, data=text.encode("utf-8"))
