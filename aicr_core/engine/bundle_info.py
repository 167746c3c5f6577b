"""``bundle-info.yaml``: which deployer made a bundle, from which recipe, with which settings, and where things lie.

Its fields are those of the reference's v0.22 (spec/beyond.md 2.15), with ``depends`` and what is installed added:
whoever reads a bundle later (``aicr bundle check``, ``aicr verify``) needs no knowledge of its deployer. No time, no
path of this machine. Pure.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.tree import leaves
from aicr_core.kit.yamlio import load

if TYPE_CHECKING:
    from aicr_core.model.bundle import BundlePlan, Release
    from aicr_core.plugins.providers import Deployer

Document = dict[str, Any]
FILE = "bundle-info.yaml"
KIND = "BundleInfo"
API_VERSION = "aicr.run/v1"
PROVENANCE = "provenance.yaml"
"""Where the charts come from that a bundle brings along."""


def document(plan: BundlePlan, recipe: bytes, deployer: Deployer) -> Document:
    """Give the document of a bundle; ``recipe`` is the file of that name. Empty fields are left out."""
    settings = {key: value for key, value in plan.settings.items() if value}
    if plan.serial:
        settings["serial"] = "true"
    layout = {
        "entrypoint": deployer.entrypoint,
        "provenance": PROVENANCE if any(r.archive for r in plan.releases) else "",
        "releases": [_release(release, deployer) for release in plan.releases],
    }
    digest = hashlib.sha256(recipe).hexdigest()
    build = {
        "deployer": deployer.name,
        "recipe": _full(
            {"digest": f"sha256:{digest}", "path": "recipe.yaml", "version": plan.recipe_version}
        ),
        "settings": settings,
    }
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "build": _full(build),
        "layout": _full(layout),
        "metadata": {"version": plan.tool_version},
    }


def _release(release: Release, deployer: Deployer) -> Document:
    def at(pattern: str) -> str:
        chart = release.chart.rpartition("/")[2]
        return pattern.replace("{component}", release.name).replace("{chart}", chart)

    has_values = release.kind == "helm"
    installs = release.kind != "manifests" or release.manifests
    has_nulls = has_values and None in leaves(release.values)
    other = deployer.kustomize_at if release.kind == "kustomize" else ""
    key = deployer.archive_key if release.archive else ""
    return _full(
        {
            "chart": release.chart if release.kind == "helm" else "",
            "component": release.name,
            "depends": list(release.depends_on),
            "early": list(release.pre_manifests),
            "kind": release.kind,
            "manifest": at(other or deployer.object_at) if installs else "",
            "name": release.name,
            "namespace": release.namespace,
            "nulls": at(deployer.nulls_at) if has_nulls else "",
            "nullsKey": deployer.nulls_key if has_nulls else "",
            "path": release.name,
            "repository": release.repository,
            "values": at(deployer.values_at) if has_values else "",
            "valuesKey": at(key or deployer.values_key) if has_values else "",
            "vendored": f"{release.name}/{release.archive.path}" if release.archive else "",
            "version": release.version or release.tag,
        }
    )


def _full(fields: Document) -> Document:
    return {key: value for key, value in fields.items() if value not in ("", [], {})}


def read(data: bytes, name: str) -> Document:
    """Read a document back. Raises AicrError(INVALID_REQUEST) for anything that is none."""
    found = load(data, name)
    if not isinstance(found, dict) or found.get("kind") != KIND:
        raise AicrError(
            Code.INVALID_REQUEST, f"this is no {KIND}", where=name,
            hint="it is written by `aicr bundle`; make the bundle anew",
        )  # fmt: skip
    return found
