"""What operators see: log lines, counters whose number is bounded, rate limits, tokens, by a real aicrd."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import pathlib
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from http_server import ENGINES, get, running


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


_OPEN: list[http.client.HTTPConnection] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Close the connections that a test made."""
    yield
    while _OPEN:
        _OPEN.pop().close()


class Client:
    """One connection that is kept."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        _OPEN.append(self._connection)

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request("GET", path, headers=sent)
        answer = self._connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, found, answer.read()


def test_the_rate_limit_of_the_specification(engine: str) -> None:
    """Section 16: 260 requests at once, at least 200 pass, then 429 with Retry-After; a second later it goes on."""
    with running(engine, LOG_LEVEL="error") as (port, _):
        client = Client(port)
        # In one piece: on a machine with other work, one after the other gives tokens time to come back.
        answers = _send_all(port, [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"] * 600, at_once=600)
        statuses = [status for status, _, _ in answers]
        assert statuses.count(200) >= 200
        assert 429 in statuses
        _, headers, body = next(answer for answer in answers if answer[0] == 429)
        assert headers["retry-after"] == "1"
        assert headers["x-ratelimit-limit"] == "100"
        assert int(headers["x-ratelimit-remaining"]) == 0
        document = json.loads(body)
        assert document["code"] == "RATE_LIMIT_EXCEEDED"
        assert document["details"] == {"limit": 100, "burst": 200}
        assert document["retryable"] is True
        # Probes and counters are never limited.
        for path in ("/health", "/ready", "/metrics"):
            assert client.get(path)[0] == 200
        time.sleep(1.1)
        assert client.get("/")[0] == 200


def test_each_client_has_its_own_limit_and_only_a_trusted_proxy_names_clients() -> None:
    strict = {"AICR_RATE_LIMIT": "0.001", "AICR_RATE_BURST": "3", "LOG_LEVEL": "error"}
    with running("granian", AICR_TRUSTED_PROXIES="127.0.0.0/8", **strict) as (port, _):
        client = Client(port)
        for name in ("198.51.100.1", "198.51.100.2"):
            answers = [client.get("/", X_Forwarded_For=f"10.9.9.9, {name}")[0] for _ in range(4)]
            assert answers == [200, 200, 200, 429]
        # What stands before the proxy's own entry is not believed.
        assert client.get("/", X_Forwarded_For="203.0.113.77, 198.51.100.1")[0] == 429
    with running("granian", **strict) as (port, _):
        client = Client(port)
        answers = [client.get("/", X_Forwarded_For=f"198.51.100.{n}")[0] for n in range(4)]
        assert answers == [200, 200, 200, 429]


def test_one_limit_for_all_when_the_operator_wants_that() -> None:
    with running(
        "uvicorn", AICR_RATE_LIMIT="0.001", AICR_RATE_BURST="2", AICR_RATE_SCOPE="global",
        AICR_TRUSTED_PROXIES="127.0.0.1", LOG_LEVEL="error",
    ) as (port, _):  # fmt: skip
        client = Client(port)
        answers = [client.get("/", X_Forwarded_For=f"198.51.100.{n}")[0] for n in range(3)]
        assert answers == [200, 200, 429]


def test_tokens_and_their_replacement_while_running(engine: str, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "tokens"

    def write(token: str) -> None:
        new = tmp_path / "new"
        new.write_text(f"ci:{hashlib.sha256(token.encode()).hexdigest()}\n")
        os.replace(new, file)

    write("first")
    with running(engine, AICR_TOKEN_FILE=str(file)) as (port, process):
        client = Client(port)
        status, headers, body = client.get("/v1/recipe")
        assert status == 401
        assert headers["www-authenticate"] == 'Bearer realm="aicrd"'
        assert json.loads(body)["code"] == "UNAUTHORIZED"
        assert client.get("/v1/recipe", Authorization="Bearer first")[0] == 200
        assert client.get("/metrics")[0] == 401
        assert (client.get("/health")[0], client.get("/ready")[0]) == (200, 200)
        write("the-second")
        assert client.get("/v1/recipe", Authorization="Bearer first")[0] == 401
        assert client.get("/v1/recipe", Authorization="Bearer the-second")[0] == 200
        assert "first" not in process.log()
        assert "the-second" not in process.log()


def test_allowlists() -> None:
    with running("granian", AICR_ALLOWED_SERVICES="EKS,gke", AICR_ALLOWED_OS="al2") as (port, _):
        client = Client(port)
        assert client.get("/v1/recipe?service=eks")[0] == 200
        assert client.get("/v1/recipe")[0] == 200
        status, _, body = client.get("/v1/query?service=aks&selector=kind")
        assert status == 400
        found = json.loads(body)
        assert found["message"] == "service type not allowed"
        assert found["details"] == {"requested": "aks", "allowed": ["eks", "gke"]}
        assert json.loads(client.get("/v1/recipe?os=ubuntu")[2])["details"]["allowed"] == [
            "amazonlinux"
        ]


def test_a_line_for_each_request_without_its_query_string(engine: str) -> None:
    uid = "6f1b0d1e-8d0c-4a39-9a3f-0c7d3b1f5a10"
    with running(engine) as (port, process):
        client = Client(port)
        client.get("/v1/recipe?service=eks&token=s3cret", X_Request_Id=uid)
        client.get("/v1/recipe?service=bogus-s3cret")
        client.get("/" + "x" * 5000)
        client.get("/health")
        client.get("/%0a%22evil%22?x")
        lines = "\n".join(process.lines(6))
        events = [event for event in process.events() if event["msg"] == "request completed"]
    assert "s3cret" not in lines
    assert [(event["status"], event["level"]) for event in events] == [
        (200, "INFO"), (400, "WARN"), (404, "WARN"), (404, "WARN"),
    ]  # fmt: skip
    first = events[0]
    assert first["requestID"] == uid
    assert (first["method"], first["path"], first["module"]) == ("GET", "/v1/recipe", "aicrd")
    assert first["bytes"] > 1000
    assert first["ms"] > 0
    assert {"time", "version"} <= set(first)
    assert max(len(line) for line in lines.splitlines()) < 1000
    # A newline in a path makes no line of its own.
    assert events[-1]["path"] == '/\n"evil"'
    assert len({event["requestID"] for event in events}) == 4


def test_text_lines_and_levels() -> None:
    with running("uvicorn", AICR_LOG_FORMAT="text", LOG_LEVEL="warn") as (port, process):
        assert get(port, "/v1/recipe") == 200
        assert get(port, "/nowhere") == 404
        (line,) = process.lines(1)
    assert " WARN request completed " in line
    assert 'path="/nowhere" status=404' in line


def _send_all(
    port: int, requests: list[bytes], at_once: int = 100
) -> list[tuple[int, dict[str, str], bytes]]:
    """Send requests on one connection, so many at a time; give every answer."""
    found = []
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        stream = connection.makefile("rb")
        for start in range(0, len(requests), at_once):
            batch = requests[start : start + at_once]
            connection.sendall(b"".join(batch))
            for _ in batch:
                status = int(stream.readline().split()[1])
                headers: dict[str, str] = {}
                while (line := stream.readline()) not in (b"\r\n", b""):
                    name, _, value = line.decode("latin-1").partition(":")
                    headers[name.lower()] = value.strip()
                found.append((status, headers, stream.read(int(headers.get("content-length", 0)))))
        stream.close()
    return found


def _metric_lines(port: int) -> set[str]:
    text = Client(port).get("/metrics")[2].decode()
    return {line.rpartition(" ")[0] for line in text.splitlines() if line.startswith("aicr_")}


def test_counters_are_bounded_whatever_clients_send() -> None:
    with running("granian", LOG_LEVEL="error", AICR_RATE_LIMIT="0") as (port, _):
        host = b" HTTP/1.1\r\nHost: x\r\n\r\n"
        _send_all(port, [b"GET /nowhere" + host, b"BREW /" + host, b"BREW /nowhere" + host])
        before = _metric_lines(port)
        _send_all(port, [b"GET /path-%d" % number + host for number in range(10_000)])
        _send_all(port, [b"METHOD%d /" % number + host for number in range(1_000)])
        assert _metric_lines(port) == before


def test_what_is_counted(engine: str) -> None:
    with running(engine, LOG_LEVEL="error", AICR_RATE_LIMIT="0") as (port, _):
        client = Client(port)
        for path in ("/v1/recipe", "/v1/recipe", "/v1/recipe?service=x", "/nowhere", "/health"):
            client.get(path)
        found = _samples(client.get("/metrics")[2].decode())
        requests = "aicr_http_requests_total"
        assert found[f'{requests}{{method="GET",path="/v1/recipe",status="200"}}'] == 2
        assert found[f'{requests}{{method="GET",path="/v1/recipe",status="400"}}'] == 1
        assert found[f'{requests}{{method="GET",path="unmatched",status="404"}}'] == 1
        assert not any("/health" in name for name in found)
        assert (
            found['aicr_http_request_duration_seconds_count{method="GET",path="/v1/recipe"}'] == 3
        )
        assert found["aicr_panic_recoveries_total"] == 0


def _samples(text: str) -> dict[str, Any]:
    rows = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in rows}
