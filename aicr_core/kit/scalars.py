"""What a plain YAML scalar means: number, constant, moment or text.

The dialect is that of the reference's library (spec/recipe.md section 7): YAML 1.2 with a few YAML 1.1
leftovers (``010`` is octal) and without its traps (``yes`` and ``12:30`` are text). Documents are read elsewhere.
"""

from __future__ import annotations

import re
from typing import Any

_INT = re.compile(r"[-+]?(0[bB][01]+|0[oO]?[0-7]+|0[xX][0-9a-fA-F]+|[1-9][0-9]*|0)$")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
_CLOCK = r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(\.[0-9]+)?"
_STAMP = rf"([0-9]{{4}})-([0-9]{{1,2}})-([0-9]{{1,2}})(?:[Tt]{_CLOCK}(Z|[-+][0-9]{{2}}:[0-9]{{2}})| {_CLOCK})?$"
CONSTANTS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
for _sign, _value in (("", "inf"), ("+", "inf"), ("-", "-inf")):
    for _word in (".inf", ".Inf", ".INF"):
        CONSTANTS[_sign + _word] = float(_value)
for _word in (".nan", ".NaN", ".NAN"):
    CONSTANTS[_word] = float("nan")


def plain_value(text: str) -> Any:
    """Give the typed value of a plain scalar; the text itself when it is nothing else."""
    if text in CONSTANTS:
        return CONSTANTS[text]
    found = number(text)
    if found is not None:
        return found
    return (timestamp(text) if text[4:5] == "-" else None) or text


def number(text: str) -> int | float | None:
    """Give the number a plain scalar means, or None when it is text."""
    if text[0] not in "0123456789+-.":
        return None
    digits = text.replace("_", "") if "_" in text else text
    if _INT.match(digits):
        sign = -1 if digits[0] == "-" else 1
        body = digits.lstrip("+-")
        if len(body) > 1 and body[0] == "0" and body[1] in "01234567":
            body = "0o" + body[1:]
        result = sign * int(body, 0) if len(body) < 400 else None
        if result is not None and -(2**63) <= result < 2**64:
            return result
        # What no integer of the reference holds is read as a decimal float, if it looks like one.
    if _FLOAT.match(digits):
        value = float(digits)
        return None if value in (float("inf"), float("-inf")) else value
    return None


class Stamp(str):
    """A moment that stood unquoted in YAML, in RFC 3339; where it is compared as a text, that has another form."""

    __slots__ = ()

    def compared(self) -> str:
        """Give the text that the reference compares (spec/validate.md 2.2), as on a machine that runs in UTC."""
        day, _, clock = self.partition("T")
        zone = "+0000 UTC" if clock.endswith("Z") else f"{clock[-6:-3]}{clock[-2:]} " * 2
        return f"{day} {clock.removesuffix('Z') if clock.endswith('Z') else clock[:-6]} {zone.rstrip()}"


def timestamp(text: str) -> Stamp | None:
    """Give the full form of a plain scalar that means a moment: 2024-01-01 is midnight, as for the reference."""
    match = re.match(_STAMP, text)
    if match is None:
        return None
    from datetime import date

    year, month, day, *clock = match.groups()
    hour, minute, second, fraction = clock[5:] if clock[0] is None else clock[:4]
    zone = "Z" if clock[4] in (None, "+00:00") else clock[4]
    hour, minute, second = (f"{int(part or 0):02}" for part in (hour, minute, second))
    try:
        moment = date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None
    if hour > "23" or minute > "59" or second > "59":
        return None
    digits = (fraction or "")[:10].rstrip("0").rstrip(".")
    return Stamp(f"{moment}T{hour}:{minute}:{second}{digits}{zone}")
