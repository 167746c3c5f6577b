"""Write a CNCF AI conformance submission from a report: PRODUCT.yaml, README.md, and the evidence pages.

A status is only what a check decided. What no check decides, and what was skipped, is left empty and listed in the
README under "To fill in", as are the facts about the product that nobody gave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import markdown, to_yaml
from aicr_validators import evidence
from aicr_validators.reports import common
from aicr_validators.requirements import LATEST, MUST, checklist, minor_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.api import Report, ReportItem
    from aicr_validators.requirements import Requirement

METADATA = (
    "kubernetesVersion", "platformName", "platformVersion", "vendorName", "websiteUrl", "repoUrl", "documentationUrl",
    "productLogoUrl", "description", "contactEmailAddress", "k8sConformanceUrl",
)  # fmt: skip
"""Fields of PRODUCT.yaml, in its order; each is a fact of the same name."""
OPTIONAL = ("repoUrl",)
_STATUS = {"PASSED": "Implemented", "FAILED": "Not Implemented", "SKIPPED": ""}


def write(report: Report, facts: Mapping[str, Any]) -> dict[str, str]:
    """Give the files of the submission by path.

    ``facts`` may hold the fields of :data:`METADATA`, and ``evidenceUrl``: where the pages will be published, put
    before their names in PRODUCT.yaml. Other facts are not used.
    """
    minor = minor_version(str(facts.get("kubernetesVersion") or ""))
    metadata = {name: str(facts.get(name) or "") for name in METADATA}
    if minor is not None:
        metadata["kubernetesVersion"] = f"v1.{minor}"  # as the programme writes it
    base = str(facts.get("evidenceUrl") or "")
    base = f"{base.rstrip('/')}/" if base else ""
    groups = evidence.groups(report)
    entries = [_entry(report, requirement, minor, base) for requirement in checklist(minor)]
    spec: dict[str, list[dict[str, Any]]] = {}
    for requirement, entry in zip(checklist(minor), entries, strict=True):
        spec.setdefault(requirement.group, []).append(entry)
    files = {group.page.file: evidence.page(report, group) for group in groups}
    files["PRODUCT.yaml"] = common.clean(to_yaml({"metadata": metadata, "spec": spec}))
    files["README.md"] = common.clean(_readme(report, metadata, entries, groups, minor))
    return files


def _entry(
    report: Report, requirement: Requirement, minor: int | None, base: str
) -> dict[str, Any]:
    items = [item for item in report.checks if item.name in requirement.checks]
    pages = dict.fromkeys(
        item.page.file for item in items if item.page and item.status != "skipped"
    )
    return {
        "id": requirement.id,
        "description": requirement.description,
        "level": requirement.level(LATEST if minor is None else minor),
        "status": _STATUS[evidence.verdict(items)],
        "evidence": [base + file for file in pages],
        "notes": _notes(requirement, items),
    }


def _notes(requirement: Requirement, items: list[ReportItem]) -> str:
    if not requirement.checks:
        return ""
    if not items:
        return f"not checked: {evidence.NOT_RUN}"
    told = [
        " ".join(f"{item.name} {item.status}: {common.message(item)}".split()).removesuffix(":")
        for item in items
        if item.status != "passed"
    ]
    return "; ".join(told)


def _readme(
    report: Report,
    metadata: Mapping[str, str],
    entries: list[dict[str, Any]],
    groups: list[evidence.Group],
    minor: int | None,
) -> str:
    name = _plain(metadata["platformName"]) or "this platform"
    version = metadata["kubernetesVersion"] or "of a version to be filled in"
    checks = [item for group in groups for item in group.items]
    rows = [[entry["id"], entry["level"], entry["status"] or "to fill in"] for entry in entries]
    pages = "".join(
        f"- [{group.page.title}]({group.page.file}): {group.verdict}\n" for group in groups
    )
    return (
        f"# AI conformance of {name}\n\n"
        f"Kubernetes {version}. Written by aicr {_plain(report.version)} at {report.timestamp} from one run of its "
        f"checks: {common.sentence(checks)}.\n\n"
        f"## Requirements\n\n{markdown(('Requirement', 'Level', 'Status'), rows)}\n"
        f"## Evidence\n\n{pages}\n{_to_fill_in(metadata, entries, minor)}"
    )


def _to_fill_in(
    metadata: Mapping[str, str], entries: list[dict[str, Any]], minor: int | None
) -> str:
    lines = [
        f"`metadata.{name}` is empty{' (optional)' if name in OPTIONAL else ''}"
        for name in METADATA
        if not metadata[name]
    ]
    if minor is not None and not 33 <= minor <= LATEST:
        lines.append(
            f"the list of requirements: known are the checklists of Kubernetes 1.33 to 1.{LATEST}, not 1.{minor}"
        )
    for entry in entries:
        if entry["status"] == "" and entry["notes"]:
            lines.append(f"`{entry['id']}` ({entry['level']}): {_plain(entry['notes'])}")
        elif entry["status"] == "":
            lines.append(
                f"`{entry['id']}` ({entry['level']}): no check decides it; say what your platform does"
            )
        elif entry["level"] == MUST and entry["status"] != "Implemented":
            lines.append(f"`{entry['id']}` is a MUST and not met: {_plain(entry['notes'])}")
    listed = "".join(f"- {line}\n" for line in lines)
    return f"## To fill in\n\n{listed or 'Nothing is missing.' + chr(10)}"


def _plain(text: str) -> str:
    """Give a text on one line that Markdown and HTML do not interpret."""
    return "".join(
        f"\\{char}" if char in "\\|<>[]*_`~&#!" else char for char in " ".join(text.split())
    )
