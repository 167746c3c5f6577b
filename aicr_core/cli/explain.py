"""``--explain-criteria`` of ``aicr recipe`` and ``aicr query``: where each criterion comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.cli.output import render, warn

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment

_HEADER = ("DIMENSION", "VALUE", "SOURCE", "READS", "CONFIDENCE", "MATCHER", "USED")


def explanation(environment: Environment, request: Any, fmt: str) -> str:
    """Give the explanation of a request's criteria as ``table``, ``yaml`` or ``json``; warn of what is unsure."""
    from aicr_core.session import Session

    document, notes = Session.of(environment).explain_criteria(request)
    for text in notes:
        warn(text)
    return _table(document) if fmt == "table" else render(document, fmt)


def _table(document: dict[str, Any]) -> str:
    from aicr_core.kit.text import table

    rows = []
    for dimension, value in document["criteria"].items():
        said = [row for row in document["evidence"] if row["dimension"] == dimension]
        if not any(row["used"] for row in said):
            rows.append([dimension, str(value), *["-"] * 5])
        rows.extend(_cells(row) for row in said)
    return table(_HEADER, rows)


def _cells(row: dict[str, Any]) -> list[str]:
    matcher = row.get("matcher", "-")
    if "plugin" in row:
        matcher = f"{row['plugin']}/{matcher}"
    return [
        row["dimension"],
        str(row["value"]),
        row["reading"],
        row["text"] or '""',
        f"{row['confidence']:.2f}" if "confidence" in row else "-",
        matcher,
        "yes" if row["used"] else f"no: {row['unused']}",
    ]
