"""The examples of docs/user/validate.md are what the writers give, line by line.

A fenced block after ``<!-- rendered: NAME -->`` holds the output of the format, evidence file or submission file NAME for the
report below, whole or its first lines before a line ``...``. ``python plugins/validators/tests/test_manual.py`` writes
the blocks anew.
"""

from __future__ import annotations

import importlib
import pathlib
import re

import pytest
from aicr_validators import evidence, hooks, pages, submission

from aicr_core import api

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs/user/validate.md"
BLOCK = re.compile(
    r"<!-- rendered: (?P<name>\S+) -->\n(?P<fence>`{3,})\w*\n(?P<body>.*?)^(?P=fence)$", re.M | re.S
)
FORMATS = [writer.name for writer in hooks.aicr_report_writers()]


def sample() -> api.Report:
    """Give the report of the manual: a constraint, four checks, one of each verdict that matters."""
    at = 1_767_323_045_000
    version = api.ReportItem(
        name="K8s.server.version", phase="readiness", kind="constraint", where="recipe.yaml:12:5",
        result=api.passed(expected=">= 1.32.4", actual="v1.33.5"),
    )  # fmt: skip
    pods = api.ReportItem(
        name="operator-health", phase="deployment", title="GPU operator runs", where="recipe.yaml:30:9", duration=412,
        runner="process",
        result=api.CheckResult(
            status="failed", code=api.Code.NOT_FOUND, reason="NoOperatorPods",
            message="no pods of gpu-operator in namespace gpu-operator", expected="at least 1 running pod",
            actual="0 pods", remediation="install the bundle: ./deploy.sh",
            evidence=(
                api.Evidence("Operator pods", "No resources found", "kubectl get pods -n gpu-operator"),
            ),
        ),
    )  # fmt: skip
    smi = api.ReportItem(
        name="check-nvidia-smi", phase="deployment", title="nvidia-smi on each node", where="recipe.yaml:31:9",
        duration=61_200, runner="process", waiver="node gpu-7 is being replaced (ops, until 2026-02-28)",
        result=api.failed(
            api.Code.INTERNAL, "NodeFailed", "nvidia-smi failed on 1 of 8 nodes: gpu-7", expected="8 nodes",
            actual="7 nodes", remediation="look at the driver pod of gpu-7",
        ),
    )  # fmt: skip
    dra = api.ReportItem(
        name="dra-support", phase="conformance", title="Dynamic resource allocation", where="recipe.yaml:34:9",
        duration=8_400, runner="process", page=pages.DRA,
        result=api.CheckResult(
            status="passed", message="1 pod got 1 GPU by claim gpu-claim",
            evidence=(api.Evidence("Claim", "gpu-claim allocated,reserved", "kubectl get resourceclaims"),),
        ),
    )  # fmt: skip
    gateway = api.ReportItem(
        name="inference-gateway", phase="conformance", title="Inference gateway", where="recipe.yaml:35:9",
        runner="process", page=pages.GATEWAY,
        result=api.skipped("NotInRecipe", "the recipe has no gateway component"),
    )  # fmt: skip
    return api.Report(
        run="20260102-030405-0123456789abcdef", version="0.1.0", timestamp="2026-01-02T03:04:05Z", started=at,
        stopped=at + 70_012, recipe="recipe.yaml", criteria={"service": "eks", "intent": "inference"},
        phases=(
            api.PhaseReport(name="readiness", gate=True, items=(version,)),
            api.PhaseReport(name="deployment", items=(pods, smi)),
            api.PhaseReport(name="conformance", items=(dra, gateway)),
        ),
    )  # fmt: skip


def rendered(name: str) -> str:
    """Give what the block NAME shows."""
    if name in FORMATS:
        text: str = importlib.import_module(f"aicr_validators.reports.{name}").write(sample())
        return text
    facts = {"kubernetesVersion": "v1.33.5", "platformName": "Acme Kubernetes"}
    return {**submission.write(sample(), facts), **evidence.write(sample(), {})}[name]


def shown(name: str, body: str) -> str:
    """Give what the block should hold: all of it, or as many lines as it has before its line ``...``."""
    text = rendered(name)
    if not body.endswith("...\n"):
        return text
    kept = text.splitlines(keepends=True)[: body.count("\n") - 1]
    return "".join(kept) + "...\n"


def blocks() -> list[tuple[str, str]]:
    return [(match["name"], match["body"]) for match in BLOCK.finditer(PAGE.read_text("utf-8"))]


@pytest.mark.parametrize(
    ("name", "body"), blocks(), ids=lambda value: value if "\n" not in value else ""
)
def test_block(name: str, body: str) -> None:
    assert body == shown(name, body)


def test_every_format_is_shown() -> None:
    assert {*FORMATS, "dra-support.md", "index.md", "PRODUCT.yaml", "README.md"} <= {
        name for name, _ in blocks()
    }


def refresh() -> None:
    """Write the blocks of the page anew."""

    def again(match: re.Match[str]) -> str:
        start, end = match.span("body")
        whole, offset = match[0], match.start()
        return whole[: start - offset] + shown(match["name"], match["body"]) + whole[end - offset :]

    PAGE.write_text(BLOCK.sub(again, PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    refresh()
