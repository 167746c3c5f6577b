"""The Node object of the node that the snapshot is of (spec/snapshot.md 6.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import Subtype
from aicr_kube.paths import object_path

if TYPE_CHECKING:
    from aicr_kube.client import Cluster

# Which service a provider id speaks of; another scheme is the provider itself.
_PROVIDERS = {"aws": "eks", "gce": "gke", "azure": "aks", "oci": "oke", "linode": "lke"}
_INFO = {
    "kubelet-version": "kubeletVersion",
    "kernel-version": "kernelVersion",
    "operating-system": "operatingSystem",
    "os-image": "osImage",
}


def subtype(cluster: Cluster, name: str) -> Subtype:
    """Give ``node``; without a name it is skipped."""
    if not name:
        return Subtype(
            name="node", data={}, status="skipped",
            reason="it is not known which node this is; set NODE_NAME to a node's name",
        )  # fmt: skip
    node = cluster.get(object_path("", "v1", "nodes", name=name))
    data = {"source-node": name}
    provider_id = (node.get("spec") or {}).get("providerID") or ""
    if provider_id:
        data["provider-id"] = provider_id
        provider = provider_of(provider_id)
        if provider:
            data["provider"] = provider
    info = (node.get("status") or {}).get("nodeInfo") or {}
    runtime = info.get("containerRuntimeVersion") or ""
    if runtime:
        data["container-runtime-id"] = runtime
        kind, sign, version = runtime.partition("://")
        if sign:
            data["container-runtime-name"] = kind
            data["container-runtime-version"] = version
    data |= {key: info[field] for key, field in _INFO.items() if info.get(field)}
    return Subtype(name="node", data=data)


def provider_of(provider_id: str) -> str:
    """Give the provider that a ``spec.providerID`` names; empty when it names none."""
    if provider_id.strip().startswith("ocid1."):
        return "oke"
    scheme, sign, _ = provider_id.partition("://")
    scheme = scheme.strip().lower()
    return _PROVIDERS.get(scheme, scheme) if sign else ""
