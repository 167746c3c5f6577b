"""Hooks of the validators plugin: phases, checks, report formats (names and deadlines: spec/validate.md 5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import Check, EvidenceWriter, Phase, ReportWriter, hookimpl
from aicr_validators import pages

if TYPE_CHECKING:
    from collections.abc import Iterable

_IMAGES = "ghcr.io/nvidia/aicr-validators"


def _check(name: str, phase: str, order: int, timeout: float, module: str, **more: object) -> Check:
    return Check(
        name=name, phase=phase, order=order, timeout=timeout,
        call=f"aicr_validators.{module}:check", rights=f"aicr_validators.{module}:rights",
        image=f"{_IMAGES}/{phase}:latest", args=(name,), **more,  # type: ignore[arg-type]
    )  # fmt: skip


@hookimpl
def aicr_phases() -> Iterable[Phase]:
    """Register the four phases."""
    yield Phase(
        name="readiness", order=0, gate=True,
        description="the recipe's constraints hold for the snapshot",
    )  # fmt: skip
    yield Phase(
        name="deployment", order=10, needs=("readiness",),
        description="what the recipe deploys is there and works",
    )  # fmt: skip
    yield Phase(
        name="performance", order=20, needs=("readiness", "deployment"),
        description="benchmarks reach the recipe's thresholds",
    )  # fmt: skip
    yield Phase(
        name="conformance", order=30, needs=("readiness", "deployment", "performance"),
        description="the cluster does what AI workloads need of it",
    )  # fmt: skip


@hookimpl
def aicr_checks() -> Iterable[Check]:
    """Register the checks, in catalogue order."""
    yield _check(
        "operator-health", "deployment", 10, 120.0, "operator_health",
        title="GPU operator runs",
        description="The pods of the GPU operator run",
    )  # fmt: skip
    yield _check(
        "expected-resources", "deployment", 20, 300.0, "expected_resources",
        title="Expected resources",
        description="Every resource that the recipe expects is there and healthy",
    )  # fmt: skip
    yield _check(
        "gpu-operator-version", "deployment", 30, 120.0, "gpu_operator_version",
        title="GPU operator version",
        description="The installed GPU operator meets the version constraint of the recipe",
        constraints=("Deployment.gpu-operator.version",),
    )  # fmt: skip
    yield _check(
        "check-nvidia-smi", "deployment", 40, 600.0, "nvidia_smi",
        title="nvidia-smi on each node",
        description="nvidia-smi answers on each GPU node",
        mutates=True,
        exclusive=("gpus",),
    )  # fmt: skip
    yield _check(
        "nccl-all-reduce-bw", "performance", 50, 1800.0, "nccl.check",
        title="NCCL all-reduce bandwidth",
        description="The all-reduce bandwidth between GPU nodes reaches the constraint of the recipe",
        mutates=True,
        exclusive=("gpus",),
        constraints=("nccl-all-reduce-bw", "nccl-benchmark-profile"),
    )  # fmt: skip
    yield _check(
        "dra-support", "conformance", 60, 300.0, "dra_support",
        title="Dynamic resource allocation",
        description="A pod gets a GPU by a ResourceClaim",
        mutates=True,
        exclusive=("gpus",),
        evidence=pages.DRA,
    )  # fmt: skip
    yield _check(
        "gang-scheduling", "conformance", 70, 600.0, "gang_scheduling",
        title="Gang scheduling",
        description="Two pods of a group are scheduled together",
        mutates=True,
        exclusive=("gpus",),
        evidence=pages.GANG,
    )  # fmt: skip
    yield _check(
        "accelerator-metrics", "conformance", 80, 300.0, "accelerator_metrics",
        title="Accelerator metrics",
        description="The DCGM exporter gives the metrics of the GPUs",
        evidence=pages.METRICS,
    )  # fmt: skip
    yield _check(
        "ai-service-metrics", "conformance", 90, 300.0, "ai_service_metrics",
        title="Metrics of AI services",
        description="Prometheus has the GPU metrics, and the custom metrics API serves them",
        evidence=pages.METRICS,
    )  # fmt: skip
    yield _check(
        "inference-gateway", "conformance", 100, 300.0, "inference_gateway",
        title="Inference gateway",
        description="The gateway of inference services is programmed and has endpoints",
        evidence=pages.GATEWAY,
    )  # fmt: skip
    yield _check(
        "pod-autoscaling", "conformance", 110, 600.0, "pod_autoscaling",
        title="Pod autoscaling",
        description="A HorizontalPodAutoscaler scales on a GPU metric, up and down",
        mutates=True,
        exclusive=("hpa-metrics",),
        evidence=pages.HPA,
    )  # fmt: skip
    yield _check(
        "cluster-autoscaling", "conformance", 120, 600.0, "cluster_autoscaling",
        title="Cluster autoscaling",
        description="The cluster gets GPU nodes when pods need them",
        mutates=True,
        exclusive=("gpus", "hpa-metrics"),
        evidence=pages.NODES,
    )  # fmt: skip
    yield _check(
        "robust-controller", "conformance", 130, 300.0, "robust_controller",
        title="Robust AI operator",
        description="The platform's operator runs, and its webhook refuses what is invalid",
        mutates=True,
        evidence=pages.ROBUST,
    )  # fmt: skip
    yield _check(
        "secure-accelerator-access", "conformance", 140, 600.0, "secure_access",
        title="Secure accelerator access",
        description="A pod sees the GPUs that it claimed, and one without a claim sees none",
        mutates=True,
        exclusive=("gpus",),
        evidence=pages.SECURE,
    )  # fmt: skip
    yield _check(
        "gpu-operator-health", "conformance", 150, 120.0, "gpu_operator_health",
        title="GPU operator health",
        description="The GPU operator, its ClusterPolicy and the DCGM exporter are ready",
    )  # fmt: skip
    yield _check(
        "platform-health", "conformance", 160, 300.0, "platform_health",
        title="Platform health",
        description="The namespaces and expected resources of the recipe's components are there",
    )  # fmt: skip


@hookimpl
def aicr_report_writers() -> Iterable[ReportWriter]:
    """Register the formats of reports."""
    for name, suffix, description in (
        ("ctrf", ".json", "Common Test Report Format, for machines"),
        ("json", ".json", "everything that is known, as JSON"),
        ("yaml", ".yaml", "everything that is known, as YAML"),
        ("junit", ".xml", "JUnit XML, for CI systems"),
        ("sarif", ".sarif", "SARIF 2.1.0, for code hosts"),
        ("markdown", ".md", "for pull requests and issues"),
        ("table", ".txt", "for people"),
    ):
        yield ReportWriter(
            name=name, suffix=suffix, description=description,
            write=f"aicr_validators.reports.{name}:write",
        )  # fmt: skip


@hookimpl
def aicr_evidence_writers() -> Iterable[EvidenceWriter]:
    """Register the evidence pages and the conformance submission."""
    yield EvidenceWriter(
        name="pages", write="aicr_validators.evidence:write",
        description="a Markdown page for each requirement, and an index",
    )  # fmt: skip
    yield EvidenceWriter(
        name="submission", write="aicr_validators.submission:write",
        select="aicr_validators.features:resolve",
        description="the files of a CNCF AI conformance submission: PRODUCT.yaml, README.md, pages",
    )  # fmt: skip
