"""Run all rules of ``aicr recipe validate`` over files that were read: every finding, none stops another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.engine import (
    lint_components,
    lint_effects,
    lint_files,
    lint_names,
    lint_validation,
)
from aicr_core.engine.lint_allow import without
from aicr_core.engine.lint_findings import Finding, LintReport, ordered
from aicr_core.engine.lint_project import Checks, Project

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.engine.lint_reading import Reader

_TOPICS = (lint_names, lint_validation, lint_components, lint_files, lint_effects)


def lint(
    reader: Reader, checks: Checks, manifests: Mapping[str, str], threshold: str
) -> LintReport:
    """Give the findings in the files under the lint.

    ``manifests`` are the manifest files of plugins by the name of their layer. What could not be judged is noted.
    """
    project = Project(reader, checks, manifests)
    subjects = project.subjects
    shown = {subject.shown for subject in subjects}
    findings: list[Finding] = [one for one in reader.findings if one.path in shown]
    for topic in _TOPICS:
        findings.extend(topic.rules(project))
    left, allowed = without(reader, subjects, ordered(findings))
    notes = []
    if project.problem is not None:
        notes.append(f"rules about whole recipes did not run: {project.problem}")
    if not checks.phases:
        notes.append("rules about checks did not run: no installed package brings any")
    return LintReport(ordered(left), len(subjects), tuple(notes), threshold, allowed)
