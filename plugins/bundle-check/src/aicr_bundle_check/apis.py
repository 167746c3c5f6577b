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


# API version, kinds, deprecated in, no longer served from, what to write instead: of the same group, if it names none.
_ROWS = """\
extensions/v1beta1 DaemonSet,Deployment,ReplicaSet 1.8 1.16 apps/v1
extensions/v1beta1 NetworkPolicy 1.9 1.16 networking.k8s.io/v1
extensions/v1beta1 PodSecurityPolicy 1.11 1.16 -
extensions/v1beta1 Ingress 1.14 1.22 networking.k8s.io/v1
apps/v1beta1 Deployment,ReplicaSet,StatefulSet 1.9 1.16 v1
apps/v1beta2 DaemonSet,Deployment,ReplicaSet,StatefulSet 1.9 1.16 v1
admissionregistration.k8s.io/v1beta1 MutatingWebhookConfiguration,ValidatingWebhookConfiguration 1.19 1.22 v1
apiextensions.k8s.io/v1beta1 CustomResourceDefinition 1.16 1.22 v1
apiregistration.k8s.io/v1beta1 APIService 1.19 1.22 v1
authentication.k8s.io/v1beta1 TokenReview 1.19 1.22 v1
authorization.k8s.io/v1beta1 LocalSubjectAccessReview,SelfSubjectAccessReview,SubjectAccessReview 1.19 1.22 v1
certificates.k8s.io/v1beta1 CertificateSigningRequest 1.19 1.22 v1
coordination.k8s.io/v1beta1 Lease 1.19 1.22 v1
networking.k8s.io/v1beta1 Ingress,IngressClass 1.19 1.22 v1
rbac.authorization.k8s.io/v1beta1 ClusterRole,ClusterRoleBinding,Role,RoleBinding 1.17 1.22 v1
rbac.authorization.k8s.io/v1alpha1 ClusterRole,ClusterRoleBinding,Role,RoleBinding 1.17 1.22 v1
scheduling.k8s.io/v1beta1 PriorityClass 1.14 1.22 v1
storage.k8s.io/v1beta1 CSIDriver,CSINode,StorageClass,VolumeAttachment 1.19 1.22 v1
storage.k8s.io/v1beta1 CSIStorageCapacity 1.24 1.27 v1
batch/v1beta1 CronJob 1.21 1.25 v1
discovery.k8s.io/v1beta1 EndpointSlice 1.21 1.25 v1
events.k8s.io/v1beta1 Event 1.22 1.25 v1
node.k8s.io/v1beta1 RuntimeClass 1.22 1.25 v1
policy/v1beta1 PodDisruptionBudget 1.21 1.25 v1
policy/v1beta1 PodSecurityPolicy 1.21 1.25 -
autoscaling/v2beta1 HorizontalPodAutoscaler 1.22 1.25 v2
autoscaling/v2beta2 HorizontalPodAutoscaler 1.23 1.26 v2
flowcontrol.apiserver.k8s.io/v1beta1 FlowSchema,PriorityLevelConfiguration 1.23 1.26 v1
flowcontrol.apiserver.k8s.io/v1beta2 FlowSchema,PriorityLevelConfiguration 1.26 1.29 v1
flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema,PriorityLevelConfiguration 1.29 1.32 v1
"""


def minor(version: str) -> tuple[int, int]:
    """Give major and minor of ``1.33`` or ``1.33.2``."""
    parts = version.split(".")
    return int(parts[0]), int(parts[1])


def _table() -> dict[str, list[Removal]]:
    found: dict[str, list[Removal]] = {}
    for row in _ROWS.splitlines():
        version, kinds, deprecated, removed, instead = row.split()
        if "/" not in instead:
            instead = "" if instead == "-" else f"{version.rpartition('/')[0]}/{instead}"
        entry = Removal(tuple(kinds.split(",")), minor(deprecated), minor(removed), instead)
        found.setdefault(version, []).append(entry)
    return found


TABLE = _table()


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
