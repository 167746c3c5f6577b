"""What a killed validation leaves is found by `aicr agent sweep`, and not before no run can be using it."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from aicr_kube.agent import sweep
from aicr_kube.checks.session import open_session
from aicr_kube.client import Cluster
from aicr_kube.jobs.api import Api

from aicr_core.api import RUN_NAMESPACE, CatalogEntry, Check, CheckRun, Context, Right

if TYPE_CHECKING:
    from emulated_cluster import FakeCluster

RUN = "20261125-101500-0123456789abcdef"


def _found(kubeconfig: str, hours: float) -> set[str]:
    now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=hours)
    api = Api(Cluster.open(kubeconfig))
    found = sweep.find(api, "work", sweep.HOUR, now, [].append)
    return {item.place.split("/")[-2] for item in found}


def test_a_live_run_is_left_alone(fake_cluster: FakeCluster, fake_kubeconfig: str) -> None:
    rights = (Right(verbs=("get",), resources=("pods",), namespace=RUN_NAMESPACE),)
    run = CheckRun(
        run=RUN, cluster=Cluster.open(fake_kubeconfig), namespace="work", recipe={}, snapshot={},
        rights=rights, keep=True, pace=0.001,
    )  # fmt: skip
    session = open_session(Context(), run)
    check = Check(name="c", phase="p", description="", call="x:y")
    session.run(Context(), check, CatalogEntry(name="c", phase="p", image="i", timeout=10_000.0))
    assert _found(fake_kubeconfig, 2) == set()
    assert _found(fake_kubeconfig, 4) == {"jobs"}
    assert _found(fake_kubeconfig, 25) == {"jobs", "configmaps", "serviceaccounts", "roles", "rolebindings"}  # fmt: skip
