"""The client where things go wrong: emulated cluster only."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from aicr_kube.client import Cluster
from aicr_kube.failures import KubeError
from emulated_cluster import FakeCluster, Kind, Rule, node, write_kubeconfig

from aicr_core.api import Code

if TYPE_CHECKING:
    import pathlib

NODES = "/api/v1/nodes"


@pytest.mark.parametrize(
    ("status", "code", "exit_status"),
    [
        (401, Code.UNAUTHORIZED, 4), (403, Code.UNAUTHORIZED, 4), (404, Code.NOT_FOUND, 3),
        (408, Code.TIMEOUT, 5), (409, Code.INVALID_REQUEST, 2), (429, Code.RATE_LIMIT_EXCEEDED, 7),
        (500, Code.INTERNAL, 8), (503, Code.SERVICE_UNAVAILABLE, 6), (504, Code.TIMEOUT, 5),
    ],
)  # fmt: skip
def test_statuses_become_codes(
    fake_cluster: FakeCluster, client: Cluster, status: int, code: Code, exit_status: int
) -> None:
    fake_cluster.faults.add("GET", NODES, status=status, message="as injected")
    with pytest.raises(KubeError) as failed:
        list(client.list(NODES))
    error = failed.value
    assert (error.code, error.exit_status, error.status) == (code, exit_status, status)
    assert (error.where, error.message) == (NODES, "as injected")


def test_a_missing_right_is_named(fake_cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    token = fake_cluster.user("reader", [Rule(("list",), ("",), ("pods",), namespace="a")])
    with Cluster.open(fake_cluster.kubeconfig(tmp_path / "k", token), timeout=5.0) as reader:
        assert list(reader.list("/api/v1/namespaces/a/pods")) == []
        with pytest.raises(KubeError) as all_pods:
            list(reader.list("/api/v1/pods"))
        assert 'User "reader" cannot list resource "pods"' in all_pods.value.message
        assert all_pods.value.hint == 'ask for the right "list" on pods (cluster-wide)'
        with pytest.raises(KubeError) as jobs:
            reader.create("/apis/batch/v1/namespaces/a/jobs", {"metadata": {"name": "x"}})
        assert jobs.value.hint == 'ask for the right "create" on jobs.batch in namespace a'
        assert reader.can_i("list", "", "pods", "a")
        assert not reader.can_i("list", "", "pods")
        assert not reader.can_i("get", "", "pods", "a", subresource="log")


def test_an_unknown_token_is_refused(fake_cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    with (
        Cluster.open(fake_cluster.kubeconfig(tmp_path / "k", "wrong"), timeout=5.0) as stranger,
        pytest.raises(KubeError) as refused,
    ):
        stranger.version()
    assert refused.value.code is Code.UNAUTHORIZED
    assert "log in" in (refused.value.hint or "")


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_waited_for(
    fake_cluster: FakeCluster, client: Cluster, status: int
) -> None:
    fake_cluster.faults.add("GET", "/version", status=status, retry_after="0.05", times=2)
    assert client.version()["major"] == "1"
    assert fake_cluster.asked() == ["GET /version"] * 3


def test_a_busy_server_is_not_waited_for_past_the_deadline(
    fake_cluster: FakeCluster, client: Cluster
) -> None:
    fake_cluster.faults.add("GET", "/version", status=429, retry_after="3600")
    with pytest.raises(KubeError) as failed:
        client.version()
    assert failed.value.code is Code.RATE_LIMIT_EXCEEDED
    assert fake_cluster.asked() == ["GET /version"]


def test_a_silent_server_is_a_timeout(fake_cluster: FakeCluster, client: Cluster) -> None:
    fake_cluster.faults.add("GET", "/version", delay=600)
    with pytest.raises(KubeError) as failed:
        client.within(0.2).version()
    assert (failed.value.code, failed.value.reason) == (Code.TIMEOUT, "Timeout")
    with pytest.raises(KubeError) as spent:
        client.within(0.0).version()
    assert spent.value.code is Code.TIMEOUT


def test_a_dripping_server_is_a_timeout_too(tmp_path: pathlib.Path) -> None:
    """Each byte comes in time, all together do not: the deadline is for the whole answer."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while not stop.wait(0.02):
                    try:
                        connection.sendall(b" ")
                    except OSError:
                        return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        path = write_kubeconfig(tmp_path / "k", f"http://127.0.0.1:{server.getsockname()[1]}")
        with Cluster.open(path) as client, pytest.raises(KubeError) as failed:
            client.within(0.3).version()
        stop.set()
        thread.join()
    assert failed.value.code is Code.TIMEOUT


@pytest.mark.parametrize("server", ["http://127.0.0.1:1", "http://no-such-host.invalid:80"])
def test_a_server_that_is_not_there(tmp_path: pathlib.Path, server: str) -> None:
    with (
        Cluster.open(write_kubeconfig(tmp_path / "k", server), timeout=20.0) as client,
        pytest.raises(KubeError) as failed,
    ):
        client.version()
    assert (failed.value.code, failed.value.reason) == (Code.SERVICE_UNAVAILABLE, "Unreachable")
    assert server in failed.value.message


def test_a_server_that_speaks_no_tls(fake_cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    address = fake_cluster.server.url.replace("http:", "https:")
    with (
        Cluster.open(write_kubeconfig(tmp_path / "k", address), timeout=5.0) as client,
        pytest.raises(KubeError) as failed,
    ):
        client.version()
    assert failed.value.code is Code.SERVICE_UNAVAILABLE


@pytest.mark.parametrize("server", ["nonsense", "", "ftp://x"])
def test_an_address_that_is_none(tmp_path: pathlib.Path, server: str) -> None:
    path = write_kubeconfig(tmp_path / "k", f'"{server}"')
    with pytest.raises(KubeError) as failed:
        Cluster.open(path, timeout=5.0)
    assert (failed.value.code, failed.value.where) == (Code.INVALID_REQUEST, path)


@pytest.mark.parametrize("body", [b"<html>log in</html>", b"[]", b"", b"[" * 100_000])
def test_an_answer_that_is_no_object(
    fake_cluster: FakeCluster, client: Cluster, body: bytes
) -> None:
    fake_cluster.faults.add("GET", "/version", body=body)
    with pytest.raises(KubeError) as failed:
        client.version()
    assert failed.value.reason == "NoJSON"


def test_a_dead_idle_connection_is_replaced_once(
    fake_cluster: FakeCluster, client: Cluster
) -> None:
    client.version()
    fault = fake_cluster.faults.add("GET", "/version", cut="before", times=1)
    assert client.version()["major"] == "1"
    assert fault.seen == 2
    fake_cluster.faults.add("POST", ".*", cut="before")
    with pytest.raises(KubeError) as failed:
        client.create("/api/v1/namespaces", {"metadata": {"name": "x"}})
    assert failed.value.reason == "Cut"
    # A request that changes something is never sent twice.
    assert fake_cluster.asked("POST") == ["POST /api/v1/namespaces"]


def test_a_list_whose_place_was_forgotten_starts_again(
    fake_cluster: FakeCluster, client: Cluster
) -> None:
    for number in range(5):
        fake_cluster.add(node(f"n{number}"))
    found = client.list(NODES, limit=2)
    names = [next(found)["metadata"]["name"], next(found)["metadata"]["name"]]
    fake_cluster.objects.compact()
    names += [item["metadata"]["name"] for item in found]
    assert names == ["n0", "n1", "n2", "n3", "n4"]
    last = fake_cluster.requests[-1].query
    assert "limit" not in last
    assert "continue" not in last


def test_a_list_that_is_forgotten_twice_is_an_error(
    fake_cluster: FakeCluster, client: Cluster
) -> None:
    fake_cluster.faults.add("GET", NODES, status=410)
    with pytest.raises(KubeError) as failed:
        list(client.list(NODES))
    assert failed.value.status == 410
    assert len(fake_cluster.requests) == 2


def test_a_watch_from_too_old_a_version(fake_cluster: FakeCluster, client: Cluster) -> None:
    version = fake_cluster.objects.version
    fake_cluster.objects.compact()
    with pytest.raises(KubeError) as failed:
        list(client.watch(NODES, resource_version=str(version), timeout=1.0))
    assert (failed.value.status, failed.value.reason) == (410, "Expired")


def test_a_watch_that_is_cut(fake_cluster: FakeCluster, client: Cluster) -> None:
    fake_cluster.add(node("n1"))
    fake_cluster.add(node("n2"))
    fake_cluster.faults.add("GET", NODES, cut=1)
    events = client.watch(NODES, timeout=5.0)
    assert next(events)["object"]["metadata"]["name"] == "n1"
    with pytest.raises(KubeError) as failed:
        next(events)
    assert failed.value.reason == "Cut"


def test_a_log_is_followed_to_its_end(fake_cluster: FakeCluster, client: Cluster) -> None:
    fake_cluster.add(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
         "spec": {"containers": [{"name": "c", "image": "i"}]}}
    )  # fmt: skip
    with pytest.raises(KubeError) as early:
        list(client.logs("default", "p"))
    assert "waiting to start" in early.value.message
    log = fake_cluster.log("default", "p", "c")
    log.write("first")
    lines = client.logs("default", "p", container="c", follow=True)
    assert next(lines) == "first"
    log.write("söcond")
    log.write("x" * 3_000_000)
    log.close()
    rest = list(lines)
    assert rest[0] == "söcond"
    # A line without end comes in pieces: it must not fill the memory.
    assert max(map(len, rest)) <= 1 << 20
    assert sum(map(len, rest[1:])) == 3_000_000


def test_at_most_eight_requests_at_once(fake_cluster: FakeCluster, client: Cluster) -> None:
    fake_cluster.faults.add("GET", "/version", delay=0.1)
    running = 0
    most = 0
    lock = threading.Lock()
    original = fake_cluster.server.api.answer
    gate = fake_cluster.faults.hit

    def counted(method: str, path: str, query: str) -> object:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        return gate(method, path, query)

    def done(asked: object) -> object:
        nonlocal running
        with lock:
            running -= 1
        return original(asked)  # type: ignore[arg-type]

    fake_cluster.faults.hit = counted  # type: ignore[method-assign, assignment]
    fake_cluster.server.api.answer = done  # type: ignore[method-assign, assignment]
    threads = [threading.Thread(target=client.version) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= 8


def test_streams_do_not_keep_requests_waiting(fake_cluster: FakeCluster, client: Cluster) -> None:
    fake_cluster.add(node("n1"))
    watches = [client.watch(NODES, timeout=5.0) for _ in range(12)]
    for watch in watches:
        next(watch)
    assert client.version()["major"] == "1"
    for watch in watches:
        watch.close()  # type: ignore[attr-defined]


def test_discovery_without_the_aggregated_form(fake_cluster: FakeCluster, client: Cluster) -> None:
    fake_cluster.serve(
        Kind("z.example", "v2", "things", "Thing", custom=True),
        Kind("z.example", "v1", "things", "Thing", custom=True),
        Kind("z.example", "v1", "olds", "Old", custom=True),
    )
    aggregated = client.discover()
    fake_cluster.aggregated = False
    listed = client.discover()
    assert listed == aggregated
    assert [(r.version, r.name) for r in listed.of_kind("Thing")] == [("v2", "things")]
    # A kind that the preferred version lacks is found in another.
    assert [(r.version, r.name) for r in listed.of_kind("Old")] == [("v1", "olds")]
    fake_cluster.faults.add("GET", "/apis/z.example/v2", status=503)
    partial = client.discover()
    assert list(partial.failures) == ["/apis/z.example/v2"]
    assert [(r.version, r.name) for r in partial.of_kind("Thing")] == [("v1", "things")]


def test_a_thread_in_the_way_does_not_outlive_the_deadline(
    fake_cluster: FakeCluster, client: Cluster
) -> None:
    """Slots taken by slow requests: who waits for one waits no longer than its own deadline."""
    fake_cluster.faults.add("GET", "/version", delay=600)
    slow = client.within(2.0)

    def ask() -> None:
        with pytest.raises(KubeError):
            slow.version()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    while len(fake_cluster.requests) < 8:
        time.sleep(0.01)
    with pytest.raises(KubeError) as failed:
        client.within(0.1).get(NODES)
    assert failed.value.code is Code.TIMEOUT
    for thread in threads:
        thread.join()


def test_a_kind_that_is_installed_meanwhile_is_seen(
    fake_cluster: FakeCluster, client: Cluster
) -> None:
    """What is known is asked for once, whatever else is asked; what is missing is asked for again."""
    api = "widgets.example/v1"
    fake_cluster.serve(Kind("widgets.example", "v1", "widgets", "Widget", custom=True))
    fake_cluster.requests.clear()
    assert client.resource_of(api, "Widget") == ("widgets", True)
    assert client.serves(api, "widgets")
    assert fake_cluster.asked() == ["GET /apis/widgets.example/v1"]
    with pytest.raises(KubeError) as missing:
        client.resource_of(api, "Gadget")
    assert missing.value.code is Code.NOT_FOUND
    assert not client.serves(api, "gadgets")
    fake_cluster.serve(Kind("widgets.example", "v1", "gadgets", "Gadget", namespaced=False))
    assert client.resource_of(api, "Gadget") == ("gadgets", False)
    fake_cluster.serve(Kind("widgets.example", "v1", "gears", "Gear"))
    assert client.within(5.0).serves(api, "gears")


def test_a_miss_at_the_first_look_is_no_reason_for_a_second(
    fake_cluster: FakeCluster, client: Cluster
) -> None:
    fake_cluster.requests.clear()
    with pytest.raises(KubeError):
        client.resource_of("apps/v1", "Gadget")
    assert fake_cluster.asked() == ["GET /apis/apps/v1"]
