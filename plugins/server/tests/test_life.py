"""The life of a real aicrd under both HTTP servers: start, readiness, drain, signals, workers, TLS, what stops a start."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest
from aicr_server.openapi_parts import _RECIPE
from http_server import ENGINES, Aicrd, free_port, get, ready, running, started

QUIET = {"LOG_LEVEL": "warn", "AICR_RATE_LIMIT": "0"}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _wait(what: object, seconds: float = 20) -> None:
    """Wait until a function gives something true."""
    assert callable(what)
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def _half_a_bundle(port: int) -> tuple[socket.socket, bytes]:
    """Begin a bundle: the header and half of the body are sent; give the connection and the other half."""
    recipe = json.dumps(_RECIPE).encode()
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    head = f"POST /v1/bundle HTTP/1.1\r\nHost: x\r\nContent-Length: {len(recipe)}\r\n\r\n"
    connection.sendall(head.encode() + recipe[:10])
    return connection, recipe[10:]


def _rest(connection: socket.socket) -> bytes:
    found = b""
    with connection, contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            found += part
    return found


def test_a_bundle_in_flight_at_the_signal_is_answered(engine: str) -> None:
    with running(engine) as (port, process):
        connection, rest = _half_a_bundle(port)
        # Served while the other waits, so the half has arrived.
        assert get(port, "/health") == 200
        process.send_signal(signal.SIGTERM)
        _wait(lambda: ready(port) == 0)
        connection.sendall(rest)
        answer = _rest(connection)
        assert answer.startswith(b"HTTP/1.1 200 "), answer[:200]
        assert b"PK\x03\x04" in answer
        assert process.done() == 0
        said = [event["msg"] for event in process.events()]
        assert [text for text in said if text.startswith("s")] == [
            "server start", "server ready", "shutting down server", "server stopped",
        ]  # fmt: skip


def test_a_drain_that_runs_out_of_time_exits_1(engine: str) -> None:
    with running(engine, SHUTDOWN_TIMEOUT_SECONDS="1") as (port, process):
        connection, _ = _half_a_bundle(port)
        assert get(port, "/health") == 200
        before = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.done() == 1
        assert 0.9 < time.monotonic() - before < 5
        connection.close()
        assert process.events()[-1]["msg"] == "the time to shut down is over"


def test_probes_see_the_drain_and_no_request_is_dropped(engine: str) -> None:
    """Clients stop when the probe says so, as Kubernetes makes them; until then every request has its answer."""
    with running(engine, AICR_DRAIN_GRACE_SECONDS="1.5", **QUIET) as (port, process):
        left = threading.Event()
        wrong: list[object] = []
        closed: list[bool] = []
        answered = 0

        def ask() -> None:
            nonlocal answered
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            while not left.is_set():
                try:
                    connection.request("GET", "/v1/recipe?service=eks")
                    answer = connection.getresponse()
                    answer.read()
                    if answer.status != 200:
                        wrong.append(answer.status)
                    closed.append(answer.getheader("connection") == "close")
                    answered += 1
                except OSError as error:
                    wrong.append(error)
            connection.close()

        clients = [threading.Thread(target=ask) for _ in range(4)]
        for client in clients:
            client.start()
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        _wait(lambda: ready(port) == 503)
        assert get(port, "/health") == 200
        time.sleep(0.3)
        left.set()
        for client in clients:
            client.join()
        assert process.done() == 0
        assert not wrong
        assert answered > 20
        # Keep-alive ends with the drain, so clients look for another pod.
        assert closed[-1]
        assert not closed[0]


def test_sigint_is_a_drain_and_a_second_signal_ends_at_once() -> None:
    with running("uvicorn") as (_, process):
        process.send_signal(signal.SIGINT)
        assert process.done() == 0
    with running("granian", AICR_DRAIN_GRACE_SECONDS="60") as (port, process):
        process.send_signal(signal.SIGTERM)
        _wait(lambda: ready(port) == 503)
        process.send_signal(signal.SIGTERM)
        assert process.done() == 1


def test_the_process_lives_before_it_is_ready(engine: str) -> None:
    with started(engine) as (port, process):
        _wait(lambda: get(port, "/health") == 200)
        before = ready(port), get(port, "/v1/recipe")
        _wait(lambda: ready(port) == 200)
        assert get(port, "/v1/recipe") == 200
        process.send_signal(signal.SIGTERM)
        assert process.done() == 0
    assert before == (503, 503)


def test_a_signal_while_loading_is_a_clean_stop(engine: str) -> None:
    with started(engine) as (port, process):
        _wait(lambda: get(port, "/health") == 200)
        process.send_signal(signal.SIGTERM)
        assert process.done() == 0


def test_sighup_loads_anew_and_a_fault_leaves_everything_as_it_is(
    engine: str, tmp_path: pathlib.Path
) -> None:
    data = tmp_path / "data"
    (data / "overlays").mkdir(parents=True)
    overlay = data / "overlays/mine.yaml"
    (data / "registry.yaml").write_text(
        "apiVersion: aicr.nvidia.com/v1alpha1\nkind: ComponentRegistry\ncomponents: []\n"
    )

    def write(value: str) -> None:
        overlay.write_text(
            "kind: RecipeMetadata\napiVersion: aicr.nvidia.com/v1alpha1\nmetadata:\n  name: mine\nspec:\n"
            f"  base: eks\n  criteria:\n    service: eks\n  constraints:\n  - name: OS.mine\n    value: {value}\n"
        )  # fmt: skip

    def seen() -> object:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/v1/recipe?service=eks")
        recipe = json.loads(connection.getresponse().read())
        connection.close()
        return [c["value"] for c in recipe.get("constraints", ()) if c["name"] == "OS.mine"]

    write("one")
    with running(engine, AICR_DATA_DIR=str(data)) as (port, process):
        assert seen() == ["one"]
        write("two")
        process.send_signal(signal.SIGHUP)
        _wait(lambda: seen() == ["two"])
        overlay.write_text("kind: [\n")
        process.send_signal(signal.SIGHUP)
        _wait(
            lambda: any(event["msg"].startswith("cannot load anew") for event in process.events())
        )
        assert seen() == ["two"]
        assert ready(port) == 200


# --- what stops a start ---------------------------------------------------------------------------


def _fails(engine: str, port: int = 0, **env: str) -> list[str]:
    """Give the lines of a start that fails, events apart; its status is 1."""
    process = Aicrd(engine, port or free_port(), env)
    try:
        assert process.done(60) == 1
        return [line for line in process.log().splitlines() if not line.startswith("{")]
    finally:
        process.close()


def test_a_port_that_is_taken_is_one_line(engine: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line, hint = _fails(engine, port)
    assert f"127.0.0.1, port {port}: cannot listen: Address already in use" in line
    assert hint.startswith("hint: ")


def test_two_servers_never_share_a_port(engine: str) -> None:
    with running(engine) as (port, _):
        for other in ENGINES:
            assert "Address already in use" in _fails(other, port)[0]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AICR_ALLOWED_OS", "beos", "invalid AICR_ALLOWED_OS: [INVALID_REQUEST] invalid os type: beos"),
        ("AICR_BIND", "no.such.name.invalid", "cannot listen"),
        ("AICR_TOKEN_FILE", "/nowhere/tokens", "AICR_TOKEN_FILE"),
        ("AICR_DATA_DIR", "/nowhere/data", "/nowhere/data"),
        ("PORT", "70000", "PORT"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_one_line(name: str, value: str, said: str) -> None:
    line, *hint = _fails("granian", **{name: value})
    assert said in line
    assert len(hint) <= 1


def test_the_command_line() -> None:
    def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "aicr_server", *words], env={**os.environ, **env}, text=True, capture_output=True
        )  # fmt: skip

    assert run("--help").stdout.startswith("Usage: aicrd")
    assert run("--version").stdout.startswith("aicrd version ")
    assert (run("--check").returncode, run("--check").stdout) == (0, "")
    bad = run("--check", AICR_RATE_LIMIT="fast")
    assert (bad.returncode, bad.stderr.count("\n")) == (1, 1)
    unknown = run("--port", "1")
    assert (unknown.returncode, unknown.stderr.splitlines()[0]) == (
        1,
        'usage error: unknown argument "--port"',
    )


# --- workers, TLS, addresses ------------------------------------------------------------------------


def _children(pid: int) -> set[int]:
    found = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(text) for text in found}


def test_a_worker_that_dies_is_replaced_and_all_stop_together(engine: str) -> None:
    with running(engine, AICR_WORKERS="2") as (port, process):
        first = _children(process.pid)
        assert len(first) == 2
        os.kill(min(first), signal.SIGKILL)
        _wait(lambda: len(_children(process.pid)) == 2 and _children(process.pid) != first)
        assert [get(port, "/v1/recipe") for _ in range(8)] == [200] * 8
        workers = _children(process.pid)
        process.send_signal(signal.SIGTERM)
        assert process.done() == 0
        assert not any(pathlib.Path(f"/proc/{pid}").exists() for pid in workers)
        assert [event["msg"] for event in process.events() if event["level"] == "ERROR"] == [
            "a worker died, another takes its place"
        ]


def test_workers_go_with_their_parent_and_share_the_rate(engine: str) -> None:
    with running(engine, AICR_WORKERS="2", AICR_RATE_LIMIT="0.001", AICR_RATE_BURST="10") as (
        port,
        process,
    ):
        answers = [get(port, "/") for _ in range(40)]
        # The kernel shares out the connections; no worker gives more than its half.
        assert 5 <= answers.count(200) <= 10
        assert answers.count(200) + answers.count(429) == 40
        workers = _children(process.pid)
        process.kill()
        process.wait()
        _wait(lambda: all(_gone(pid) for pid in workers))


def _gone(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_tls(engine: str, certificate: tuple[str, str]) -> None:
    cert, key = certificate
    with started(engine, AICR_TLS_CERT=cert, AICR_TLS_KEY=key) as (port, process):
        context = ssl.create_default_context(cafile=cert)

        def status(path: str) -> int:
            connection = http.client.HTTPSConnection("localhost", port, timeout=10, context=context)
            try:
                connection.request("GET", path)
                return connection.getresponse().status
            except ConnectionError:
                return 0
            finally:
                connection.close()

        _wait(lambda: status("/ready") == 200)
        assert status("/v1/recipe") == 200
        # Plain HTTP has no answer, and disturbs nobody.
        assert get(port, "/health") == 0
        assert status("/v1/recipe") == 200
        process.send_signal(signal.SIGTERM)
        assert process.done() == 0
    (line, _) = _fails(engine, AICR_TLS_CERT=cert, AICR_TLS_KEY=cert)
    assert "cannot use the certificate and its key" in line


def test_both_families_by_default(engine: str) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    with running(engine, AICR_BIND="") as (port, _):
        for host in ("127.0.0.1", "::1"):
            with socket.create_connection((host, port), timeout=10) as connection:
                connection.sendall(b"GET /health HTTP/1.0\r\n\r\n")
                assert b" 200 OK" in connection.recv(100)
