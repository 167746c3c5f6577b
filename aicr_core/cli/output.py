"""Where output goes: results to standard output or a file, everything else to standard error."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from aicr_core.kit.emit import to_json, to_yaml
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.log import Log

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.app.environment import Environment

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


def deliver(
    environment: Environment,
    text: str,
    target: str,
    fmt: str,
    *,
    notes: Mapping[str, str] | None = None,
    kubeconfig: str = "",
    kind: str = "snapshot",
) -> None:
    """Write a result where ``--output`` says: standard output (``""`` or ``-``), a file, or a store's URI.

    Raises AicrError when that cannot be written, BrokenPipeError when the reader has gone.
    """
    target = target.strip()
    if target in ("", "-"):
        write_result(text)
        return
    from aicr_core.app import sinks

    sinks.put(environment, target, text, fmt, notes=notes, kubeconfig=kubeconfig, kind=kind)


def write_result(text: str) -> None:
    """Write a result to standard output. Raises as :func:`deliver`."""
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


def reader_gone() -> None:
    """Write to nobody from now on: the reader has gone (``aicr ... | head``), and the exit must not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def render(value: Any, fmt: str) -> str:
    """Give a document as ``yaml`` or ``json``. Raises AicrError when JSON cannot hold a value."""
    if fmt == "json":
        try:
            return to_json(value)
        except ValueError as error:
            raise AicrError(Code.INVALID_REQUEST, str(error), hint="use --format yaml") from None
    return to_yaml(value)
