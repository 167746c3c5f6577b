"""An emulated Kubernetes API server for tests: real HTTP, real semantics, nothing of our own patched.

It serves what this project asks for: objects of a table of kinds (and custom ones), resourceVersions, selectors,
paging, watches, patches, server-side apply, logs, discovery, access reviews, RBAC, and faults on demand.
``controllers`` plays scheduler, kubelet and the workload controllers. Not emulated: aggregated API servers,
webhooks, quotas, pod networking.
"""

from __future__ import annotations

from fake_cluster.api import Asked
from fake_cluster.cluster import FakeCluster, write_kubeconfig
from fake_cluster.controllers import Controllers
from fake_cluster.faults import Fault
from fake_cluster.kinds import Kind
from fake_cluster.kubelet import Exit, Fate
from fake_cluster.logs import Log
from fake_cluster.rbac import ADMIN, Rule
from fake_cluster.refused import Refused
from fake_cluster.scheduling import node

__all__ = [
    "ADMIN",
    "Asked",
    "Controllers",
    "Exit",
    "FakeCluster",
    "Fate",
    "Fault",
    "Kind",
    "Log",
    "Refused",
    "Rule",
    "node",
    "write_kubeconfig",
]
