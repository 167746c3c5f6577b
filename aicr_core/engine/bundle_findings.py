"""The result of ``aicr bundle check``: findings in order, which stages ran, what counts. Writes no format. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.model.lint import SEVERITIES, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Document = dict[str, Any]
RAN, PARTLY, NOT_RUN = "ran", "partly", "not run"
INTACT, YAML, RENDER, LINT, STAGE = "AB001", "AB002", "AB003", "AB004", "AB005"
CORE_RULES = {
    INTACT: "A file of the bundle is not what its lists say",
    YAML: "A file is not valid YAML",
    RENDER: "A chart does not render with the bundle's values",
    LINT: "A rule could not be tried",
    STAGE: "A stage that was required did not run",
}


class Stage(NamedTuple):
    """A stage of the check: ``status`` is ran, partly or not run; ``reasons`` say why it is not the first."""

    name: str
    title: str
    status: str
    reasons: tuple[str, ...] = ()


class CheckReport(NamedTuple):
    """What was found.

    ``files`` are those of the bundle: a finding in any other path is one in a rendered chart. ``threshold`` is the
    severity from which on the command fails.
    """

    bundle: str
    deployer: str
    findings: tuple[Finding, ...]
    stages: tuple[Stage, ...]
    rules: Mapping[str, str]
    kubernetes: str
    kubernetes_from: str
    nodes: int | None
    components: tuple[str, ...]
    objects: int
    ignored: int
    threshold: str
    files: frozenset[str] = frozenset()

    def count(self, severity: str) -> int:
        """Give how many findings have a severity."""
        return sum(finding.severity == severity for finding in self.findings)

    @property
    def gaps(self) -> tuple[str, ...]:
        """What is not known of the cluster, so that rules which need it found nothing."""
        version = "no version of Kubernetes is known: rules that need one did not run (--kubernetes-version)"
        nodes = "no nodes are known: rules that need them did not run (--snapshot)"
        return (
            *((version,) if not self.kubernetes else ()),
            *((nodes,) if self.nodes is None else ()),
        )

    @property
    def failing(self) -> int:
        """How many findings make the command fail."""
        worse = SEVERITIES[: SEVERITIES.index(self.threshold) + 1]
        return sum(finding.severity in worse for finding in self.findings)


def ordered(findings: Iterable[Finding], components: Iterable[str]) -> tuple[Finding, ...]:
    """Give each finding once: by component in deployment order, severity, file and line."""
    place = {name: number for number, name in enumerate(components, 1)}

    def key(finding: Finding) -> tuple[Any, ...]:
        severity = SEVERITIES.index(finding.severity)
        order = place.get(finding.component, 0)
        return (
            order, finding.component, severity, finding.path, finding.line, finding.rule, finding.message
        )  # fmt: skip

    return tuple(sorted(dict.fromkeys(findings), key=key))


def document(report: CheckReport) -> Document:
    """Give the result as JSON has it."""
    return {
        "kind": "BundleCheck",
        "apiVersion": "aicr.run/v1",
        "bundle": report.bundle,
        "deployer": report.deployer,
        "kubernetes": {"version": report.kubernetes, "source": report.kubernetes_from},
        "nodes": report.nodes,
        "gaps": list(report.gaps),
        "stages": [
            {"name": s.name, "title": s.title, "status": s.status, "reasons": list(s.reasons)}
            for s in report.stages
        ],
        "findings": [
            {
                "rule": finding.rule,
                "severity": finding.severity,
                "component": finding.component,
                "path": finding.path,
                "line": finding.line,
                "message": finding.message,
                "hint": finding.hint,
            }
            for finding in report.findings
        ],
        "summary": {
            **{severity: report.count(severity) for severity in SEVERITIES},
            "components": len(report.components),
            "objects": report.objects,
            "ignored": report.ignored,
            "failing": report.failing,
        },
    }
