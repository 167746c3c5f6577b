"""Write the result of a comparison as SARIF 2.1.0, which code hosts and security dashboards show."""

from __future__ import annotations

from typing import Any

from aicr_core.kit.sarif import sarif_log

Document = dict[str, Any]
_LEVELS = {"info": "note", "warn": "warning", "critical": "error"}


def as_sarif(result: Document, version: str) -> Document:
    """Give the log of one run: a rule for each kind of change, a result for each change.

    The readings are named by logical locations; there is no line in a file to point at.
    """
    rules = [
        {"id": f"drift/{kind}", "shortDescription": {"text": f"A reading was {kind}."}}
        for kind in ("added", "removed", "modified")
    ]
    results = [
        {
            "ruleId": f"drift/{change['kind']}",
            "level": _LEVELS.get(change["severity"], "none"),
            "message": {"text": describe(change)},
            "locations": [
                {
                    "physicalLocation": {"artifactLocation": {"uri": result["targetSource"]}},
                    "logicalLocations": [{"fullyQualifiedName": change["path"]}],
                }
            ],
        }
        for change in result["changes"]
    ]
    return sarif_log("aicr diff", version, rules, results)


def describe(change: Document) -> str:
    """Give a change as one sentence."""
    where = f" on {', '.join(change['nodes'])}" if change.get("nodes") else ""
    if change["kind"] == "modified":
        how = change.get("delta") or f'"{change["baseline"]}" -> "{change["target"]}"'
        return f"{change['path']}{where}: {how}"
    value = change.get("target", change.get("baseline"))
    return f'{change["path"]}{where} was {change["kind"]}: "{value}"'
