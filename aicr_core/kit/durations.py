"""Lengths of time as Go and kubectl write them: ``90s``, ``5m``, ``1h30m``."""

from __future__ import annotations

import re

_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_UNITS = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0,
}  # fmt: skip


def seconds(text: str) -> float | None:
    """Give the seconds that ``text`` means, None when it is no duration. A sign may be ``+``; none is negative."""
    body = text.removeprefix("+")
    if body == "0":
        return 0.0
    parts = _PART.findall(body)
    if not parts or "".join(number + unit for number, unit in parts) != body:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
