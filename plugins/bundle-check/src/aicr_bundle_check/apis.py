"""API versions that the target's Kubernetes does not serve, or will not serve for long.

The data are facts of the public guide to deprecated APIs, Kubernetes 1.16 to 1.32, and of the API types' own marks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aicr_bundle_check.objects import finding, title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_core.api import BundleObject, BundleView, Context, Finding


class Removal(NamedTuple):
    """When kinds of an API version were deprecated, when they went, and what to write instead (empty: nothing)."""

    kinds: tuple[str, ...]
    deprecated: tuple[int, int]
    removed: tuple[int, int]
    instead: str


def _removal(kinds: str, deprecated: str, removed: str, instead: str) -> Removal:
    return Removal(tuple(kinds.split()), minor(deprecated), minor(removed), instead)


def minor(version: str) -> tuple[int, int]:
    """Give major and minor of ``1.33`` or ``1.33.2``."""
    parts = version.split(".")
    return int(parts[0]), int(parts[1])


_HOOKS = "MutatingWebhookConfiguration ValidatingWebhookConfiguration"
_RBAC = "ClusterRole ClusterRoleBinding Role RoleBinding"
_FLOW = "FlowSchema PriorityLevelConfiguration"
_REVIEWS = "LocalSubjectAccessReview SelfSubjectAccessReview SubjectAccessReview"
TABLE: dict[str, tuple[Removal, ...]] = {
    "extensions/v1beta1": (
        _removal("DaemonSet Deployment ReplicaSet", "1.8", "1.16", "apps/v1"),
        _removal("NetworkPolicy", "1.9", "1.16", "networking.k8s.io/v1"),
        _removal("PodSecurityPolicy", "1.11", "1.16", ""),
        _removal("Ingress", "1.14", "1.22", "networking.k8s.io/v1"),
    ),
    "apps/v1beta1": (_removal("Deployment ReplicaSet StatefulSet", "1.9", "1.16", "apps/v1"),),
    "apps/v1beta2": (
        _removal("DaemonSet Deployment ReplicaSet StatefulSet", "1.9", "1.16", "apps/v1"),
    ),
    "admissionregistration.k8s.io/v1beta1": (
        _removal(_HOOKS, "1.19", "1.22", "admissionregistration.k8s.io/v1"),
    ),
    "apiextensions.k8s.io/v1beta1": (
        _removal("CustomResourceDefinition", "1.16", "1.22", "apiextensions.k8s.io/v1"),
    ),
    "apiregistration.k8s.io/v1beta1": (
        _removal("APIService", "1.19", "1.22", "apiregistration.k8s.io/v1"),
    ),
    "authentication.k8s.io/v1beta1": (
        _removal("TokenReview", "1.19", "1.22", "authentication.k8s.io/v1"),
    ),
    "authorization.k8s.io/v1beta1": (
        _removal(_REVIEWS, "1.19", "1.22", "authorization.k8s.io/v1"),
    ),
    "certificates.k8s.io/v1beta1": (
        _removal("CertificateSigningRequest", "1.19", "1.22", "certificates.k8s.io/v1"),
    ),
    "coordination.k8s.io/v1beta1": (_removal("Lease", "1.19", "1.22", "coordination.k8s.io/v1"),),
    "networking.k8s.io/v1beta1": (
        _removal("Ingress IngressClass", "1.19", "1.22", "networking.k8s.io/v1"),
    ),
    "rbac.authorization.k8s.io/v1beta1": (
        _removal(_RBAC, "1.17", "1.22", "rbac.authorization.k8s.io/v1"),
    ),
    "rbac.authorization.k8s.io/v1alpha1": (
        _removal(_RBAC, "1.17", "1.22", "rbac.authorization.k8s.io/v1"),
    ),
    "scheduling.k8s.io/v1beta1": (
        _removal("PriorityClass", "1.14", "1.22", "scheduling.k8s.io/v1"),
    ),
    "storage.k8s.io/v1beta1": (
        _removal("CSIDriver CSINode StorageClass VolumeAttachment", "1.19", "1.22", "storage.k8s.io/v1"),
        _removal("CSIStorageCapacity", "1.24", "1.27", "storage.k8s.io/v1"),
    ),
    "batch/v1beta1": (_removal("CronJob", "1.21", "1.25", "batch/v1"),),
    "discovery.k8s.io/v1beta1": (
        _removal("EndpointSlice", "1.21", "1.25", "discovery.k8s.io/v1"),
    ),
    "events.k8s.io/v1beta1": (_removal("Event", "1.22", "1.25", "events.k8s.io/v1"),),
    "node.k8s.io/v1beta1": (_removal("RuntimeClass", "1.22", "1.25", "node.k8s.io/v1"),),
    "policy/v1beta1": (
        _removal("PodDisruptionBudget", "1.21", "1.25", "policy/v1"),
        _removal("PodSecurityPolicy", "1.21", "1.25", ""),
    ),
    "autoscaling/v2beta1": (
        _removal("HorizontalPodAutoscaler", "1.22", "1.25", "autoscaling/v2"),
    ),
    "autoscaling/v2beta2": (
        _removal("HorizontalPodAutoscaler", "1.23", "1.26", "autoscaling/v2"),
    ),
    "flowcontrol.apiserver.k8s.io/v1beta1": (
        _removal(_FLOW, "1.23", "1.26", "flowcontrol.apiserver.k8s.io/v1"),
    ),
    "flowcontrol.apiserver.k8s.io/v1beta2": (
        _removal(_FLOW, "1.26", "1.29", "flowcontrol.apiserver.k8s.io/v1"),
    ),
    "flowcontrol.apiserver.k8s.io/v1beta3": (
        _removal(_FLOW, "1.29", "1.32", "flowcontrol.apiserver.k8s.io/v1"),
    ),
}  # fmt: skip


def check(_ctx: Context, view: BundleView) -> Iterator[Finding]:
    """Find objects of API versions that are gone, or going, in the target's version."""
    target = minor(view.kubernetes) if view.kubernetes else None
    for item in view.objects:
        version = str(item.document.get("apiVersion"))
        for entry in TABLE.get(version, ()):
            if item.kind in entry.kinds and target is not None:
                yield from _judge(item, version, entry, target)


def _judge(
    item: BundleObject, version: str, entry: Removal, target: tuple[int, int]
) -> Iterator[Finding]:
    hint = f"write {entry.instead}" if entry.instead else "there is nothing that takes its place"
    what = f"{title(item)} is of {version}"
    if target >= entry.removed:
        text = f"{what}, which Kubernetes serves no more from {_text(entry.removed)} on"
        yield finding(item, "AB201", "error", text, hint=hint, path="apiVersion")
    elif target >= entry.deprecated:
        text = f"{what}, which is deprecated and goes with {_text(entry.removed)}"
        yield finding(item, "AB202", "warning", text, hint=hint, path="apiVersion")


def _text(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
