"""Ends out of order: a run that is killed, and one that ends while a Job of it is being made."""

from __future__ import annotations

import datetime
import threading
import time
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


CHECK = Check(name="c", phase="p", description="", call="x:y")
ENTRY = CatalogEntry(name="c", phase="p", image="i", timeout=10_000.0)


def _run(kubeconfig: str, *rights: Right, keep: bool = False) -> CheckRun:
    return CheckRun(
        run=RUN, cluster=Cluster.open(kubeconfig), namespace="work", recipe={}, snapshot={},
        rights=rights, keep=keep, pace=0.001,
    )  # fmt: skip


def test_a_job_that_is_made_while_the_run_ends_is_removed(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    fake_cluster.faults.add("POST", ".*/jobs", delay=0.5)
    session = open_session(Context(), _run(fake_kubeconfig))
    items = []
    thread = threading.Thread(target=lambda: items.append(session.run(Context(), CHECK, ENTRY)))
    thread.start()
    while not any(line.endswith("/jobs") for line in fake_cluster.asked("POST")):
        time.sleep(0.01)
    assert session.close() == ()
    thread.join()
    assert fake_cluster.all("jobs") == []
    assert [item.result.reason for item in items] == ["Interrupted"]
    assert session.run(Context(), CHECK, ENTRY).result.reason == "Interrupted"
    assert fake_cluster.all("jobs") == []


def test_a_live_run_is_left_alone(fake_cluster: FakeCluster, fake_kubeconfig: str) -> None:
    right = Right(verbs=("get",), resources=("pods",), namespace=RUN_NAMESPACE)
    session = open_session(Context(), _run(fake_kubeconfig, right, keep=True))
    session.run(Context(), CHECK, ENTRY)
    assert _found(fake_kubeconfig, 2) == set()
    assert _found(fake_kubeconfig, 4) == {"jobs"}
    assert _found(fake_kubeconfig, 25) == {"jobs", "configmaps", "serviceaccounts", "roles", "rolebindings"}  # fmt: skip
