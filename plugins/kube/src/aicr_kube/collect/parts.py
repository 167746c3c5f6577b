"""Read one part of a measurement and say how that went: readings, or a status with its reason.

A part that fails never costs the others. Nothing here knows what the parts hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from aicr_core.api import AicrError, Code, Subtype

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aicr_core.api import Context
    from aicr_kube.client import Cluster

_MARGIN = 1.0
"""Seconds kept back from a collector's deadline: what was read must be given before the core stops waiting."""
_STATUSES = {Code.TIMEOUT: "timeout", Code.UNAUTHORIZED: "forbidden"}


def cluster_of(ctx: Context) -> Cluster:
    """Give the cluster of a run, whose requests end a little before the collector's deadline."""
    from aicr_kube.client import Cluster

    margin = min(_MARGIN, ctx.remaining() / 10)
    return Cluster.of(ctx, timeout=lambda: max(0.0, ctx.remaining() - margin))


def status_of(error: AicrError) -> str:
    """Give the status of a part that ended with ``error``."""
    if getattr(error, "reason", "") == "NoConfiguration" and error.code is Code.NOT_FOUND:
        return "skipped"
    return _STATUSES.get(error.code, "failed")


def reason_of(error: AicrError) -> str:
    """Give one line: what went wrong, and what to do."""
    text = f"{error.where}: {error.message}" if error.where else error.message
    text = f"{text}; {error.hint}" if error.hint else text
    # It quotes what others wrote: line ends become blanks, what else cannot be printed is shown escaped.
    text = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def lost(name: str, error: AicrError, source: str, data: Mapping[str, Any] | None) -> Subtype:
    """Give a subtype that could not be read; ``data`` is what stands in the document for it."""
    return Subtype(
        name=name, data=data, status=status_of(error), reason=reason_of(error), source=source
    )


def read(name: str, source: str, call: Callable[[], Subtype]) -> Subtype:
    """Give what ``call`` reads, or the subtype, empty, with the reason why not."""
    try:
        subtype = call()
    except AicrError as error:
        return lost(name, error, source, {})
    except Exception as error:  # an answer of another shape than the API promises
        text = f"the answer is not as expected: {type(error).__name__}: {error}"
        return lost(name, AicrError(Code.INTERNAL, text), source, {})
    if not subtype.data and not subtype.items and subtype.status == "ok":
        subtype = attrs.evolve(subtype, status="empty")
    return subtype if subtype.source else attrs.evolve(subtype, source=source)
