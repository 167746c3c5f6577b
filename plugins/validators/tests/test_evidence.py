"""Evidence pages, against the reference's and on what the reference gets wrong; the submission; features."""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

import pytest
from aicr_validators import evidence, features, hooks, pages, submission
from aicr_validators.requirements import REQUIREMENTS, checklist, minor_version
from hypothesis import given
from hypothesis import strategies as st

from aicr_core import api
from aicr_core.kit import yamlio

GOLDEN = pathlib.Path(__file__).resolve().parents[4] / "shared/data/golden/validate"
PAGES = {check.name: check.evidence for check in hooks.aicr_checks()}
DIFFERENCES = {
    "accelerator-metrics.md": "a check that was killed leaves the requirement unproven: FAILED, not PASSED (16.1.1)",
    "robust-operator.md": "the title does not name one platform, the check serves several (11.1)",
    "index.md": "follows the two pages, and lists all requirements, also those that were skipped or not run (16.2)",
    "inference-gateway.md": "skipped requirements have a page (16.2)",
    "pod-autoscaling.md": "a requirement that was not part of the run has a page (16.2)",
    "cluster-autoscaling.md": "a requirement that was not part of the run has a page (16.2)",
    "secure-accelerator-access.md": "a requirement that was not part of the run has a page (16.2)",
}
"""Pages of case 20-evidence-mixed that differ from the reference's, and why."""


def report(*items: tuple[str, api.CheckResult], **more: Any) -> api.Report:
    made = tuple(
        api.ReportItem(
            name=name, phase="conformance", result=result, page=PAGES[name], duration=7000, **more
        )
        for name, result in items
    )
    return api.Report(
        run="r", version="1.0", timestamp="2026-01-02T03:04:05Z", started=0, stopped=0,
        phases=(api.PhaseReport(name="conformance", items=made),),
    )  # fmt: skip


def golden(name: str) -> tuple[dict[str, str], api.Report]:
    if not GOLDEN.is_dir():
        pytest.skip("../shared (goldens of the reference) is not beside this checkout")
    case = json.loads((GOLDEN / name).read_bytes())["expect"]
    items = []
    for test in case["report"]["results"]["tests"]:
        result = api.CheckResult(status=test["status"], message=test.get("message", ""))
        items.append(
            api.ReportItem(
                name=test["name"], phase=test["suite"][0], result=result, page=PAGES[test["name"]],
                duration=test["duration"], output=tuple(test.get("stdout", ())),
            )
        )  # fmt: skip
    phases = (api.PhaseReport(name="conformance", items=tuple(items)),)
    made = api.Report(
        run="r", version="dev", timestamp="<rfc3339>", started=0, stopped=0, phases=phases
    )
    files = {path.removeprefix("evidence/"): text for path, text in dict(case["files"]).items()}
    return files, made


def blanked(text: str) -> str:
    return re.sub(
        r"(?<=\n---\n\n).*?(?=\n\n## Checks)", "<description of the requirement>", text, flags=re.S
    )


def test_golden_pages() -> None:
    theirs, made = golden("jobs/20-evidence-mixed.json")
    ours = {path: blanked(text) for path, text in evidence.write(made, {}).items()}
    assert set(theirs) <= set(ours)
    different = {path for path, text in ours.items() if theirs.get(path) != text}
    assert different == set(DIFFERENCES)
    assert ours["accelerator-metrics.md"] == theirs["accelerator-metrics.md"].replace(
        "**Result:** PASSED", "**Result:** FAILED"
    )
    assert ours["robust-operator.md"] == theirs["robust-operator.md"].replace(
        " (Dynamo Platform)", ""
    )


def test_golden_where_all_is_skipped() -> None:
    theirs, made = golden("no-cluster/19-evidence-dir-all-skipped.json")
    assert theirs == {}
    files = evidence.write(made, {})
    assert len(files) == len(pages.ALL) + 1
    assert all("**Result:** SKIPPED" in files[page.file] for page in pages.ALL)


RESULTS = st.sampled_from(
    [
        api.passed(), api.skipped("R", "m"), api.failed(api.Code.INTERNAL, "R", "m"),
        api.CheckResult(status="other", message="killed"),
    ]
)  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(sorted(PAGES)), RESULTS)), st.sampled_from(["", "ops"]))
def test_passed_only_if_every_check_passed(
    found: list[tuple[str, api.CheckResult]], waiver: str
) -> None:
    made = report(*found, waiver=waiver)
    files = evidence.write(made, {})
    assert sorted(files) == sorted([*(page.file for page in pages.ALL), "index.md"])
    for page in pages.ALL:
        of_page = [item.status for item in made.checks if item.page == page]
        (said,) = re.findall(r"^\*\*Result:\*\* (\w+)$", files[page.file], re.M)
        assert (said == "PASSED") == (bool(of_page) and set(of_page) == {"passed"})
        assert (said == "FAILED") == bool({"failed", "other"} & set(of_page))
        assert f"| {said} | [{page.file}]" in files["index.md"]


def test_a_fence_in_the_evidence_does_not_end_the_block() -> None:
    text = "```\n# PASSED\n````"
    result = api.CheckResult(status="failed", message="m", evidence=(api.Evidence("l", text),))
    made = evidence.write(report(("dra-support", result)), {})["dra-support.md"]
    assert f"`````\n--- l ---\n{text}\n`````\n" in made


def test_a_page_of_another_plugin_comes_after_ours() -> None:
    page = api.Page(requirement="acme", file="acme.md", title="Acme", about="About.")
    item = api.ReportItem(name="acme", phase="conformance", result=api.passed(), page=page)
    made = api.Report(
        run="r", version="1", timestamp="t", started=0, stopped=0,
        phases=(api.PhaseReport(name="conformance", items=(item,)),),
    )  # fmt: skip
    files = evidence.write(made, {})
    assert "| 9 | `acme` | Acme | PASSED | [acme.md](acme.md) |" in files["index.md"]


FACTS = {
    "kubernetesVersion": "v1.35.2-eks-1", "platformName": "Acme", "platformVersion": "3", "vendorName": "Acme Inc.",
    "websiteUrl": "https://acme.example", "repoUrl": "https://acme.example/git",
    "documentationUrl": "https://acme.example/docs", "productLogoUrl": "https://acme.example/logo.svg",
    "description": "A platform", "contactEmailAddress": "a@acme.example",
    "k8sConformanceUrl": "https://github.com/cncf/k8s-conformance/tree/master/v1.35/acme",
}  # fmt: skip


def _entries(files: dict[str, str]) -> dict[str, dict[str, Any]]:
    document = yamlio.load(files["PRODUCT.yaml"], "PRODUCT.yaml")
    return {entry["id"]: entry for group in document["spec"].values() for entry in group}


def test_submission_states_what_the_checks_decided() -> None:
    made = report(
        ("dra-support", api.passed()),
        ("gang-scheduling", api.failed(api.Code.TIMEOUT, "R", "2 pods pending")),
        ("accelerator-metrics", api.passed()),
        ("ai-service-metrics", api.CheckResult(status="other", message="killed")),
        ("inference-gateway", api.skipped("NotInRecipe", "no gateway in the recipe")),
    )
    files = submission.write(made, {**FACTS, "evidenceUrl": "https://acme.example/ev/"})
    document = yamlio.load(files["PRODUCT.yaml"], "PRODUCT.yaml")
    assert document["metadata"] == {**FACTS, "kubernetesVersion": "v1.35"}
    assert list(document["metadata"]) == list(submission.METADATA)
    assert all(
        list(entry) == ["id", "description", "level", "status", "evidence", "notes"]
        for group in document["spec"].values()
        for entry in group
    )
    entries = _entries(files)
    assert entries["dra_support"]["status"] == "Implemented"
    assert entries["dra_support"]["level"] == "MUST"
    assert entries["dra_support"]["evidence"] == ["https://acme.example/ev/dra-support.md"]
    assert entries["gang_scheduling"]["status"] == "Not Implemented"
    assert entries["gang_scheduling"]["notes"] == "gang-scheduling failed: [TIMEOUT] 2 pods pending"
    assert entries["accelerator_metrics"]["status"] == "Implemented"
    assert entries["ai_service_metrics"]["status"] == "Not Implemented"
    assert entries["ai_inference"]["status"] == ""
    assert "no gateway in the recipe" in entries["ai_inference"]["notes"]
    assert entries["gpu_sharing"]["status"] == ""
    missing = files["README.md"].partition("## To fill in\n")[2]
    for word in ("ai_inference", "gpu_sharing", "gang_scheduling", "robust_controller"):
        assert f"`{word}`" in missing
    assert "metadata." not in missing
    assert set(re.findall(r"\]\(([^)]+)\)", files["README.md"])) == {
        page.file for page in pages.ALL
    }


def test_submission_lists_facts_that_nobody_gave_and_invents_none() -> None:
    files = submission.write(report(), {})
    document = yamlio.load(files["PRODUCT.yaml"], "PRODUCT.yaml")
    assert set(document["metadata"].values()) == {""}
    for name in submission.METADATA:
        assert f"- `metadata.{name}` is empty" in files["README.md"]


def test_checklists_by_version() -> None:
    levels = {
        minor: {entry.id: entry.level(minor) for entry in checklist(minor)}
        for minor in range(33, 38)
    }
    assert levels[33]["dra_support"] == "SHOULD"
    assert levels[34]["dra_support"] == levels[35]["dra_support"] == "MUST"
    assert "dra_support" not in levels[36]
    assert "workload_sandboxing" not in levels[36]
    assert levels[37]["workload_sandboxing"] == "SHOULD"
    assert [minor_version(text) for text in ("v1.34.2-gke.1", "1.35", "v2.0", "", "v1.1000")] == [
        34, 35, None, None, None,
    ]  # fmt: skip
    assert checklist(99) == checklist(37) == checklist(None)
    assert {check for entry in REQUIREMENTS for check in entry.checks} <= set(PAGES)


def test_features() -> None:
    everything = features.resolve([])
    assert everything == features.resolve(["all"]) == features.resolve(["dra", "all"])
    assert set(everything) == {name for name, page in PAGES.items() if page is not None}
    assert features.resolve(["hpa", "dra", "hpa"]) == ("dra-support", "pod-autoscaling")
    assert features.resolve(["metrics"]) == ("accelerator-metrics", "ai-service-metrics")


def test_unknown_features_are_refused_all_at_once() -> None:
    with pytest.raises(api.AicrError) as caught:
        features.resolve(["gateway", "gang-schedulin", "nope", "all"])
    assert caught.value.code is api.Code.INVALID_REQUEST
    assert "gang-schedulin, nope" in caught.value.message
    assert caught.value.hint == 'did you mean "gang-scheduling"?'
