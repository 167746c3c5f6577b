"""Registries that misbehave: one clear line, the right exit status, bounded time and memory, nothing pulled by halves."""

from __future__ import annotations

import gzip
import json
import re
import socket
import time
from typing import Any

import faulty_registry as fault
import pytest
from aicr_oci import connections, publisher, transport
from faulty_registry import FaultyRegistry, reply
from oci_lab import FACTS, Files, Make, failure, pull, push, pushed

from aicr_core.api import Artifact

# --- what is asked -------------------------------------------------------------------------------


def test_what_is_there_is_not_sent_again(
    faulty: FaultyRegistry, context: Make, files: Files
) -> None:
    first = push(faulty, context, files)
    assert len(faulty.seen("PUT", "uploads")) == 2  # layer and configuration
    faulty.log.clear()
    assert push(faulty, context, files) == first
    assert [s.method for s in faulty.log] == ["HEAD", "HEAD", "PUT"]
    assert sorted(pull(faulty, context), key=str) == sorted(files, key=str)


def test_the_tag_moves_last(faulty: FaultyRegistry, context: Make, files: Files) -> None:
    push(faulty, context, files)
    before = dict(faulty.manifests)
    faulty.rule("PUT", "uploads", reply(500))
    error = failure(lambda: push(faulty, context, (*files, Artifact(path="more", data=b""))))
    assert "cannot upload a blob: the registry answers 500" in str(error)
    assert faulty.manifests == before


def test_the_tag_does_not_move_after_an_interrupt(
    faulty: FaultyRegistry, context: Make, files: Files
) -> None:
    ctx = context()

    def interrupt(handler: Any) -> None:
        ctx.abandon()  # as Ctrl-C and the deadline of the run do
        reply(201)(handler)

    faulty.rule("PUT", "uploads", interrupt)
    uri = f"oci://{faulty.host}/team/x:v1"
    assert failure(lambda: publisher.push(ctx, uri, files, FACTS)).exit_status == 5
    assert not faulty.seen("PUT", "manifests")


def test_one_connection_serves_a_whole_push(
    faulty: FaultyRegistry, context: Make, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    connect = connections.Connections.open

    def counting(*arguments: Any) -> Any:
        opened.append(arguments)
        return connect(*arguments)

    monkeypatch.setattr(connections.Connections, "open", counting)
    push(faulty, context, files)
    assert len(opened) == 1


def test_a_connection_closed_while_idle_is_opened_again(
    faulty: FaultyRegistry, context: Make, files: Files
) -> None:
    faulty.rule("POST", "", fault.hang_up, times=1)  # after HEAD, on the kept connection
    assert push(faulty, context, files)


# --- statuses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "exit_status", "hint"),
    [
        (400, 2, ""),
        (401, 4, "docker login 127.0.0.1"),
        (403, 4, "docker login 127.0.0.1"),
        (404, 3, "hide what an account may not see"),
        (405, 2, ""),
        (408, 5, ""),
        (413, 2, "too large for this registry"),
        (418, 2, ""),
        (429, 7, "wait, or log in"),
        (500, 6, ""),
        (501, 6, ""),
        (502, 6, ""),
        (503, 6, ""),
        (504, 5, ""),
        (300, 6, ""),
    ],
)
def test_statuses(
    faulty: FaultyRegistry, context: Make, files: Files, status: int, exit_status: int, hint: str
) -> None:
    body = json.dumps({"errors": [{"code": "SOME", "message": "words of\nthe registry"}]}).encode()
    faulty.rule("GET", "manifests", reply(status, body))
    faulty.rule("PUT", "manifests", reply(status, body))
    for call in (lambda: pull(faulty, context), lambda: push(faulty, context, files)):
        error = failure(call)
        assert error.exit_status == exit_status, error
        assert f"the registry answers {status} (SOME: words of\\nthe registry)" in str(error)
        assert hint in (error.hint or "")
        assert f"oci://{faulty.host}/team/x:v1" in str(error)
    again = status in (429, 500, 502, 503, 504)
    assert len(faulty.seen("GET", "manifests")) == (4 if again else 1)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"errors": []}', b'{"errors": [5]}', b"[" * 9999, b'{"errors": [{"code": {}}]}'])  # fmt: skip
def test_errors_without_words(faulty: FaultyRegistry, context: Make, body: bytes) -> None:
    faulty.rule("GET", "manifests", reply(404, body))
    assert str(failure(lambda: pull(faulty, context))).endswith("the registry answers 404")


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_heals_is_tried_again(
    faulty: FaultyRegistry, context: Make, files: Files, status: int
) -> None:
    for method, path in (("HEAD", "blobs"), ("POST", ""), ("PUT", "uploads"), ("PUT", "manifests")):
        faulty.rule(method, path, reply(status), times=2)
    push(faulty, context, files)
    for path in ("manifests", "blobs"):
        faulty.rule("GET", path, reply(status), times=3)
    assert len(pull(faulty, context)) == len(files)


def test_an_upload_that_was_forgotten_begins_again(
    faulty: FaultyRegistry, context: Make, files: Files
) -> None:
    faulty.rule("PUT", "uploads", reply(502), times=1)
    faulty.rule("PUT", "uploads", reply(404), times=1)
    push(faulty, context, files)
    assert len(pull(faulty, context)) == len(files)


def test_retry_after_is_heeded(faulty: FaultyRegistry, context: Make, files: Files) -> None:
    push(faulty, context, files)
    faulty.rule("GET", "manifests", reply(429, Retry_After="1"), times=1)
    start = time.monotonic()
    pull(faulty, context)
    assert 1 <= time.monotonic() - start < 10


@pytest.mark.parametrize(
    "value", ["", "0", "-1", "soon", "Wed, 21 Oct 2065 07:28:00 GMT", "1e9", "٣"]
)
def test_a_strange_retry_after_is_ignored(
    faulty: FaultyRegistry, context: Make, files: Files, value: str
) -> None:
    push(faulty, context, files)
    faulty.rule(
        "GET", "manifests", reply(503, Retry_After=value.encode().decode("latin-1")), times=1
    )
    start = time.monotonic()
    pull(faulty, context)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(("status", "exit_status"), [(429, 7), (503, 6)])
def test_an_hour_is_not_waited(
    faulty: FaultyRegistry, context: Make, status: int, exit_status: int
) -> None:
    faulty.rule("GET", "manifests", reply(status, Retry_After="3600" + "0" * 400))
    error = failure(lambda: pull(faulty, context))
    assert error.exit_status == exit_status
    assert "asks to wait 3600" in str(error)
    assert len(faulty.log) == 1


def test_waiting_ends_with_the_deadline(
    faulty: FaultyRegistry, context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty.rule("GET", "manifests", reply(503, Retry_After="20"))
    error = failure(lambda: pull(faulty, context, timeout=0.5))
    assert error.exit_status == 5


# --- bodies --------------------------------------------------------------------------------------


def test_a_cut_layer_is_asked_for_again(
    faulty: FaultyRegistry, context: Make, files: Files
) -> None:
    layer = pushed(faulty, context, files)
    faulty.rule("GET", "blobs", reply(200, layer[:50], length=len(layer)), times=3)
    assert len(pull(faulty, context)) == len(files)
    faulty.rule("GET", "blobs", reply(200, layer[:50], length=len(layer)))
    error = failure(lambda: pull(faulty, context))
    assert error.exit_status == 6
    assert "the connection broke" in str(error)


def test_another_layer_is_refused(faulty: FaultyRegistry, context: Make, files: Files) -> None:
    layer = pushed(faulty, context, files)
    for body, reason in (
        (layer[:-1] + b"x", "is not what its manifest says"),
        (layer[:-1], "is shorter than"),
        (layer + b"x", "is longer than"),
        (b"", "is shorter than"),
    ):
        faulty.rule("GET", "blobs", reply(200, body), times=1)
        error = failure(lambda: pull(faulty, context))
        assert error.exit_status == 4
        assert reason in str(error)


def test_a_body_without_end_is_left(faulty: FaultyRegistry, context: Make, files: Files) -> None:
    pushed(faulty, context, files)
    faulty.rule("GET", "blobs", fault.endless)
    error = failure(lambda: pull(faulty, context))
    assert error.exit_status == 4
    assert "longer than" in str(error)
    faulty.rule("GET", "manifests", fault.endless, times=1)
    error = failure(lambda: pull(faulty, context))
    assert error.exit_status == 2
    assert "larger than one may be" in str(error)
    faulty.rule("HEAD", "blobs", reply(404))
    faulty.rule("POST", "", reply(202, b"x" * 10_000_000, Location="/upload"), times=1)
    assert push(faulty, context, files)


def test_a_huge_manifest_is_left(faulty: FaultyRegistry, context: Make) -> None:
    faulty.rule("GET", "manifests", reply(200, b" " * (4 * 1024**2 + 1)))
    assert "larger than one may be" in str(failure(lambda: pull(faulty, context)))


def test_a_page_instead_of_a_manifest(faulty: FaultyRegistry, context: Make) -> None:
    faulty.rule(
        "GET", "manifests", reply(200, b"<html>Welcome</html>", Content_Type="text/html; charset=x")
    )
    error = failure(lambda: pull(faulty, context))
    assert error.exit_status == 6
    assert "no manifest but text/html" in str(error)


@pytest.mark.parametrize("action", [fault.drip(1000), fault.silent])
def test_a_slow_server_is_given_up(
    faulty: FaultyRegistry, context: Make, files: Files, action: fault.Action, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    pushed(faulty, context, files)
    monkeypatch.setattr(transport, "SECONDS", 0.5)
    for path in ("manifests", "blobs"):
        faulty.rule("GET", path, action, times=1)
        start = time.monotonic()
        error = failure(lambda: pull(faulty, context))
        assert error.exit_status == 5, error
        assert time.monotonic() - start < 5


def test_headers_that_drip_are_given_up(context: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "SECONDS", 0.5)
    listener, host = _raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50, pause=0.1)
    with listener:
        start = time.monotonic()
        error = failure(lambda: publisher.pull(context(), f"oci://{host}/x:1"))
        listener.shutdown(socket.SHUT_RDWR)
    assert error.exit_status == 5
    assert time.monotonic() - start < 3


def test_the_deadline_of_the_run_counts_as_well(faulty: FaultyRegistry, context: Make) -> None:
    faulty.rule("GET", "manifests", fault.silent)
    start = time.monotonic()
    assert failure(lambda: pull(faulty, context, timeout=0.5)).exit_status == 5
    assert time.monotonic() - start < 3


def test_a_manifest_is_held_to_its_digest(
    faulty: FaultyRegistry, context: Make, files: Files
) -> None:
    reference = push(faulty, context, files)
    digest = reference.partition("@")[2]
    assert pull(faulty, context, f"@{digest}")
    assert pull(faulty, context, f":gone@{digest}")  # the digest decides
    kind, data = faulty.manifests[digest]
    faulty.manifests[digest] = (kind, data + b" ")
    error = failure(lambda: pull(faulty, context, f"@{digest}"))
    assert error.exit_status == 4
    assert "the manifest has another digest" in str(error)


def test_a_registry_that_contradicts_itself(
    faulty: FaultyRegistry, context: Make, files: Files
) -> None:
    push(faulty, context, files)
    kind, data = faulty.manifests["v1"]
    wrong = {"Docker_Content_Digest": f"sha256:{'0' * 64}", "Content_Type": kind}
    faulty.rule("GET", "manifests", reply(200, data, **wrong))
    faulty.rule("PUT", "manifests", reply(201, **wrong))
    for call in (lambda: pull(faulty, context), lambda: push(faulty, context, files)):
        error = failure(call)
        assert error.exit_status == 4
        assert "another digest" in str(error)


def test_a_hostile_layer_is_refused(faulty: FaultyRegistry, context: Make, files: Files) -> None:
    pushed(faulty, context, files)
    kind, data = faulty.manifests["v1"]
    document = json.loads(data)
    evil = gzip.compress(b"no archive" * 100)
    faulty.blobs[fault.digest_of(evil)] = evil
    document["layers"][0] |= {"digest": fault.digest_of(evil), "size": len(evil)}
    faulty.manifests["v1"] = (kind, json.dumps(document).encode())
    error = failure(lambda: pull(faulty, context))
    assert error.exit_status == 2
    assert "the archive is refused" in str(error)


# --- no server, no registry ----------------------------------------------------------------------


def _raw(answer: bytes, pause: float = 0) -> tuple[socket.socket, str]:
    import threading

    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    step = 8 if pause else len(answer) or 1
                    for start in range(0, len(answer), step):
                        connection.sendall(answer[start : start + step])
                        time.sleep(pause)
        except OSError:
            pass

    threading.Thread(target=serve, daemon=True).start()
    return listener, f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000, "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000, "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "the connection broke"),
        (b"", "the connection broke"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "the connection broke"),
    ],
)
def test_servers_that_are_no_registry(context: Make, answer: bytes, reason: str) -> None:
    listener, host = _raw(answer)
    with listener:
        error = failure(lambda: publisher.pull(context(), f"oci://{host}/x:1"))
        listener.shutdown(socket.SHUT_RDWR)
    assert error.exit_status == 6
    assert reason in str(error)


def test_nobody_there(context: Make) -> None:
    import registry as real

    error = failure(lambda: publisher.pull(context(), f"oci://127.0.0.1:{real.free_port()}/x:1"))
    assert error.exit_status == 6
    assert "Connection refused" in str(error)
    error = failure(lambda: publisher.pull(context(), "oci://no-such-host.invalid/x:1"))
    assert error.exit_status == 6
    assert re.search("cannot connect: .*(name|Name)", str(error))


def test_a_plain_registry_asked_with_tls(faulty: FaultyRegistry, context: Make) -> None:
    error = failure(lambda: pull(faulty, context, plain_http=False))
    assert error.exit_status == 6
    assert "--plain-http" in (error.hint or "")
