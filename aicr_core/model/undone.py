"""What a plan asks for and a tool cannot do, as notes for a person: the same words for every deployer. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aicr_core.model.bundle import BundlePlan


def restarts(plan: BundlePlan, tool: str) -> list[str]:
    """Give a note for each release whose daemon sets have to be restarted after it, which ``tool`` does not do."""
    return [
        f"after {release.name} is ready, restart the daemon sets of namespace {release.namespace} whose name "
        f"contains {release.restart_daemonsets}: {tool} restarts none"
        for release in plan.releases
        if release.restart_daemonsets
    ]
