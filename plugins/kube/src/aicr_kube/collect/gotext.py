"""Values as the reference prints them: Go's default form, and its compact JSON (spec/snapshot.md 6.4)."""

from __future__ import annotations

import json
import math
from typing import Any

_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def go_value(value: Any) -> str:
    """Give a scalar in Go's default form: ``true``, ``3``, ``1e+06``, ``<nil>``, a string as it is."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) or (isinstance(value, int) and not -(2**63) <= value < 2**63):
        return go_float(float(value))
    return str(value)


def go_float(value: float) -> str:
    """Shortest digits; the exponent form when the decimal exponent is below -4 or from 6 on."""
    return _float(value, -4, 6, digits=2)


def go_json(value: Any) -> str:
    """Give compact JSON with sorted keys and HTML escaping."""
    if isinstance(value, dict):
        inner = (f"{go_json(str(key))}:{go_json(value[key])}" for key in sorted(value))
        return "{" + ",".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ",".join(go_json(item) for item in value) + "]"
    if isinstance(value, float):
        return _float(value, -6, 21, digits=1)
    text = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str):
        for char, escape in _HTML.items():
            text = text.replace(char, escape)
    return text


def _float(value: float, low: int, high: int, *, digits: int) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    mantissa, _, exponent = f"{value!r}".lower().partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    raw = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(raw))
    raw = raw.rstrip("0")
    power = point - 1
    if power < low or power >= high:
        tail = raw[0] + (f".{raw[1:]}" if len(raw) > 1 else "")
        return f"{sign}{tail}e{'-' if power < 0 else '+'}{abs(power):0{digits}d}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{raw}"
    if point >= len(raw):
        return sign + raw + "0" * (point - len(raw))
    return f"{sign}{raw[:point]}.{raw[point:]}"
