"""What crosses between the core, bundlers and deployers while a bundle is made. Frozen; no behaviour.

Mappings and tuples inside are shared: a plugin that wants other values returns new ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping


@attrs.frozen(kw_only=True)
class Artifact:
    """One file: path relative to its owner's folder with ``/``, bytes, and Unix mode."""

    path: str
    data: bytes
    mode: int = 0o600


@attrs.frozen(kw_only=True)
class ComponentBundle:
    """What a bundler gives: final values and rendered manifests (``path`` is the file's name)."""

    name: str
    values: Mapping[str, Any]
    manifests: tuple[Artifact, ...] = ()


@attrs.frozen(kw_only=True)
class Release:
    """One component as a deployer sees it, in a plan ordered for deployment.

    ``kind`` is ``helm`` (a chart, perhaps with manifests), ``kustomize`` or ``manifests``. Its manifests have
    paths relative to the component's folder; ``pre_manifests`` are the paths of those that have to stand before the
    chart, all others come after it (a kind that the chart defines is not there earlier). ``archive`` is the packaged
    chart, when the bundle brings it along: ``charts/NAME-VERSION.tgz``, to be installed instead of fetching one from
    ``repository``. ``wait`` false means the release finishes by itself later.
    ``depends_on`` are the releases that have to be ready before it, ``tier`` how long the longest chain of them
    is: those of one tier need nothing of each other. ``dynamic`` are values that are given at install time, not in
    the bundle: their paths are not in ``values``, and hold a stub here (only for deployers that can do that).
    ``crd_groups`` and ``extra_namespaces`` are what it leaves in the cluster beyond its own namespace;
    daemon sets whose name contains ``restart_daemonsets`` are restarted after it.
    """

    name: str
    kind: str
    namespace: str = ""
    chart: str = ""
    repository: str = ""
    version: str = ""
    tag: str = ""
    path: str = ""
    values: Mapping[str, Any]
    manifests: tuple[Artifact, ...] = ()
    pre_manifests: tuple[str, ...] = ()
    archive: Artifact | None = None
    depends_on: tuple[str, ...] = ()
    tier: int = 0
    dynamic: Mapping[str, Any] = attrs.field(factory=dict)
    wait: bool = True
    crd_groups: tuple[str, ...] = ()
    extra_namespaces: tuple[str, ...] = ()
    restart_daemonsets: str = ""


@attrs.frozen(kw_only=True)
class BundlePlan:
    """The whole plan: releases in deployment order, and what READMEs say about the recipe.

    ``options`` are the user's (``repo``, selectors, ``nodes``), ``settings`` those of the deployer by name, each one
    that it declares. ``destination`` is where the bundle is published (``oci://...``), empty for a folder: then its
    files are found there, not in a Git repository. ``data`` are the paths, below ``data/``, of the files of ``--data``
    that the bundle carries beside the deployer's. ``serial`` asks for strictly one release after another where the
    deployer could do several at once.
    """

    releases: tuple[Release, ...]
    recipe: Mapping[str, Any]
    recipe_version: str
    tool_version: str
    criteria: Mapping[str, Any]
    constraints: tuple[Mapping[str, Any], ...]
    options: Mapping[str, Any]
    settings: Mapping[str, str] = attrs.field(factory=dict)
    destination: str = ""
    data: tuple[str, ...] = ()
    serial: bool = False
    notes: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class BundleReport:
    """What was written, for the console and for ``aicr_bundle_written``.

    ``directory`` is where: an absolute path, or the reference of a ``published`` bundle. ``signed_by`` is who signed
    it.
    """

    directory: str
    title: str
    files: int
    size: int
    notes: tuple[str, ...]
    steps: tuple[str, ...]
    published: bool = False
    signed_by: str = ""
