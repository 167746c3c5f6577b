"""What a check asks for and what it answers. Frozen values that cross between core and plugins; no I/O.

A check *fails* when the cluster is not as it should be, is *skipped* when it does not apply (with a reason, always),
and is *other* when it gave no verdict: it crashed, was killed, could not be started. Nobody but the core says
``other``. Words of ``reason`` are CamelCase as Kubernetes writes them (``NoGPUNodes``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.kit.errors import Code

PASSED, FAILED, SKIPPED, OTHER = "passed", "failed", "skipped", "other"
STATUSES = (PASSED, FAILED, SKIPPED, OTHER)
RUN_NAMESPACE = "{run}"
"""In :class:`Right`: the namespace that checks of this run create objects in."""


@attrs.frozen(kw_only=True)
class Right:
    """API verbs that a check needs, as an RBAC rule writes them.

    ``namespace`` empty is the whole cluster; ``RUN_NAMESPACE`` is where the run works. ``resources`` are plural names,
    ``pods/log`` for a subresource. ``names`` narrows to objects of these names (not for create and list).
    """

    verbs: tuple[str, ...]
    resources: tuple[str, ...]
    group: str = ""
    namespace: str = ""
    names: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Page:
    """Where the evidence of a check goes: a file of the evidence directory, shared by checks of one requirement.

    ``requirement`` is the id of the conformance requirement, ``about`` a paragraph for its readers.
    """

    requirement: str
    file: str
    title: str
    about: str


@attrs.frozen
class Evidence:
    """What a check saw: a label, a text, and the command that shows a person the same."""

    label: str
    text: str
    command: str = ""

    def lines(self) -> list[str]:
        """As a check process prints it (spec/validate.md 7)."""
        head = [f"--- {self.label} ---"] if self.label else []
        if self.command:
            head += [f"Equivalent: {self.command}", ""]
        return [*head, *self.text.splitlines()]


@attrs.frozen(kw_only=True)
class CheckResult:
    """The verdict of a check: make one with :func:`passed`, :func:`failed` or :func:`skipped`.

    ``code`` is the class of a failure, ``reason`` its word; ``remediation`` says what to do, with commands.
    """

    status: str = attrs.field(validator=attrs.validators.in_(STATUSES))
    message: str = ""
    code: Code | None = None
    reason: str = ""
    expected: str = ""
    actual: str = ""
    remediation: str = ""
    evidence: tuple[Evidence, ...] = ()


def passed(message: str = "", *, expected: str = "", actual: str = "") -> CheckResult:
    """Give the verdict that all is as it should be."""
    return CheckResult(status=PASSED, message=message, expected=expected, actual=actual)


def failed(
    code: Code,
    reason: str,
    message: str,
    *,
    expected: str = "",
    actual: str = "",
    remediation: str = "",
) -> CheckResult:
    """Give the verdict that something is not as it should be; ``message`` names objects and numbers."""
    return CheckResult(
        status=FAILED, code=code, reason=reason, message=message, expected=expected, actual=actual,
        remediation=remediation,
    )  # fmt: skip


def skipped(reason: str, message: str, *, remediation: str = "") -> CheckResult:
    """Give the verdict that the check does not apply here; ``remediation`` says what would make it apply."""
    return CheckResult(status=SKIPPED, reason=reason, message=message, remediation=remediation)


@attrs.frozen(kw_only=True)
class ReportItem:
    """One line of a report: a check, or a constraint, with its verdict.

    Times are milliseconds since 1970, 0 when unknown; ``duration`` is in milliseconds. ``severity`` "warning" does not
    count for the exit status. ``where`` is file and line of what asked for it. ``waiver`` says who excused a failure.
    ``runner`` is where it ran; ``output`` are the lines that a container wrote.
    """

    name: str
    phase: str
    kind: str = "check"
    result: CheckResult
    title: str = ""
    severity: str = "error"
    where: str = ""
    waiver: str = ""
    runner: str = ""
    start: int = 0
    stop: int = 0
    duration: int = 0
    output: tuple[str, ...] = ()
    page: Page | None = None

    @property
    def status(self) -> str:
        """The verdict's word."""
        return self.result.status

    @property
    def counts_as_failure(self) -> bool:
        """Whether it makes the run fail: failed or other, neither waived nor a mere warning."""
        return self.status in (FAILED, OTHER) and not self.waiver and self.severity == "error"


@attrs.frozen(kw_only=True)
class PhaseReport:
    """A phase that ran, or was skipped whole, with its items in catalogue order."""

    name: str
    items: tuple[ReportItem, ...] = ()
    skipped: str = ""
    """Why nothing of it was run; empty when it was."""
    gate: bool = False
    """It is decided before the cluster is touched (constraints on the snapshot)."""

    @property
    def status(self) -> str:
        """Failed before other before skipped (nothing ran) before passed (spec/validate.md 6.5)."""
        found = {item.status for item in self.items if item.counts_as_failure}
        if found:
            return FAILED if FAILED in found else OTHER
        if self.skipped or not self.items:
            return SKIPPED
        return PASSED


@attrs.frozen(kw_only=True)
class Report:
    """Everything a run of ``aicr validate`` found; report writers turn it into their format.

    ``started`` and ``stopped`` are milliseconds since 1970, ``timestamp`` the same moment in RFC 3339. ``residue`` are
    commands that delete what could not be removed from the cluster.
    """

    run: str
    version: str
    timestamp: str
    started: int
    stopped: int
    phases: tuple[PhaseReport, ...]
    recipe: str = ""
    """What the recipe was read from."""
    criteria: Mapping[str, Any] = attrs.field(factory=dict)
    residue: tuple[str, ...] = ()
    interrupted: str = ""
    """Why the run ended early; empty when it did not."""

    @property
    def checks(self) -> tuple[ReportItem, ...]:
        """The items of all phases that are no gates."""
        return tuple(item for phase in self.phases if not phase.gate for item in phase.items)

    @property
    def items(self) -> tuple[ReportItem, ...]:
        """All items."""
        return tuple(item for phase in self.phases for item in phase.items)
