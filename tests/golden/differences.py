"""The one list of rows where we differ from the reference's recorded answers on purpose.

Each entry names the defect (spec/recipe.md 20, spec/beyond.md part 1), says why, and tells from the row
itself whether it applies. The golden tests demand that every other row agrees, and that every row claimed
here really differs (a stale entry fails).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

Row = dict[str, Any]


class Difference(NamedTuple):
    """One deliberate difference."""

    defect: str
    reason: str
    applies: Callable[[Row, Any], bool]


def _texts(row: Row) -> str:
    return "\n".join(row.get("files", {}).values())


RECIPES: tuple[Difference, ...] = ()
