"""Where output goes: results to standard output or a file, everything else to standard error."""

from __future__ import annotations

import sys
from typing import Any

from aicr_core.kit.emit import to_json, to_yaml
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.log import Log

_log = Log()


def use(log: Log) -> None:
    """Write notes through ``log`` from now on; the root command sets it for each invocation."""
    global _log
    _log = log


def note(text: str) -> None:
    """Write a line for the person to standard error."""
    _log.info(text)


def warn(text: str) -> None:
    """Write a warning to standard error."""
    _log.warn(text)


def write_result(text: str, output: str = "") -> None:
    """Write a result to standard output (``""`` or ``-``) or, whole or not at all, to a file.

    Raises AicrError when that cannot be written, BrokenPipeError when its reader has gone.
    """
    target = output.strip()
    if target in ("", "-"):
        _standard_output(text)
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


def _standard_output(text: str) -> None:
    if sys.stdout is None:
        raise AicrError(Code.INVALID_REQUEST, "standard output is closed", hint="use --output FILE")
    try:
        # Bytes: results are UTF-8 with plain newlines whatever the locale says.
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8"))
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        from aicr_core.kit.paths import fault

        raise fault(error, "standard output", "write") from None


def render(value: Any, fmt: str) -> str:
    """Give a document as ``yaml`` or ``json``. Raises AicrError when JSON cannot hold a value."""
    if fmt == "json":
        try:
            return to_json(value)
        except ValueError as error:
            raise AicrError(Code.INVALID_REQUEST, str(error), hint="use --format yaml") from None
    return to_yaml(value)
