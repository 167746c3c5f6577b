"""The grammars of bundle flags: ``--set``, selectors, tolerations, taints; and the typing of ``--set`` texts.

Source: spec/bundle.md 1.4 and 2.3, with B-1, B-3, B-4 and B-8 mended. Pure functions of text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Iterable

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?\Z")
_HEX_FLOAT = re.compile(
    r"[-+]?0[xX]([0-9a-fA-F_]+\.?[0-9a-fA-F_]*|\.[0-9a-fA-F_]+)[pP][-+]?[0-9]+\Z"
)
_SPECIAL = re.compile(r"[-+]?(inf|infinity|nan)\Z", re.IGNORECASE)
_OVERRIDE = re.compile(r",(?=[A-Za-z0-9_-]*:[^,=]+=)")
_LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?\Z")
_PREFIX = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?\Z")


def _bad(flag: str, text: str, message: str, hint: str) -> AicrError:
    return AicrError(Code.INVALID_REQUEST, f'"{text}": {message}', where=flag, hint=hint)


def typed(text: str) -> Any:
    """Give the value that a ``--set`` text means: boolean, integer, float, or the text itself."""
    if text in ("true", "false"):
        return text == "true"
    # Beyond 64 bits it is read as a float, and beyond that it stays text.
    if _INTEGER.match(text) and len(text) < 4000 and -(2**63) <= int(text) < 2**63:
        return int(text)
    if _SPECIAL.match(text):
        return float(text)
    # An underscore may stand between digits only, and only in base-prefixed or plain mantissas.
    if "__" in text or text.endswith("_") or re.search(r"_[.eEpP]|[.eEpP]_|^[-+]?_", text):
        return text
    if _FLOAT.match(text) and re.search(r"[0-9]", text):
        value = float(text.replace("_", ""))
        return text if value in (float("inf"), float("-inf")) else value
    if _HEX_FLOAT.match(text):
        try:
            return float.fromhex(text.replace("_", ""))
        except (ValueError, OverflowError):
            return text
    return text


def boolean(text: str) -> bool | None:
    """Give the Go-style boolean a text means, or None."""
    if text in ("1", "t", "T", "TRUE", "true", "True"):
        return True
    return False if text in ("0", "f", "F", "FALSE", "false", "False") else None


def split_overrides(values: Iterable[str]) -> list[str]:
    """Split ``a:x=1,b:y=2`` before each text that looks like ``component:path=`` (B-1)."""
    return [part for value in values for part in _OVERRIDE.split(value)]


def split_commas(values: Iterable[str]) -> list[str]:
    """Split selector and toleration lists at every comma."""
    return [part for value in values for part in value.split(",")]


def override(text: str, flag: str = "--set") -> tuple[str, str, str]:
    """Split ``component:path=value``. Raises AicrError."""
    hint = "write component:path.to.key=value"
    component, colon, rest = text.partition(":")
    path, equals, value = rest.partition("=")
    if not colon or not equals:
        raise _bad(flag, text, "no component:path=value", hint)
    if not component:
        raise _bad(flag, text, "no component before the colon", hint)
    if not path or not value:
        raise _bad(flag, text, "path and value may not be empty", hint)
    if not all(path.split(".")):
        raise _bad(flag, text, "a part of the path is empty", hint)
    return component, path, value


def _check_key(flag: str, text: str, key: str) -> None:
    prefix, slash, name = key.rpartition("/")
    good_prefix = not slash or bool(_PREFIX.match(prefix) and len(prefix) <= 253)
    if not key or not name or len(name) > 63 or not _LABEL.match(name) or not good_prefix:
        hint = "a key is letters, digits, - _ . with an optional DNS prefix and /"
        raise _bad(flag, text, "no valid label key", hint)


def _check_value(flag: str, text: str, value: str) -> None:
    if len(value) > 63 or not _LABEL.match(value):
        raise _bad(flag, text, "no valid label value", "at most 63 letters, digits, - _ .")


def selectors(values: Iterable[str], flag: str) -> dict[str, str]:
    """Parse ``key=value`` selectors; a repeated key: the last wins. Raises AicrError."""
    found = {}
    for text in values:
        key, equals, value = text.partition("=")
        if not equals:
            raise _bad(flag, text, "no key=value", "write key=value")
        _check_key(flag, text, key)
        _check_value(flag, text, value)
        found[key] = value
    return found


def taint(text: str, flag: str) -> tuple[str, str, str]:
    """Parse ``key=value:effect`` or ``key:effect``; give key, value ("" for none), effect."""
    left, colon, effect = text.partition(":")
    if not colon or ":" in effect:
        raise _bad(
            flag, text, "no key=value:effect", "write key=value:NoSchedule or key:NoSchedule"
        )
    if effect not in EFFECTS:
        raise _bad(flag, text, f'unknown effect "{effect}"', f"effects: {', '.join(EFFECTS)}")
    key, _, value = left.partition("=")
    if key or value:
        _check_key(flag, text, key)
        _check_value(flag, text, value)
    return key, value, effect


def tolerations(values: Iterable[str], flag: str) -> list[dict[str, str]]:
    """Parse tolerations to Kubernetes objects that hold non-empty fields only. Raises AicrError."""
    found = []
    for text in values:
        key, value, effect = taint(text, flag)
        entry = {
            "key": key,
            "operator": "Equal" if value else "Exists",
            "value": value,
            "effect": effect,
        }
        found.append({name: item for name, item in entry.items() if item})
    return found


def gate(text: str) -> str:
    """Parse the workload gate, a taint with a key; give its text form. Raises AicrError."""
    key, value, effect = taint(text, "--workload-gate")
    if not key:
        raise _bad("--workload-gate", text, "a taint needs a key", "write key=value:NoSchedule")
    return f"{key}={value}:{effect}" if value else f"{key}:{effect}"
