"""What checks share within a phase, and how they wait: one check's bad luck is not another's."""

from __future__ import annotations

import pathlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from emulated_cluster import FakeCluster
from emulated_cluster.fixtures import fake_cluster, fake_kubeconfig

from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.run import Context
from aicr_core.model.reads import Reads
from aicr_core.model.target import Target

__all__ = ["fake_cluster", "fake_kubeconfig"]
_PODS = "/api/v1/namespaces/n/pods"


def _target(
    client: Any, reads: Reads, *, timeout: float = 30.0, stop: threading.Event | None = None
) -> Target:
    ctx = Context(timeout=timeout, cancelled=stop)
    return Target(
        ctx,
        client.within(ctx.remaining),
        recipe={},
        snapshot={},
        namespace="val",
        run="r",
        reads=reads,
    )


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    with FakeCluster() as cluster:
        cluster.add(
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"}}
        )
        yield cluster


@pytest.fixture
def client(fake: FakeCluster, tmp_path: pathlib.Path) -> Iterator[Any]:
    from aicr_kube.client import Cluster

    with Cluster.open(fake.kubeconfig(tmp_path / "kubeconfig")) as cluster:
        yield cluster


def test_an_answer_is_asked_for_once(fake: FakeCluster, client: Any) -> None:
    reads = Reads()
    for target in (_target(client, reads), _target(client, reads)):
        assert target.get("v1", "pods", "p", "n")["metadata"]["name"] == "p"
        assert len(target.list("v1", "pods", "n")) == 1
    assert sorted(fake.asked()) == [f"GET {_PODS}", f"GET {_PODS}/p"]


@pytest.mark.parametrize(("status", "code"), [(404, Code.NOT_FOUND), (403, Code.UNAUTHORIZED)])
def test_a_refusal_is_asked_for_once(
    fake: FakeCluster, client: Any, status: int, code: Code
) -> None:
    fake.faults.add("GET", f"{_PODS}/x", status=status)
    reads = Reads()
    for target in (_target(client, reads), _target(client, reads)):
        with pytest.raises(AicrError) as caught:
            target.get("v1", "pods", "x", "n")
        assert caught.value.code is code
    assert fake.asked() == [f"GET {_PODS}/x"]


def test_the_time_of_one_check_is_not_that_of_another(fake: FakeCluster, client: Any) -> None:
    fake.faults.add("GET", _PODS, delay=1.5, times=1)
    reads = Reads()
    with pytest.raises(AicrError) as caught:
        _target(client, reads, timeout=0.2).list("v1", "pods", "n")
    assert caught.value.code is Code.TIMEOUT
    assert len(_target(client, reads).list("v1", "pods", "n")) == 1


@pytest.mark.parametrize("status", [503, 429])
def test_a_busy_server_is_asked_again(fake: FakeCluster, client: Any, status: int) -> None:
    fake.faults.add("GET", _PODS, status=status, times=1)
    reads = Reads()
    with pytest.raises(AicrError):
        _target(client, reads).list("v1", "pods", "n")
    assert len(_target(client, reads).list("v1", "pods", "n")) == 1


def test_nobody_waits_longer_than_its_time_for_another(fake: FakeCluster, client: Any) -> None:
    fake.faults.add("GET", _PODS, delay=3.0, times=1)
    reads = Reads()
    found: list[Any] = []
    patient = threading.Thread(
        target=lambda: found.append(_target(client, reads).list("v1", "pods", "n")), daemon=True
    )
    patient.start()
    while not fake.asked():
        time.sleep(0.01)
    started = time.monotonic()
    with pytest.raises(AicrError, match="within the time of the check") as caught:
        _target(client, reads, timeout=0.2).list("v1", "pods", "n")
    assert caught.value.code is Code.TIMEOUT
    assert time.monotonic() - started < 2.0
    patient.join()
    assert len(found[0]) == 1
    assert len(fake.asked()) == 1


def test_a_crash_leaves_nothing_locked() -> None:
    reads = Reads()
    with pytest.raises(ZeroDivisionError):
        reads.once(("k",), lambda: 1 / 0)
    assert reads.once(("k",), lambda: 7, lambda: 1.0) == 7


def test_lists_are_shared_by_the_function_that_keeps(client: Any) -> None:
    target = _target(client, Reads())
    names = target.list("v1", "pods", "n", keep=lambda pod: pod["metadata"]["name"])
    kinds = target.list("v1", "pods", "n", keep=lambda pod: len(pod["metadata"]["name"]))
    assert (names, kinds) == (["p"], [1])


def test_a_wait_ends_with_the_run(client: Any) -> None:
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    started = time.monotonic()
    with pytest.raises(AicrError) as caught:
        _target(client, Reads(), stop=stop).wait(20.0, 10.0, lambda: None)
    assert caught.value.code is Code.TIMEOUT
    assert time.monotonic() - started < 5.0


def test_a_wait_gives_the_answer_or_nothing(client: Any) -> None:
    target = _target(client, Reads())
    answers = iter([None, None, "yes"])
    assert target.wait(10.0, 0.01, lambda: next(answers)) == "yes"
    assert target.wait(0.05, 0.01, lambda: None) is None


def test_what_is_made_carries_the_run_whatever_its_labels(fake: FakeCluster, client: Any) -> None:
    target = _target(client, Reads())
    for number, labels in enumerate((None, {"aicr.run/run-id": "another", "app": "x"})):
        body = {"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": f"c{number}", "namespace": "n", "labels": labels}}  # fmt: skip
        made = target.create("configmaps", body)
        assert made["metadata"]["labels"]["aicr.run/run-id"] == "r"


def _leaving(fake: FakeCluster, client: Any, name: str) -> str:
    """Have a namespace on its way out, held by a finalizer; give its uid."""
    fake.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "finalizers": ["x"]}})  # fmt: skip
    client.delete(f"/api/v1/namespaces/{name}")
    return str(fake.get("namespaces", "", name)["metadata"]["uid"])


def test_a_namespace_that_is_there_stays(fake: FakeCluster, client: Any) -> None:
    fake.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mine"}})
    target = _target(client, Reads())
    target.ensure_namespace("mine")
    target.ensure_namespace("ours")
    assert target.ledger.close() == ["/api/v1/namespaces/ours"]


def test_a_namespace_on_its_way_out_is_waited_for(fake: FakeCluster, client: Any) -> None:
    old = _leaving(fake, client, "dra-test")
    kind = fake.by_plural["namespaces"]

    def release() -> None:
        fake.objects.change(kind, "", "dra-test", lambda item: item["metadata"].pop("finalizers"))

    timer = threading.Timer(0.05, release)
    timer.start()
    target = _target(client, Reads())
    target.ensure_namespace("dra-test")
    timer.join()
    assert fake.get("namespaces", "", "dra-test")["metadata"]["uid"] != old
    assert target.ledger.close() == ["/api/v1/namespaces/dra-test"]


def test_a_namespace_that_does_not_go_is_named(fake: FakeCluster, client: Any) -> None:
    _leaving(fake, client, "dra-test")
    target = _target(client, Reads(), timeout=1.0)
    with pytest.raises(AicrError) as caught:
        target.ensure_namespace("dra-test")
    assert caught.value.code is Code.TIMEOUT
    assert "namespace dra-test is being deleted" in caught.value.message
    assert target.ledger.close() == []


def test_a_namespace_that_may_not_be_looked_at_is_taken_as_it_is(
    fake: FakeCluster, client: Any
) -> None:
    """Who may make namespaces may not be allowed to read them: whether it is usable, the next request will say."""
    _leaving(fake, client, "dra-test")
    fake.faults.add("GET", "/api/v1/namespaces/dra-test", status=403)
    target = _target(client, Reads())
    target.ensure_namespace("dra-test")
    assert target.ledger.close() == []
