"""``AICR_HTTP2``: granian speaks it beside HTTP/1.1, in clear text and over TLS; the same answers, limits and drain."""

from __future__ import annotations

import json
import pathlib
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator

import pytest
from aicr_server.settings import ServerSettings
from h2.connection import H2Connection
from h2.events import Event, ResponseReceived, StreamEnded, StreamReset
from http_ask import ask
from http_server import Aicrd, running, started

from aicr_core.api import AicrError

_CURL = shutil.which("curl") or ""
_SPEAKS = _CURL and b"HTTP2" in subprocess.run([_CURL, "--version"], capture_output=True).stdout
pytestmark = pytest.mark.skipif(not _SPEAKS, reason="no curl that speaks HTTP/2")
RECIPE = "/v1/recipe?service=eks&accelerator=h100&intent=training"


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[int, Aicrd]]:
    with running("granian", AICR_HTTP2="1", AICR_RATE_LIMIT="0", LOG_LEVEL="error") as (
        port,
        process,
    ):
        yield port, process
        assert not [event for event in process.events() if event["msg"] == "defect"]


def curl(url: str, *words: str) -> tuple[str, dict[str, str], bytes]:
    """Ask by HTTP/2 alone; give the status line, the headers, the body."""
    done = subprocess.run(
        [_CURL, "-sS", "--http2-prior-knowledge", "--noproxy", "*", "--max-time", "20", "-i", *words, url],
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return first.strip(), dict(line.split(": ", 1) for line in lines), body


def test_the_same_answers_as_by_http_1(server: tuple[int, Aicrd], tmp_path: pathlib.Path) -> None:
    port, _ = server
    address = f"http://127.0.0.1:{port}"
    first, headers, body = curl(address + RECIPE)
    old = ask(port, RECIPE)
    assert (first, body) == ("HTTP/2 200", old.body)
    names = ("etag", "content-type", "content-length", "vary", "cache-control", "x-api-version")
    assert {name: headers[name] for name in names} == {name: old.headers[name] for name in names}
    assert curl(address + RECIPE, "-H", f"If-None-Match: {headers['etag']}")[0] == "HTTP/2 304"
    (tmp_path / "recipe.json").write_bytes(body)
    sent = ("--data-binary", f"@{tmp_path}/recipe.json", "-H", "Content-Type: application/json")
    first, _, archive = curl(f"{address}/v1/bundle", *sent)
    assert first == "HTTP/2 200"
    assert archive == ask(port, "/v1/bundle", "POST", body, Content_Type="application/json").body


@pytest.mark.parametrize(
    ("path", "words", "status"),
    [
        ("/nowhere", (), 404),
        ("/v1/recipe?service=moon", (), 400),
        ("/a%zz", (), 400),
        ("/v1/recipe", ("-X", "DELETE"), 405),
        ("/v1/recipe", ("--data-binary", "{"), 400),
    ],
)
def test_refusals(server: tuple[int, Aicrd], path: str, words: tuple[str, ...], status: int) -> None:  # fmt: skip
    first, headers, body = curl(f"http://127.0.0.1:{server[0]}{path}", *words)
    assert first == f"HTTP/2 {status}"
    # Nothing about a connection of HTTP/1.1: an answer with it would be malformed (RFC 9113, 8.2.2).
    assert not {"connection", "transfer-encoding", "keep-alive"} & set(headers)
    assert json.loads(body)["requestId"] == headers["x-request-id"]


class Conversation:
    """One connection, many streams; curl 7.88 fails at its second request of such a connection, whoever answers."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.state = H2Connection()
        self.state.initiate_connection()

    def ask(self, method: str, path: str, *more: tuple[str, str], ends: bool = True) -> int:
        """Send a request's header; give its stream."""
        stream = self.state.get_next_available_stream_id()
        head = [(":method", method), (":scheme", "http"), (":authority", "x"), (":path", path)]
        self.state.send_headers(stream, [*head, *more], end_stream=ends)
        return stream

    def events(self) -> Iterator[Event]:
        """Give what the server says, as long as one wants to hear it."""
        while True:
            self.socket.sendall(self.state.data_to_send())
            got = self.socket.recv(65536)
            assert got, "the server closed the connection"
            yield from self.state.receive_data(got)


@pytest.fixture
def talk(server: tuple[int, Aicrd]) -> Iterator[Conversation]:
    with socket.create_connection(("127.0.0.1", server[0]), timeout=10) as connection:
        yield Conversation(connection)


def _status(event: ResponseReceived) -> int:
    return int(dict(event.headers)[b":status"])


def test_many_requests_at_once_on_one_connection(talk: Conversation) -> None:
    streams = {talk.ask("GET", f"/v1/query?selector=kind&nodes={nodes}") for nodes in range(90)}
    statuses, ended = {}, set()
    for event in talk.events():
        if isinstance(event, ResponseReceived):
            statuses[event.stream_id] = _status(event)
        if isinstance(event, StreamEnded):
            ended.add(event.stream_id)
        if ended == streams:
            break
    assert statuses == dict.fromkeys(streams, 200)


def test_a_body_that_is_too_large_is_answered_before_it_is_there(talk: Conversation) -> None:
    stream = talk.ask("POST", "/v1/recipe", ("content-length", "3000000"), ends=False)
    talk.state.send_data(stream, b" " * 16_000)
    seen = []
    for event in talk.events():
        if isinstance(event, ResponseReceived):
            seen.append(_status(event))
        if isinstance(event, StreamReset):
            # Without an error: the answer counts, the rest of the body is not wanted (RFC 9113, 8.1).
            seen.append(int(event.error_code or 0))
            break
    assert seen == [413, 0]
    # The connection goes on.
    assert talk.ask("GET", "/health") > stream
    assert any(isinstance(event, ResponseReceived) for event in talk.events())


def test_headers_that_are_too_large_are_not_taken(server: tuple[int, Aicrd]) -> None:
    done = subprocess.run(
        [_CURL, "-sS", "--http2-prior-knowledge", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}", "-H",
         "A: " + "a" * 71_000, f"http://127.0.0.1:{server[0]}/"],
        capture_output=True, timeout=30,
    )  # fmt: skip
    assert done.stdout in (b"431", b"000")
    assert ask(server[0], "/health").status == 200


def test_over_tls_both_are_offered(certificate: tuple[str, str]) -> None:
    cert, key = certificate
    with started("granian", AICR_HTTP2="1", AICR_TLS_CERT=cert, AICR_TLS_KEY=key) as (port, process):  # fmt: skip
        process.lines(2)
        for wanted, version in (("--http2", "2"), ("--http1.1", "1.1")):
            words = ["-sS", wanted, "--noproxy", "*", "--cacert", cert, "-o", "/dev/null", "-w", "%{http_code} %{http_version}"]  # fmt: skip
            done = subprocess.run(
                [_CURL, *words, f"https://localhost:{port}{RECIPE}"], capture_output=True
            )
            assert done.stdout.decode() == f"200 {version}", done.stderr


def test_it_drains() -> None:
    settings = {"AICR_HTTP2": "1", "AICR_DRAIN_GRACE_SECONDS": "1"}
    with running("granian", **settings) as (port, process):
        process.send_signal(signal.SIGTERM)
        process.lines(3)
        assert curl(f"http://127.0.0.1:{port}/ready")[0] == "HTTP/2 503"
        assert process.done() == 0


def test_it_is_granian_s_alone() -> None:
    env = {"AICR_HTTP2": "1", "AICR_HTTP_ENGINE": "uvicorn"}
    assert ServerSettings.from_env(env, lambda _dimension, text: text).http2
    from aicr_server.run import check

    with pytest.raises(AicrError, match="HTTP/2 needs granian"):
        check(env)
