"""An emulated Kubernetes API server for tests: real HTTP, real semantics, nothing of our own patched.

It serves what this project asks for: objects of a table of kinds (and custom ones), resourceVersions, selectors,
paging, watches, patches, server-side apply, logs, discovery, access reviews, RBAC, and faults on demand.
``controllers`` plays scheduler, kubelet and the workload controllers; ``reactions`` are a table of what happens when
objects appear. Answers of aggregated API servers and of services behind the proxy are given word for word. Not
emulated: webhooks, quotas, pod networking.
"""

from __future__ import annotations

from emulated_cluster.api import Asked
from emulated_cluster.cluster import FakeCluster, write_kubeconfig
from emulated_cluster.controllers import Controllers
from emulated_cluster.faults import Fault
from emulated_cluster.kinds import ACCELERATED, Kind
from emulated_cluster.kubelet import Exit, Fate
from emulated_cluster.logs import Log
from emulated_cluster.rbac import ADMIN, Rule
from emulated_cluster.refused import Refused
from emulated_cluster.scheduling import node

__all__ = [
    "ACCELERATED",
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
