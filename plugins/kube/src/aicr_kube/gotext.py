"""Write numbers and nested values as Go does, where readings have to be the reference's (spec/snapshot.md 6.4)."""

from __future__ import annotations

import json
from typing import Any


def go_float(value: float) -> str:
    """Give a float with its shortest digits; exponent form below 1e-4 and from 1e6 on unless it is exact text."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    mantissa, _, exponent = f"{value!r}".partition("e")
    digits, power = _digits(mantissa, int(exponent or 0))
    sign = "-" if value < 0 or str(value).startswith("-") else ""
    if not digits:
        return f"{sign}0"
    if power < -4 or power >= 6:
        tail = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{tail}e{'-' if power < 0 else '+'}{abs(power):02d}"
    if power < 0:
        return f"{sign}0.{'0' * (-power - 1)}{digits}"
    whole, rest = digits[: power + 1].ljust(power + 1, "0"), digits[power + 1 :]
    return f"{sign}{whole}.{rest}" if rest else f"{sign}{whole}"


def _digits(mantissa: str, exponent: int) -> tuple[str, int]:
    """Give the significant digits and the decimal exponent of the first one."""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    power = len(whole) - 1 + exponent
    digits = whole + fraction
    stripped = digits.lstrip("0")
    power -= len(digits) - len(stripped)
    return stripped.rstrip("0"), power


def scalar(value: Any) -> str:
    """Give a scalar of a JSON document as text."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return go_float(value)
    return str(value)


def compact(value: Any) -> str:
    """Give an array as compact JSON: keys sorted, HTML characters escaped, floats as Go's encoder writes them."""
    if isinstance(value, dict):
        pairs = (f"{compact(key)}:{compact(value[key])}" for key in sorted(value))
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(compact(item) for item in value) + "]"
    if isinstance(value, float):
        return _json_float(value)
    text = json.dumps(value, ensure_ascii=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _json_float(value: float) -> str:
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    text = repr(value)
    mantissa, mark, exponent = text.partition("e")
    if not mark:
        return text
    return f"{mantissa.removesuffix('.0')}e{exponent[0]}{exponent[1:].lstrip('0').rjust(2, '0')}"


def flatten(value: Any, prefix: str = "") -> dict[str, str]:
    """Give a mapping's leaves under dotted keys; empty lists and maps vanish."""
    found: dict[str, str] = {}
    for key, item in value.items():
        name = f"{prefix}.{key}" if prefix else key
        if isinstance(item, dict):
            found |= flatten(item, name)
        elif isinstance(item, list):
            if item:
                found[name] = compact(item)
        else:
            found[name] = scalar(item)
    return found
