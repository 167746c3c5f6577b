"""The sources that the releases of a bundle are taken from: one object for each distinct place, under ``sources/``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import chart_address
from aicr_flux import objects
from aicr_flux.graph import KUSTOMIZE, LOCAL, Node
from aicr_flux.names import distinct
from aicr_flux.setup import git_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aicr_core.api import Part
    from aicr_flux.setup import Setup

_COMMIT = re.compile(r"[0-9a-f]{40}\Z")
GitKey = tuple[str, str]


class Sources(NamedTuple):
    """Names of the HelmRepository of an address and of the GitRepository of an address and tag; files by path."""

    charts: dict[str, str]
    git: dict[GitKey, str]
    files: dict[str, dict[str, Any]]


def collect(nodes: Sequence[Node], setup: Setup) -> Sources:
    """Give every source that a node is taken from. Raises AicrError(INVALID_REQUEST) for one Flux cannot fetch."""
    urls = {
        chart_address(node.part.release, "Flux"): None
        for node in nodes
        if node.part.kind == "chart"
    }
    charts = distinct({url: url for url in urls})
    files = {
        f"sources/helmrepo-{name}.yaml": objects.helm_repository(setup, name, url)
        for url, name in charts.items()
    }
    git: dict[GitKey, str] = {}
    wanted: dict[GitKey, dict[str, str]] = {
        git_key(node.part): _ref(node.part.release.tag)
        for node in nodes
        if node.part.kind == KUSTOMIZE
    }
    own = setup.source
    if own.url and own.ref and any(node.takes_bundle for node in nodes):
        wanted = {(own.url, ""): own.ref, **wanted}
    names = distinct({"\n".join(key): f"{key[0].removesuffix('.git')}/{key[1]}" for key in wanted})
    for key, ref in wanted.items():
        name = own.name if key == (own.url, "") else names["\n".join(key)]
        git[key] = name
        files[f"sources/gitrepo-{name}.yaml"] = objects.git_repository(setup, name, key[0], ref)
    local = [node.part for node in nodes if node.part.kind in LOCAL]
    if local and own.kind == "OCIRepository":
        contents = {"manifests": "templates", "archive": "charts"}
        rows = [(part.name, part.folder, contents[part.kind]) for part in local]
        path = f"sources/artifactgenerator-{own.name}.yaml"
        files[path] = objects.artifact_generator(setup, rows)
    return Sources(charts, git, files)


def git_key(part: Part) -> GitKey:
    """Give address and tag of a Kustomize component."""
    release = part.release
    return git_url(release.repository, f"component {release.name}"), release.tag


def _ref(tag: str) -> dict[str, str]:
    if _COMMIT.match(tag):
        return {"commit": tag}
    return {"tag": tag} if tag else {"branch": "main"}
