"""Run one check and fold what happened into a verdict; remove what it made, whatever happened.

Which checks run, where, and in which order is decided above. Nothing here prints, and nothing escapes but an
interrupt: a check that raises has failed (AicrError) or gave no verdict (anything else).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from aicr_core.kit import limits
from aicr_core.kit.errors import AicrError, Code, one_line
from aicr_core.model.check import OTHER, CheckResult, failed
from aicr_core.model.target import RUN_LABEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from aicr_core.kit.run import Context
    from aicr_core.model.cluster import Cluster
    from aicr_core.model.target import Target
    from aicr_core.plugins.providers import Check


def run_check(
    check: Check,
    call: Callable[[Context, Target], Any],
    ctx: Context,
    target: Target,
) -> CheckResult:
    """Give the verdict of a check, with all evidence that it kept, also of one that raised.

    ``call`` is the check's function, resolved. A failure without a remedy of its own gets the check's. What the
    check made is still there: :func:`clean_up` removes it.
    """
    try:
        result = call(ctx, target)
        if not isinstance(result, CheckResult):
            result = _other("NoResult", f"{check.name} answered {type(result).__name__}, no result")
    except AicrError as error:
        result = refused(error)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # also one that tries to end the process: the run goes on
        result = _other("Crashed", one_line(f"{type(error).__name__}: {error}"))
    wanting = result.status in ("failed", OTHER) and not result.remediation
    return attrs.evolve(
        result,
        evidence=(*target.seen, *result.evidence),
        remediation=check.remediation if wanting else result.remediation,
    )


def refused(error: AicrError) -> CheckResult:
    """Give the verdict of a check that an error kept from its own."""
    place = f" ({error.where})" if error.where and error.where not in error.message else ""
    return failed(
        error.code, _reason(error), f"{error.message}{place}", remediation=error.hint or ""
    )


def _reason(error: AicrError) -> str:
    """Give a word for an error: the server's own where one answered, else its code in CamelCase."""
    word = str(getattr(error, "reason", "") or "")
    return word or "".join(part.capitalize() for part in error.code.value.split("_"))


def _other(reason: str, message: str) -> CheckResult:
    return CheckResult(status=OTHER, code=Code.INTERNAL, reason=reason, message=message)


def clean_up(target: Target) -> tuple[str, ...]:
    """Delete what a check made, last made first, within ``limits.CLEAN_UP`` seconds; give commands for what is left.

    After this the check can make nothing more. An object of somebody else under a name that is on the list is left
    alone: one that was made is deleted by its uid, and one of which nobody knows (the answer was lost) only when it
    carries the label of this run. What fails is tried once more at the end.
    """
    paths = target.ledger.close()
    cluster = target.cluster.within(limits.CLEAN_UP)
    again = [path for path in paths if not _removed(cluster, target, path)]
    left = [path for path in again if not _removed(cluster, target, path)]
    return tuple(kubectl_delete(path) for path in left)


def _removed(cluster: Cluster, target: Target, path: str) -> bool:
    """Tell whether an object of the check is gone, or on its way."""
    try:
        uid = target.ledger.uid(path) or _own(cluster, target, path)
        if uid:
            cluster.delete(path, uid=uid, missing_ok=True)
    except AicrError as error:
        # 404: gone meanwhile. 409: the name is taken by another object than ours, which is gone then.
        return getattr(error, "status", 0) in (404, 409)
    return True


def _own(cluster: Cluster, target: Target, path: str) -> str:
    metadata: dict[str, Any] = cluster.get(path).get("metadata") or {}
    ours = (metadata.get("labels") or {}).get(RUN_LABEL) == target.run
    return str(metadata.get("uid") or "") if ours else ""


def kubectl_delete(path: str) -> str:
    """Give the command that deletes the object of an API path."""
    parts = path.strip("/").split("/")
    group, rest = ("", parts[2:]) if parts[0] == "api" else (parts[1], parts[3:])
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    kind = f"{rest[0]}.{group}" if group else rest[0]
    return f"kubectl delete {kind} {rest[1]}" + (f" -n {namespace}" if namespace else "")
