"""Which objects of Flux the parts of a plan become, and how each waits for what it needs.

A HelmRelease waits for HelmReleases only, a Kustomization for Kustomizations only (kustomize-controller issue 242).
Where an edge joins the two kinds, the HelmRelease is applied by a Kustomization of its own, which waits and is waited
for in its place: that is healthy when the HelmRelease is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aicr_core.api import Part

KUSTOMIZE = "kustomize"
LOCAL = ("manifests", "archive")


class Node(NamedTuple):
    """A part with its edges: ``releases`` and ``kustomizations`` are the names it waits for, by kind.

    ``staged``: it is a HelmRelease that a Kustomization of its own applies.
    """

    part: Part
    releases: tuple[str, ...]
    kustomizations: tuple[str, ...]
    staged: bool

    @property
    def is_release(self) -> bool:
        """Whether it is a HelmRelease."""
        return self.part.kind != KUSTOMIZE

    @property
    def takes_bundle(self) -> bool:
        """Whether Flux needs the bundle itself as a source for it."""
        return self.staged or self.part.kind in LOCAL


def nodes(parts: Sequence[Part]) -> list[Node]:
    """Give the nodes in order of deployment; an edge always becomes one of ``dependsOn``."""
    folders = {part.name for part in parts if part.kind == KUSTOMIZE}
    awaited = {name for part in parts if part.name in folders for name in part.needs}
    found = []
    for part in parts:
        kustomizations = tuple(name for name in part.needs if name in folders)
        releases = tuple(name for name in part.needs if name not in folders)
        if part.name in folders:
            # The releases among them are staged, so there is a Kustomization of the same name.
            found.append(Node(part, (), part.needs, staged=False))
        else:
            staged = bool(kustomizations) or part.name in awaited
            found.append(Node(part, releases, kustomizations, staged))
    return found
