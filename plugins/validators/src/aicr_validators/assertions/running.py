"""Hold assertions against a cluster until they hold, can never hold, or the time is over (spec/validate.md 9.2, 9.3).

Each look is a round with fresh reads. What is malformed or may not be read ends at once; an object of a Test that was
never seen ends after 30 s. The caller gives the time; everything here ends before it is over.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code
from aicr_validators.assertions.matching import mismatches

if TYPE_CHECKING:
    from collections.abc import Callable

    from aicr_core.api import Target
    from aicr_validators.assertions.documents import Assertions, Operation
    from aicr_validators.assertions.reading import Reader

EVERY = 5.0
"""Seconds between two looks."""
UNSEEN = 30.0
"""Seconds for an object of a Test to appear."""
TOLD = 3
"""Fields that a message names."""
_FINAL = (Code.INVALID_REQUEST, Code.UNAUTHORIZED)


def hold(assertions: Assertions, target: Target, reader: Reader, limit: float) -> None:
    """Return when everything holds, within the assertions' own budget and ``limit`` seconds.

    Raises AicrError: INVALID_REQUEST for what can never be compared, UNAUTHORIZED, NOT_FOUND for an object that is not
    there, INTERNAL for one that is not as asserted; the message is that of the last look, and where it stands.
    """
    budget = min(assertions.budget, limit)
    since = time.monotonic()
    if assertions.together:
        _retried(target, budget, float("inf"), partial(_all, assertions, reader), since)
        return
    end = time.monotonic() + budget
    for operation in assertions.operations:
        left = max(0.0, end - time.monotonic())
        since = _retried(target, left, UNSEEN, partial(_one, operation, reader), since)


def _all(assertions: Assertions, reader: Reader, since: float) -> None:
    for operation in assertions.operations:
        _one(operation, reader, since)


def _retried(
    target: Target, limit: float, unseen: float, look: Callable[[float], None], since: float
) -> float:
    """Look again and again; raise the last problem when no look found everything in order.

    ``since`` is when the round began that the first look belongs to, every other one begins a round of its own; gives
    that of the look that found everything, for what comes next in it.
    """
    problems: list[AicrError] = []
    seen, begun = False, since

    def probe() -> float | None:
        nonlocal seen, begun
        at, begun = begun, 0.0
        at = at or time.monotonic()
        try:
            look(at)
        except AicrError as error:
            if error.code in _FINAL:
                raise
            seen = seen or error.code is Code.INTERNAL
            # That the time was over while a request ran says less than what the look before saw.
            if not problems or error.code is not Code.TIMEOUT:
                problems[:] = [error]
            return None
        return at

    first = min(limit, unseen)
    held = _waited(target, first, probe, problems)
    if held is None and limit > first and (seen or problems[0].code is not Code.NOT_FOUND):
        held = _waited(target, limit - first, probe, problems)
    if held is None:
        raise problems[0]
    return held


def _waited(
    target: Target, limit: float, probe: Callable[[], float | None], problems: list[AicrError]
) -> float | None:
    try:
        return target.wait(limit, EVERY, probe)
    except AicrError as error:
        if error.code is not Code.TIMEOUT or not problems:
            raise
        return None  # the check's own time: what was seen last says more


# --- one look -------------------------------------------------------------------------------------


def _one(operation: Operation, reader: Reader, since: float) -> None:
    if operation.kind == "assert":
        _assert(operation, reader, since)
    else:
        _error(operation, reader, since)


def _assert(operation: Operation, reader: Reader, since: float) -> None:
    if operation.name:
        found = _read(operation, lambda: reader.get(operation, since))
        problem = _difference(operation, found)
        if problem:
            raise AicrError(Code.INTERNAL, problem, where=operation.place)
        return
    items = _read(operation, lambda: reader.list(operation, since))
    if not items:
        raise AicrError(Code.NOT_FOUND, f"there is no {_what(operation)}", where=operation.place)
    problems = []
    for item in items:
        problem = _difference(operation, item)
        if not problem:
            return
        problems.append(problem)
    raise AicrError(
        Code.INTERNAL,
        f"none of {len(items)} {_what(operation)} is as asserted; the last: {problems[-1]}",
        where=operation.place,
    )


def _error(operation: Operation, reader: Reader, since: float) -> None:
    if operation.name:
        try:
            items = [_read(operation, lambda: reader.get(operation, since))]
        except AicrError as error:
            # An object that is not there is as wanted; a kind that nobody serves is not (it may be misspelt).
            if error.code is Code.NOT_FOUND and reader.served(operation):
                return
            raise
    else:
        items = [i for i in _read(operation, lambda: reader.list(operation, since)) if _counts(i)]
    for item in items:
        if not _difference(operation, item):
            raise AicrError(
                Code.INTERNAL,
                f"{_named(operation, item)} is as it must not be{_state(item)}",
                where=operation.place,
            )


def _read(operation: Operation, ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except AicrError as error:
        raise AicrError(
            error.code,
            f"{_what(operation)}: {error.message}",
            where=operation.place,
            hint=error.hint,
        ) from None


def _difference(operation: Operation, found: dict[str, Any]) -> str:
    """Say in which fields an object is not as expected; empty when it is."""
    try:
        fields = mismatches(operation.resource, found)
    except AicrError as error:
        field = f"{error.where}: " if error.where else ""
        raise AicrError(
            error.code, f"{_named(operation, found)}: {field}{error.message}", where=operation.place
        ) from None
    if not fields:
        return ""
    more = f" and {len(fields) - TOLD} more" if len(fields) > TOLD else ""
    return f"{_named(operation, found)}: {', '.join(map(str, fields[:TOLD]))}{more}"


# --- words ----------------------------------------------------------------------------------------


def _what(operation: Operation) -> str:
    if operation.name:
        place = f"{operation.namespace}/" if operation.namespace else ""
        return f"{operation.object_kind} {place}{operation.name}"
    where = f" in namespace {operation.namespace}" if operation.namespace else ""
    return f"{operation.object_kind}{where}" + (
        f" with {operation.selector}" if operation.selector else ""
    )


def _named(operation: Operation, item: dict[str, Any]) -> str:
    metadata = _part(item, "metadata")
    namespace, name = metadata.get("namespace"), metadata.get("name")
    return f"{operation.object_kind} {f'{namespace}/' if namespace else ''}{name}"


def _counts(item: dict[str, Any]) -> bool:
    """Whether an object can break an error operation: one that goes away, or whose node is lost, cannot."""
    return not (
        _part(item, "metadata").get("deletionTimestamp")
        or _part(item, "status").get("reason") == "NodeLost"
    )


def _state(item: dict[str, Any]) -> str:
    """Say what a person wants to know of an object: phase, why its containers wait, the node."""
    status = _part(item, "status")
    found = {"phase": status.get("phase")}
    for key in ("initContainerStatuses", "containerStatuses"):
        containers = status.get(key)
        for container in containers if isinstance(containers, list) else ():
            reason = _part(_part(container, "state"), "waiting").get("reason")
            if reason:
                found["waiting"] = reason
    found["node"] = _part(item, "spec").get("nodeName")
    words = ", ".join(f"{key}={value}" for key, value in found.items() if value)
    return f" ({words})" if words else ""


def _part(value: Any, key: str) -> dict[str, Any]:
    part = value.get(key) if isinstance(value, dict) else None
    return part if isinstance(part, dict) else {}
