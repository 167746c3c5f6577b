"""Where output goes: results to standard output or a file, everything else to standard error."""

from __future__ import annotations

import sys
from typing import Any

from aicr_core.kit.emit import to_json, to_yaml
from aicr_core.kit.errors import AicrError, Code


def note(text: str) -> None:
    """Write a line for the person to standard error."""
    sys.stderr.write(f"{text}\n")


def write_result(text: str, output: str = "") -> None:
    """Write a result to standard output (``""`` or ``-``) or, whole or not at all, to a file."""
    target = output.strip()
    if target in ("", "-"):
        sys.stdout.write(text)
        return
    if "://" in target:
        scheme = target.partition("://")[0]
        raise AicrError(
            Code.INVALID_REQUEST,
            f"cannot write to {scheme}:// here",
            where="--output",
            hint="give a file, or - for standard output",
        )
    from aicr_core.kit.paths import atomic_write

    atomic_write(target, text.encode("utf-8"))


def render(value: Any, fmt: str) -> str:
    """Give a document as ``yaml`` or ``json``. Raises AicrError when JSON cannot hold a value."""
    if fmt == "json":
        try:
            return to_json(value)
        except ValueError as error:
            raise AicrError(Code.INVALID_REQUEST, str(error), hint="use --format yaml") from None
    return to_yaml(value)
