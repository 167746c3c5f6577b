"""What lints share: pods in objects of every kind, namespaces, where something stands. No rule of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aicr_core.api import BundleObject, BundleView

# Kinds of Kubernetes' own API groups that belong to no namespace.
CLUSTER_KINDS = frozenset(
    {
        "APIService", "CertificateSigningRequest", "ClusterRole", "ClusterRoleBinding", "ClusterTrustBundle",
        "CSIDriver", "CSINode", "CustomResourceDefinition", "DeviceClass", "FlowSchema", "IngressClass",
        "MutatingWebhookConfiguration", "Namespace", "Node", "PersistentVolume", "PodSecurityPolicy",
        "PriorityClass", "PriorityLevelConfiguration", "ResourceSlice", "RuntimeClass", "StorageClass",
        "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
        "VolumeAttachment", "VolumeAttributesClass",
    }
)  # fmt: skip
_TEMPLATES = {
    "Deployment": "spec.template", "DaemonSet": "spec.template", "StatefulSet": "spec.template",
    "ReplicaSet": "spec.template", "ReplicationController": "spec.template", "Job": "spec.template",
    "CronJob": "spec.jobTemplate.spec.template", "PodTemplate": "template", "Pod": "",
}  # fmt: skip
_OWN_GROUPS = ("", "apps", "batch", "extensions")


class Pods(NamedTuple):
    """The pods of an object: their metadata and spec, and the path of the spec in the document."""

    metadata: Mapping[str, Any]
    spec: Mapping[str, Any]
    path: str


def pods_of(item: BundleObject) -> Pods | None:
    """Give the pods that an object of Kubernetes' own kinds makes, None for any other."""
    at = _TEMPLATES.get(item.kind)
    if at is None or item.group not in _OWN_GROUPS:
        return None
    found: Any = item.document
    for part in at.split(".") if at else ():
        found = mapping(found).get(part)
    spec = mapping(mapping(found).get("spec"))
    return Pods(mapping(mapping(found).get("metadata")), spec, f"{at}.spec" if at else "spec")


def mapping(value: Any) -> Mapping[str, Any]:
    """Give ``value`` if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def entries(value: Any) -> list[tuple[int, Mapping[str, Any]]]:
    """Give the mappings of a list with their positions."""
    found = value if isinstance(value, list) else []
    return [(number, item) for number, item in enumerate(found) if isinstance(item, dict)]


def texts(value: Any) -> list[str]:
    """Give the items of a list as texts; none for what is no list."""
    return [str(item) for item in value] if isinstance(value, list) else []


def containers(pods: Pods) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give the containers of pods with their paths."""
    for key in ("initContainers", "containers", "ephemeralContainers"):
        for number, item in entries(pods.spec.get(key)):
            yield f"{pods.path}.{key}[{number}]", item


def namespace_of(view: BundleView, item: BundleObject) -> str:
    """Give the namespace that an object is made in: its own, else its release's; empty if it has none."""
    if item.kind in CLUSTER_KINDS:
        return ""
    own = item.metadata.get("namespace")
    if own:
        return str(own)
    release = next((r for r in view.releases if r.name == item.component), None)
    return release.namespace if release is not None else ""


def is_hook(item: BundleObject) -> bool:
    """Tell whether an object is a hook of a Helm chart."""
    return "helm.sh/hook" in mapping(item.metadata.get("annotations"))


def line_of(item: BundleObject, path: str = "") -> int:
    """Give the line of a value, or the nearest above it that is known, else the object's."""
    while path:
        if path in item.places:
            return item.places[path]
        path = path.rpartition(".")[0] if not path.endswith("]") else path.rpartition("[")[0]
    return item.line


def title(item: BundleObject) -> str:
    """Give ``Kind name`` for messages."""
    return f"{item.kind} {item.name or '(without a name)'}"


def finding(
    item: BundleObject, rule: str, severity: str, message: str, *, hint: str = "", path: str = ""
) -> Finding:
    """Make a finding about an object, at the line of ``path`` in it."""
    return Finding(
        rule=rule, severity=severity, message=message, hint=hint,
        component=item.component, path=item.path, line=line_of(item, path),
    )  # fmt: skip
