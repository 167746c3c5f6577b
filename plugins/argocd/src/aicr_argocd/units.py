"""Which Applications a plan becomes, and in which wave each one is synchronised.

A release with a chart (or a Kustomize folder) and manifests becomes up to three: ``NAME-pre``, ``NAME``,
``NAME-post`` (spec/bundle.md B-14, B-21; spec/beyond.md 2.6). How an Application looks is said in ``applications``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aicr_argocd.manifests import Manifests, read
from aicr_argocd.stack import NAME_LIMIT
from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_argocd.stack import Stack
    from aicr_core.api import Artifact, BundlePlan, Release

PRE, MAIN, POST = range(3)
SUFFIX = ("-pre", "", "-post")
_WAVES_OF_A_TIER = 4


class Unit(NamedTuple):
    """One Application to be: ``name`` without the prefix, its release, phase and wave.

    ``manifests`` are what it applies from files; empty for the Application of a chart or a Kustomize folder.
    ``sole`` is true when no other Application takes manifests from the same folder.
    """

    name: str
    release: Release
    phase: int
    wave: int
    namespace: str
    manifests: tuple[Artifact, ...]
    sole: bool


def units(plan: BundlePlan, stack: Stack) -> list[Unit]:
    """Give every Application in order of deployment. Raises AicrError(INVALID_REQUEST) for what cannot be expressed."""
    found: list[Unit] = []
    for release in plan.releases:
        for phase, manifests, sole in _parts(release):
            wave = len(found) if plan.serial else release.tier * _WAVES_OF_A_TIER + phase
            found.append(_unit(release, phase, manifests, sole, wave))
    _check_names(found, {release.name for release in plan.releases}, stack)
    return found


def _parts(release: Release) -> Iterator[tuple[int, tuple[Artifact, ...], bool]]:
    """Give phase, manifests and whether these are all there are, of each Application of a release."""
    if release.kind == "manifests":
        if release.manifests:
            yield MAIN, release.manifests, True
        return
    early = tuple(item for item in release.manifests if item.path in release.pre_manifests)
    late = tuple(item for item in release.manifests if item.path not in release.pre_manifests)
    if early:
        yield PRE, early, not late
    yield MAIN, (), True
    if late:
        yield POST, late, not early


def _unit(
    release: Release, phase: int, manifests: tuple[Artifact, ...], sole: bool, wave: int
) -> Unit:
    content = read(release.name, manifests)
    return Unit(
        name=release.name + SUFFIX[phase],
        release=release,
        phase=phase,
        wave=wave,
        namespace=release.namespace or _namespace(release, content),
        manifests=content.files,
        sole=sole,
    )


def _namespace(release: Release, content: Manifests) -> str:
    """Give the namespace that the manifests of a component without one agree on (B-24)."""
    named = content.namespaces
    if len(named) == 1:
        return named[0]
    reason = f"its manifests name several ({', '.join(named)})" if named else "nothing names one"
    raise AicrError(
        Code.INVALID_REQUEST,
        f"an Application needs a namespace: the component has none, and {reason}",
        where=f"component {release.name}",
        hint="give the component a namespace in the recipe",
    )


def _check_names(found: list[Unit], components: set[str], stack: Stack) -> None:
    for unit in found:
        where = f"component {unit.release.name}"
        if unit.phase != MAIN and unit.name in components:
            raise AicrError(
                Code.INVALID_REQUEST,
                f"the Application of its manifests is called {unit.name}, and so is a component",
                where=where,
                hint=f"rename component {unit.name}",
            )
        full = stack.prefix + unit.name
        if len(full) > NAME_LIMIT:
            raise AicrError(
                Code.INVALID_REQUEST,
                f"its Application is called {full}: {len(full)} characters, of {NAME_LIMIT} allowed",
                where=where,
                hint="shorten deployer:namePrefix" if stack.prefix else "rename the component",
            )
        if full == stack.name:
            raise AicrError(
                Code.INVALID_REQUEST,
                f"its Application and the one that brings all others are both called {full}",
                where=where,
                hint="give another name with --set deployer:appName=NAME, or a deployer:namePrefix",
            )
