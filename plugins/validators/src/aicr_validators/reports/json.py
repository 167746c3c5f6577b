"""Write a report as JSON: the whole ValidationReport document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import to_json
from aicr_validators.reports.common import clean
from aicr_validators.reports.document import document

if TYPE_CHECKING:
    from aicr_core.api import Report


def write(report: Report) -> str:
    """Give the document as JSON, two blanks a level, with a final newline."""
    return clean(to_json(document(report)))
