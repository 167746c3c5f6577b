"""The requirements of the CNCF AI conformance programme, as facts: group, id, level by Kubernetes version, our checks.

The programme keeps a checklist for each Kubernetes minor version (``docs/AIConformance-1.NN.yaml`` of
github.com/cncf/k8s-ai-conformance); ids and levels are from there, versions 1.33 to 1.37. The descriptions are ours.
"""

from __future__ import annotations

import re

import attrs

MUST, SHOULD = "MUST", "SHOULD"
LATEST = 37


@attrs.frozen(kw_only=True)
class Requirement:
    """A requirement: in the checklists of Kubernetes 1.``since`` to 1.``until``, MUST from 1.``must`` on.

    ``checks`` decide it; without any, a person has to.
    """

    group: str
    id: str
    description: str
    checks: tuple[str, ...] = ()
    since: int = 33
    until: int = LATEST
    must: int = LATEST + 1

    def level(self, minor: int) -> str:
        """Give the level in the checklist of a minor version."""
        return MUST if minor >= self.must else SHOULD


REQUIREMENTS = (
    Requirement(
        group="accelerators", id="dra_support", until=35, must=34, checks=("dra-support",),
        description="Workloads ask for devices with the API of dynamic resource allocation.",
    ),
    Requirement(
        group="accelerators", id="driver_runtime_management", since=34,
        description="Drivers and container runtime of accelerator nodes are installed, kept, and can be verified.",
    ),
    Requirement(
        group="accelerators", id="gpu_sharing", since=34,
        description="A GPU can be shared by workloads that do not need a whole one.",
    ),
    Requirement(
        group="accelerators", id="virtualized_accelerator", since=34,
        description="Virtualised accelerators are offered and managed as physical ones are.",
    ),
    Requirement(
        group="networking", id="ai_inference", must=33, checks=("inference-gateway",),
        description="An implementation of the Gateway API steers the traffic of inference services.",
    ),
    Requirement(
        group="networking", id="advanced_inference_ingress", since=36,
        description="The inference extension of the Gateway API routes requests to models by what they report.",
    ),
    Requirement(
        group="networking", id="high_performance_networking", since=36,
        description="Networks for fast traffic between pods can be found and asked for.",
    ),
    Requirement(
        group="networking", id="disaggregated_inference", since=36,
        description="A disaggregated inference system can be installed and run.",
    ),
    Requirement(
        group="schedulingOrchestration", id="gang_scheduling", must=33, checks=("gang-scheduling",),
        description="The pods of a distributed workload are scheduled all together or not at all.",
    ),
    Requirement(
        group="schedulingOrchestration", id="cluster_autoscaling", must=33, checks=("cluster-autoscaling",),
        description="Groups of accelerator nodes grow and shrink with the pods that ask for accelerators.",
    ),
    Requirement(
        group="schedulingOrchestration", id="pod_autoscaling", must=33, checks=("pod-autoscaling",),
        description="The HorizontalPodAutoscaler scales pods with accelerators, by metrics of AI workloads too.",
    ),
    Requirement(
        group="observability", id="accelerator_metrics", must=33, checks=("accelerator-metrics",),
        description="The metrics of each accelerator are exposed at an endpoint that machines can read.",
    ),
    Requirement(
        group="observability", id="ai_service_metrics", must=33, checks=("ai-service-metrics",),
        description="A monitoring system finds workloads that expose metrics, and collects them.",
    ),
    Requirement(
        group="security", id="secure_accelerator_access", must=33, checks=("secure-accelerator-access",),
        description="Containers reach accelerators only through what Kubernetes allotted to them.",
    ),
    Requirement(
        group="security", id="workload_sandboxing", since=37,
        description="Workloads can run in a sandbox that is strongly isolated from the node.",
    ),
    Requirement(
        group="operator", id="robust_controller", must=33, checks=("robust-controller",),
        description="An AI operator with custom resources runs, and its webhooks and reconciliation work.",
    ),
)  # fmt: skip


def minor_version(version: str) -> int | None:
    """Give the minor number of a Kubernetes version such as ``v1.34.2-gke.1``; None for anything else."""
    match = re.match(r"v?1\.([0-9]{1,3})(?![0-9])", version)
    return int(match[1]) if match else None


def checklist(minor: int | None) -> list[Requirement]:
    """Give the requirements of a minor version; those of the nearest known one when there is no checklist of it."""
    wanted = min(max(33, LATEST if minor is None else minor), LATEST)
    return [entry for entry in REQUIREMENTS if entry.since <= wanted <= entry.until]
