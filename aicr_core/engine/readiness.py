"""Hold constraints on readings against a snapshot, or against every group of nodes of a fleet. Pure; no I/O.

All of them are evaluated. One that cannot be (no such reading, no version where one is needed) has no verdict: status
``other``, which fails like ``failed`` unless the user or the constraint's severity says otherwise (spec/validate.md 3,
16.1). Where a path leads that is no reading of the snapshot, plugins are asked (``Reader``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.engine import paths
from aicr_core.kit.constraints import ORDERING, evaluate, parse, parse_version
from aicr_core.kit.errors import AicrError, Code
from aicr_core.model.check import OTHER, CheckResult, Evidence, ReportItem, failed, passed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Document = Mapping[str, Any]
    Reader = Callable[[str], Any]

SEVERITIES = ("error", "warning")
OF_CLUSTER = ("K8s", "NodeTopology")
"""Types that are read from the API, whichever nodes were measured."""
_ODD_STARTS = ("~", "^", "=", "!")


class Reading(NamedTuple):
    """A value as a text, which nodes have it (empty: the snapshot is of one), and whether it was a bare number."""

    text: str
    nodes: tuple[str, ...] = ()
    number: bool = False


def readings(snapshot: Document, name: str, *, json: bool, ask: Reader) -> list[Reading]:
    """Give what a path reads: one reading, or one of each group of a fleet. Raises AicrError as ``paths.value``."""
    answer = ask(name)
    if answer is not None:
        return [Reading(paths.text_of(answer))]
    fleet = snapshot.get("fleet")
    if not fleet:
        return [_reading(paths.value(snapshot, paths.parse(name)), (), json)]
    from aicr_core.engine import fleet as fleets

    path = paths.parse(name)
    groups = fleet.get("groups") or ()
    lost = [str(item.get("node")) for item in fleet.get("failed") or ()]
    if not groups:
        raise AicrError(
            Code.NOT_FOUND, "the fleet has no node with a snapshot", hint="measure the nodes again"
        )
    if lost and path.type not in OF_CLUSTER:
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        raise AicrError(
            Code.NOT_FOUND, f"{len(lost)} nodes have no snapshot: {', '.join(lost[:3])}{more}",
            hint="measure them again; --readiness-unknown=warn goes on without them",
        )  # fmt: skip
    document = dict(snapshot)
    found: dict[str, list[str]] = {}
    for group in groups:
        text = fleets.reading(document, group.get("differs", ()), name)
        found.setdefault(text, []).extend(group["nodes"])
    return [Reading(text, tuple(sorted(nodes))) for text, nodes in found.items()]


def _reading(value: Any, nodes: tuple[str, ...], json: bool) -> Reading:
    number = isinstance(value, float) and not isinstance(value, bool)
    return Reading(paths.text_of(value, json=json), nodes, number)


def evaluate_all(
    constraints: Sequence[Document],
    snapshot: Document,
    phase: str,
    *,
    json: bool = False,
    unknown: str = "fail",
    ask: Reader = lambda _name: None,
    remedy: Callable[[str], str] = lambda _name: "",
    where: Callable[[int], str] = lambda _number: "",
) -> list[ReportItem]:
    """Give an item for each constraint, in their order.

    ``json``: the snapshot came as JSON, where every number is a float. ``unknown`` is ``fail`` or ``warn``: how much a
    constraint weighs that cannot be evaluated. ``ask`` gives what plugins read at a path, or None. ``remedy`` gives
    what to do about a path whose constraint says nothing itself, ``where`` the place of the n-th constraint.
    """
    items = []
    for number, constraint in enumerate(constraints):
        result = _one(constraint, snapshot, json, ask, remedy)
        severity = constraint.get("severity") or "error"
        if result.status == OTHER and unknown == "warn":
            severity = "warning"
        items.append(
            ReportItem(
                name=constraint["name"], phase=phase, kind="constraint", result=result,
                severity=severity, where="" if result.status == "passed" else where(number),
            )
        )  # fmt: skip
    return items


def _one(
    constraint: Document, snapshot: Document, json: bool, ask: Reader, remedy: Callable[[str], str]
) -> CheckResult:
    import attrs

    name, expected = constraint["name"], constraint.get("value", "")
    unit = f" {constraint['unit']}" if constraint.get("unit") else ""
    actual = ""
    seen: list[str] = []
    bad: list[Reading] = []
    try:
        found = readings(snapshot, name, json=json, ask=ask)
        for reading in found:
            actual = reading.text
            seen += explain(expected, reading)
            if not evaluate(expected, actual):
                bad.append(reading)
    except AicrError as error:
        result = CheckResult(
            status=OTHER, code=error.code, reason="CannotEvaluate", expected=expected, actual=actual,
            message=f"{name} cannot be held to {expected}{unit}: {error.message}",
            remediation=constraint.get("remediation") or error.hint or "",
        )  # fmt: skip
    else:
        actual = ", ".join(_told(reading) for reading in (bad or found))
        if not bad:
            result = passed(expected=f"{expected}{unit}", actual=f"{actual}{unit}")
        else:
            result = failed(
                Code.INVALID_REQUEST, "ConstraintNotSatisfied",
                f"{name} expected {expected}{unit}, got {actual}{unit}",
                expected=f"{expected}{unit}", actual=f"{actual}{unit}",
                remediation=constraint.get("remediation") or remedy(name),
            )  # fmt: skip
    evidence = (Evidence("Comparison", "\n".join(seen)),) if seen else ()
    return attrs.evolve(result, evidence=evidence)


def _told(reading: Reading) -> str:
    if not reading.nodes:
        return reading.text
    more = f" and {len(reading.nodes) - 3} more" if len(reading.nodes) > 3 else ""
    return f"{reading.text} on {', '.join(reading.nodes[:3])}{more}"


def explain(expression: str, reading: Reading) -> list[str]:
    """Say how a reading is compared, and what in that may surprise (spec/validate.md 16.1, items 7 and 11)."""
    try:
        operator, expected, versions = parse(expression)
    except AicrError as error:
        return [error.message]
    actual = reading.text
    lines = []
    if operator in ORDERING or (
        versions and operator in ("==", "!=") and _are_versions(expected, actual)
    ):
        try:
            left, right = parse_version(actual.strip()), parse_version(expected)
        except AicrError as error:
            return [error.message]
        size = min(len(left.parts), len(right.parts)) if operator in ORDERING else 3
        lines.append(
            f"{left} {operator} {right}, compared as versions of {size} part{'s'[: size != 1]}"
        )
    else:
        lines.append(f'"{actual}" {operator or "is exactly"} "{expected}", compared as texts')
    if operator in ("==", "!=") and not versions and expected.isdigit():
        lines.append(f"{operator} with a number without a dot compares texts: 1.0 is not 1 here")
    if not operator and expected.startswith(_ODD_STARTS):
        lines.append(f'"{expected[0]}" is no operator: the whole text has to be equal')
    if reading.number:
        lines.append("the snapshot holds an unquoted number: trailing zeros of a version are lost")
    return lines


def _are_versions(*texts: str) -> bool:
    try:
        for text in texts:
            parse_version(text.strip())
    except AicrError:
        return False
    return True
