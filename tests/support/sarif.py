"""Hold a SARIF log to the published schema of SARIF 2.1.0: its types, required properties, words, and no others."""

from __future__ import annotations

import copy
import json
from typing import Any

from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Log


def valid(log: str | dict[str, Any]) -> dict[str, Any]:
    """Give the log as a document. Raises ValueError (pydantic's) for one that the schema refuses."""
    document: dict[str, Any] = json.loads(log) if isinstance(log, str) else log
    held = copy.deepcopy(document)
    for run in held.get("runs", ()):
        for result in run.get("results", ()):
            for one in result.get("suppressions", ()):
                # The candidate's schema, of which the classes are made, misspells it (oasis-tcs/sarif-spec issue 449).
                one.update({"state": one.pop("status")} if "status" in one else {})
    found = Log.model_validate(held)
    for run in found.runs:
        rules = run.tool.driver.rules or []
        for result in run.results or []:
            # What the schema cannot say: an index that is there leads to the rule of that name.
            if result.ruleIndex not in (None, -1) and rules[result.ruleIndex].id != result.ruleId:
                raise ValueError(f"rule {result.ruleId} has the index of another")
    return document
