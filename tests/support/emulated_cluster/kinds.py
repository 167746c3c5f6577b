"""The resources that the emulated API server serves. A test may add more (custom resources)."""

from __future__ import annotations

from typing import NamedTuple

_ALL = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


class Kind(NamedTuple):
    """One resource: where it is served, what it is called, which parts it has."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    status: bool = False
    """It has a ``status`` subresource: writes to the object leave the status as it is."""
    subresources: tuple[str, ...] = ()
    custom: bool = False
    """A custom resource: no strategic merge patch, and the object's name may be any path segment."""
    verbs: tuple[str, ...] = _ALL

    @property
    def api_version(self) -> str:
        """As objects write it: ``v1``, ``batch/v1``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def key(self) -> tuple[str, str]:
        """What its objects are filed under."""
        return (self.group, self.plural)

    @property
    def qualified(self) -> str:
        """As messages write it: ``pods``, ``jobs.batch``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


_RBAC = "rbac.authorization.k8s.io"
BUILT_IN = (
    Kind("", "v1", "namespaces", "Namespace", namespaced=False, status=True),
    Kind("", "v1", "nodes", "Node", namespaced=False, status=True),
    Kind("", "v1", "pods", "Pod", status=True, subresources=("log",)),
    Kind("", "v1", "configmaps", "ConfigMap"),
    Kind("", "v1", "secrets", "Secret"),
    Kind("", "v1", "serviceaccounts", "ServiceAccount"),
    Kind("", "v1", "events", "Event"),
    Kind("apps", "v1", "daemonsets", "DaemonSet", status=True),
    Kind("apps", "v1", "deployments", "Deployment", status=True),
    Kind("apps", "v1", "statefulsets", "StatefulSet", status=True),
    Kind("batch", "v1", "jobs", "Job", status=True),
    Kind("batch", "v1", "cronjobs", "CronJob", status=True),
    Kind(_RBAC, "v1", "roles", "Role"),
    Kind(_RBAC, "v1", "rolebindings", "RoleBinding"),
    Kind(_RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False),
    Kind(_RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    Kind("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", namespaced=False),
    Kind("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition",
         namespaced=False, status=True),
    Kind("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview",
         namespaced=False, verbs=("create",)),
)  # fmt: skip
_DRA = "resource.k8s.io"
_GATEWAY = "gateway.networking.k8s.io"
ACCELERATED = (
    Kind("", "v1", "services", "Service", status=True, subresources=("proxy",)),
    Kind("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", status=True),
    Kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"),
    Kind("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations",
         "ValidatingWebhookConfiguration", namespaced=False),
    *(
        kind
        for version in ("v1", "v1beta1")
        for kind in (
            Kind(_DRA, version, "resourceclaims", "ResourceClaim", status=True),
            Kind(_DRA, version, "resourceslices", "ResourceSlice", namespaced=False),
            Kind(_DRA, version, "deviceclasses", "DeviceClass", namespaced=False),
        )
    ),
    Kind("nvidia.com", "v1", "clusterpolicies", "ClusterPolicy", namespaced=False, custom=True),
    Kind("nvidia.com", "v1alpha1", "dynamographdeployments", "DynamoGraphDeployment", custom=True),
    Kind("nvidia.com", "v1alpha1", "dynamocomponentdeployments", "DynamoComponentDeployment",
         custom=True),
    Kind("karpenter.sh", "v1", "nodepools", "NodePool", namespaced=False, custom=True),
    Kind("scheduling.run.ai", "v2", "queues", "Queue", namespaced=False, custom=True),
    Kind("scheduling.run.ai", "v2alpha2", "podgroups", "PodGroup", custom=True),
    Kind(_GATEWAY, "v1", "gatewayclasses", "GatewayClass", namespaced=False, custom=True),
    Kind(_GATEWAY, "v1", "gateways", "Gateway", custom=True),
    Kind(_GATEWAY, "v1", "httproutes", "HTTPRoute", custom=True),
    Kind("inference.networking.x-k8s.io", "v1alpha2", "inferencepools", "InferencePool", custom=True),
    Kind("trainer.kubeflow.org", "v1alpha1", "trainjobs", "TrainJob", custom=True),
    Kind("trainer.kubeflow.org", "v1alpha1", "trainingruntimes", "TrainingRuntime", custom=True),
    Kind("networking.gke.io", "v1", "networks", "Network", namespaced=False, custom=True),
)  # fmt: skip
"""What clusters for accelerated workloads serve besides: serve them with ``FakeCluster.serve``."""
