"""What a benchmark has to reach: an ordering with a number and a unit, and the tolerance of either. Pure.

``>= 300`` is a floor of which 90 % is enough, ``<= 300`` a ceiling of which 110 % is not too much
(spec/beyond.md 2.10); ``>`` and ``<`` are the same without their edge. The version rules of constraints do not apply:
a bandwidth is a number.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from aicr_core.api import AicrError, Code, parse_expression

FLOOR, CEILING = 0.9, 1.1
UNITS = {"": 1.0, "GB/s": 1.0, "GBps": 1.0, "MB/s": 1e-3, "MBps": 1e-3, "TB/s": 1e3, "TBps": 1e3}
"""Gigabytes a second in one of each."""
_VALUE = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\S*)", re.ASCII)


class Threshold(NamedTuple):
    """A limit in GB/s: ``operator`` is one of ``>= > <= <``; ``text`` the constraint as it was written."""

    operator: str
    value: float
    text: str

    @property
    def limit(self) -> float:
        """The number that is compared with, tolerance included."""
        return self.value * (FLOOR if self.operator[0] == ">" else CEILING)

    @property
    def described(self) -> str:
        """The limit in words, for a report."""
        return f"{self.text} ({self.operator} {self.limit:.2f} GB/s with tolerance)"

    def met(self, measured: float) -> bool:
        """Tell whether a measured bandwidth in GB/s is good enough."""
        # Both are decimal texts: what only binary fractions tell apart is equal.
        if math.isclose(measured, self.limit, rel_tol=1e-9):
            return "=" in self.operator
        return measured > self.limit if self.operator[0] == ">" else measured < self.limit


def parse(name: str, text: str) -> Threshold:
    """Read the constraint ``name``.

    Raises AicrError: INVALID_REQUEST for an operator that asks for an exact bandwidth, INTERNAL (as the reference has
    it) for what is no positive number with a unit.
    """
    hint = f'write a floor such as {name}: ">= 300 GB/s"'
    try:
        expression = parse_expression(text)
    except AicrError as error:
        raise AicrError(
            Code.INTERNAL, f'constraint {name} "{text}": {error.message}', hint=hint
        ) from None
    if expression.operator not in (">=", ">", "<=", "<"):
        said = f"the operator {expression.operator}" if expression.operator else "no operator"
        if _number(expression.value) is not None:
            raise AicrError(
                Code.INVALID_REQUEST,
                f'constraint {name} "{text}" has {said}: a bandwidth is never exactly so much; it takes >=, >, <= or <',
                hint=hint,
            )  # fmt: skip
    value = _number(expression.value)
    if value is None:
        raise AicrError(
            Code.INTERNAL, f'constraint {name} "{text}": "{expression.value}" is no positive number with a unit '
            f"of {', '.join(unit for unit in UNITS if unit)}", hint=hint,
        )  # fmt: skip
    return Threshold(expression.operator, value, text)


def _number(text: str) -> float | None:
    found = _VALUE.fullmatch(text.strip())
    if found is None or found[2] not in UNITS:
        return None
    value = float(found[1]) * UNITS[found[2]]
    return value if 0 < value < math.inf else None
