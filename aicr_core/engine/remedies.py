"""What to do about a constraint that does not hold: data of the catalogue, by constraint and service. Pure.

Files ``validators/remediations/*.yaml`` of the data layers; an entry with a ``service`` is for recipes of that service
and goes before one without. The recipe's own ``remediation`` goes before all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.kit import yamlio
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.schema import TEXT, ListOf, Record, decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FOLDER = "validators/remediations/"
_SCHEMA = Record(
    "the remediations",
    {
        "remediations": ListOf(
            Record(
                "a remediation",
                {"constraint": TEXT, "service": TEXT, "text": TEXT},
                required=("constraint", "text"),
            )
        )
    },
    required=("remediations",),
)


def by_constraint(files: Iterable[tuple[str, bytes]], service: str) -> Mapping[str, str]:
    """Give the advice for a service by constraint; ``files`` are (name, content), later ones win.

    Raises AicrError(INVALID_REQUEST) naming file, line and column.
    """
    general: dict[str, str] = {}
    own: dict[str, str] = {}
    for source, data in files:
        node = yamlio.compose(data, source)
        if node is None or node.is_null():
            raise AicrError(
                Code.INVALID_REQUEST, "the file is empty, expected remediations", where=source
            )
        for item in decode(node, _SCHEMA, source)["remediations"]:
            if not item.get("service"):
                general[item["constraint"]] = item["text"]
            elif item["service"] == service:
                own[item["constraint"]] = item["text"]
    return {**general, **own}
