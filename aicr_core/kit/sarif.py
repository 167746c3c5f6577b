"""The frame of a SARIF 2.1.0 log, which code hosts and dashboards read. What is found is the caller's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif_log(
    tool: str,
    version: str,
    rules: Sequence[Mapping[str, Any]],
    results: Sequence[Mapping[str, Any]],
    **more: Any,
) -> dict[str, Any]:
    """Give the log of one run of ``tool``; ``more`` are further properties of the run (``invocations``)."""
    driver = {"name": tool, "version": version, "rules": list(rules)}
    run = {"tool": {"driver": driver}, "results": list(results), **more}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
