"""What a plan asks for and a tool cannot do, noted or refused: the same words for every deployer. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from aicr_core.model.bundle import BundlePlan, Release

_CHARTS = re.compile(r"(https?|oci)://[^/\s]+(/\S*)?\Z")


def chart_address(release: Release, tool: str) -> str:
    """Give the repository of a chart. Raises AicrError(INVALID_REQUEST) for one that only a plugin of Helm fetches."""
    if not _CHARTS.match(release.repository):
        raise AicrError(
            Code.INVALID_REQUEST,
            f'{tool} cannot fetch charts from "{release.repository}"',
            where=f"component {release.name}",
            hint="give a repository that starts with https://, http:// or oci://",
        )
    return release.repository


def restarts(plan: BundlePlan, tool: str) -> list[str]:
    """Give a note for each release whose daemon sets have to be restarted after it, which ``tool`` does not do."""
    return [
        f"after {release.name} is ready, restart the daemon sets of namespace {release.namespace} whose name "
        f"contains {release.restart_daemonsets}: {tool} restarts none"
        for release in plan.releases
        if release.restart_daemonsets
    ]
