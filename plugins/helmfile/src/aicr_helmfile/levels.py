"""Which releases stand together in one state file.

helmfile takes the files of a ``helmfiles:`` list one after another, each whole; ``needs`` may name releases of the same
file only (helmfile issues 1165 and 1703). So each tier is a file, and what one needs of an earlier tier is done by
then. That also lets ``helmfile apply`` compare with definitions that an earlier file brought. Pure.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aicr_core.api import Part


class Level(NamedTuple):
    """One state file: its name and its parts, in order."""

    file: str
    parts: tuple[Part, ...]

    def needs(self, part: Part) -> list[str]:
        """Give the needs of a part as helmfile writes them, those of this file."""
        spaces = {item.name: namespace(item) for item in self.parts}
        return [f"{spaces[name]}/{name}" for name in part.needs if name in spaces]


def levels(parts: Sequence[Part], *, serial: bool = False) -> list[Level]:
    """Give the files in order: one for each tier; with ``serial``, a further one whenever the tier changes.

    So ``serial`` keeps the very order of deployment, each release after the one before.
    """
    rows = list(parts) if serial else sorted(parts, key=_tier)
    groups = [tuple(group) for _, group in itertools.groupby(rows, key=_tier)]
    return [Level(f"level-{number}.yaml", group) for number, group in enumerate(groups)]


def namespace(part: Part) -> str:
    """Give the namespace that Helm installs a part to and keeps its records in.

    A chart that holds its own namespace cannot be recorded in it before it is there.
    """
    return "default" if part.own_namespace else part.release.namespace or "default"


def _tier(part: Part) -> int:
    return part.release.tier
