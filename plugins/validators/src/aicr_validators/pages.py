"""Pages of the evidence directory: which requirement of AI conformance a check bears on (spec/validate.md 11.1)."""

from __future__ import annotations

from aicr_core.api import Page

DRA = Page(
    requirement="dra_support", file="dra-support.md", title="DRA Support (Dynamic Resource Allocation)",
    about="Pods ask for GPUs with ResourceClaims of the Kubernetes API. The driver of dynamic resource allocation "
    "publishes the devices of each node, and a test pod gets one of them.",
)  # fmt: skip
GANG = Page(
    requirement="gang_scheduling", file="gang-scheduling.md", title="Gang Scheduling (KAI Scheduler)",
    about="Distributed training needs all of its pods at once or none. A group of two pods, each with a claim for a "
    "GPU, is scheduled together.",
)  # fmt: skip
METRICS = Page(
    requirement="accelerator_metrics", file="accelerator-metrics.md", title="Accelerator & AI Service Metrics",
    about="Utilisation, memory, temperature and power of each GPU are exported, collected by Prometheus, and served "
    "to autoscalers by the metrics APIs.",
)  # fmt: skip
GATEWAY = Page(
    requirement="ai_inference", file="inference-gateway.md", title="Inference API Gateway (kgateway)",
    about="Inference traffic enters through the Gateway API and its inference extension: the class is accepted, the "
    "gateway programmed, and endpoints stand behind it.",
)  # fmt: skip
HPA = Page(
    requirement="pod_autoscaling", file="pod-autoscaling.md", title="Pod Autoscaling (HPA)",
    about="A HorizontalPodAutoscaler follows a GPU metric: a test workload grows when the metric is above its target "
    "and shrinks when it is below.",
)  # fmt: skip
NODES = Page(
    requirement="cluster_autoscaling", file="cluster-autoscaling.md", title="Cluster Autoscaling",
    about="The cluster gets further GPU nodes when pods need them, by Karpenter or by the autoscaler of the cloud.",
)  # fmt: skip
ROBUST = Page(
    requirement="robust_controller", file="robust-operator.md", title="Robust AI Operator",
    about="The operator of the AI platform runs, its custom resources are defined, and its admission webhook refuses "
    "an invalid one.",
)  # fmt: skip
SECURE = Page(
    requirement="secure_accelerator_access", file="secure-accelerator-access.md",
    title="Secure Accelerator Access",
    about="Containers reach GPUs only through the resources that they were given: a pod with a claim sees its GPU, a "
    "pod without one on the same node sees none.",
)  # fmt: skip

ALL = (DRA, GANG, METRICS, GATEWAY, HPA, NODES, ROBUST, SECURE)
"""Every page of this plugin, in the order of the catalogue."""
