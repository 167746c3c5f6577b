"""What can be wrong with rendering: no engine is there, or the chart refuses."""

from __future__ import annotations

import re

from aicr_core.api import AicrError, Code


class NoEngine(Exception):
    """The library is not installed here, or does not load; the text says why."""


def refusal(text: str, where: str) -> AicrError:
    """Make the error for a chart that the engine refuses; its own words, on one line."""
    words = re.sub(r"\s+", " ", text).strip().removeprefix("Error: ")
    return AicrError(Code.INVALID_REQUEST, f"the chart does not render: {words}", where=where)
