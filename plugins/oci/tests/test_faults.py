"""Registries that misbehave: one clear line, the right exit status, bounded time and memory, nothing pulled by halves."""

from __future__ import annotations

import base64
import gzip
import json
import pathlib
import re
import socket
import time
from collections.abc import Callable
from typing import Any

import faulty_registry as fault
import pytest
from aicr_oci import connections, publisher, transport
from faulty_registry import FaultyRegistry, reply

from aicr_core.api import AicrError, Artifact, Context

Make = Callable[..., Context]
Docker = Callable[[dict[str, Any] | str], pathlib.Path]
Files = tuple[Artifact, ...]
FACTS = {"version": "1", "title": "AICR Bundle"}
SECRET = "open sesame"
LOGIN = base64.b64encode(f"robin:{SECRET}".encode()).decode()


def push(faulty: FaultyRegistry, context: Make, files: Files, **options: Any) -> str:
    return publisher.push(context(**options), f"oci://{faulty.host}/team/x:v1", files, FACTS)


def pull(
    faulty: FaultyRegistry, context: Make, version: str = ":v1", **options: Any
) -> list[Artifact]:
    return publisher.pull(context(**options), f"oci://{faulty.host}/team/x{version}")


def failure(call: Callable[[], Any]) -> AicrError:
    """Give the error of a call: one line, without secrets."""
    with pytest.raises(AicrError) as caught:
        call()
    text = f"{caught.value} {caught.value.hint}"
    assert "\n" not in text
    for secret in (SECRET, LOGIN, "s3cr3t"):
        assert secret not in text
    return caught.value


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


def _pushed(faulty: FaultyRegistry, context: Make, files: Files) -> bytes:
    push(faulty, context, files)
    (layer,) = [data for data in faulty.blobs.values() if data != b"{}"]
    return layer


def test_a_cut_layer_is_asked_for_again(
    faulty: FaultyRegistry, context: Make, files: Files
) -> None:
    layer = _pushed(faulty, context, files)
    faulty.rule("GET", "blobs", reply(200, layer[:50], length=len(layer)), times=3)
    assert len(pull(faulty, context)) == len(files)
    faulty.rule("GET", "blobs", reply(200, layer[:50], length=len(layer)))
    error = failure(lambda: pull(faulty, context))
    assert error.exit_status == 6
    assert "the connection broke" in str(error)


def test_another_layer_is_refused(faulty: FaultyRegistry, context: Make, files: Files) -> None:
    layer = _pushed(faulty, context, files)
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
    _pushed(faulty, context, files)
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
    _pushed(faulty, context, files)
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
    _pushed(faulty, context, files)
    kind, data = faulty.manifests["v1"]
    document = json.loads(data)
    evil = gzip.compress(b"no archive" * 100)
    faulty.blobs[fault.digest_of(evil)] = evil
    document["layers"][0] |= {"digest": fault.digest_of(evil), "size": len(evil)}
    faulty.manifests["v1"] = (kind, json.dumps(document).encode())
    error = failure(lambda: pull(faulty, context))
    assert error.exit_status == 2
    assert "the archive is refused" in str(error)


# --- where we are sent ---------------------------------------------------------------------------


def _guarded(faulty: FaultyRegistry, docker: Docker) -> None:
    """Let the registry ask for the user of Docker's configuration."""
    docker({"auths": {faulty.host: {"auth": LOGIN}}})
    for method in ("GET", "HEAD", "POST", "PUT"):
        faulty.rule(method, "", _BasicOnly(faulty))


class _BasicOnly:
    """Answers as the registry does, to those who are logged in."""

    def __init__(self, faulty: FaultyRegistry) -> None:
        self._faulty = faulty

    def __call__(self, handler: Any) -> None:
        if handler.headers.get("Authorization") != f"Basic {LOGIN}":
            reply(401, WWW_Authenticate='Basic realm="x"')(handler)
            return
        rules, self._faulty._rules = self._faulty._rules, []
        try:
            self._faulty.action(self._faulty.log[-1])(handler)
        finally:
            self._faulty._rules = rules


def test_credentials_stay_behind_where_a_download_is_redirected(
    faulty: FaultyRegistry, context: Make, files: Files, docker: Docker
) -> None:
    layer = _pushed(faulty, context, files)
    with FaultyRegistry() as storage:
        storage.rule("GET", "", reply(200, layer))
        faulty.rule(
            "GET", "blobs", reply(307, Location=f"http://{storage.host}/there?signature=s3cr3t")
        )
        _guarded(faulty, docker)
        assert len(pull(faulty, context)) == len(files)
        assert faulty.log[-1].headers["authorization"] == f"Basic {LOGIN}"
        (seen,) = storage.log
        assert "authorization" not in seen.headers
        # Storage that refuses gets no credentials either, and its signed URL is not shown.
        storage._rules.clear()
        storage.rule("GET", "", reply(401, WWW_Authenticate='Basic realm="x"'))
        assert failure(lambda: pull(faulty, context)).exit_status == 4
        storage._rules.clear()
        storage.rule("GET", "", fault.hang_up)
        assert failure(lambda: pull(faulty, context)).exit_status == 6
        assert not [s for s in storage.log if "authorization" in s.headers]


def test_an_upload_elsewhere_gets_no_credentials(
    faulty: FaultyRegistry, context: Make, files: Files, docker: Docker
) -> None:
    with FaultyRegistry() as storage:
        storage.rule("PUT", "", reply(201))
        faulty.rule("POST", "", reply(202, Location=f"http://{storage.host}/there?s=1"))
        _guarded(faulty, docker)
        push(faulty, context, files)
        assert len(storage.log) == 2
        assert all(
            "authorization" not in s.headers and "&digest=sha256:" in s.path for s in storage.log
        )


@pytest.mark.parametrize(
    "location", ["", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://[", "http://h:99999/x", "http://h:x/x"]
)  # fmt: skip
def test_places_that_are_none(
    faulty: FaultyRegistry, context: Make, files: Files, location: str
) -> None:
    _pushed(faulty, context, files)
    headers = {"Location": location} if location else {}
    faulty.rule("GET", "blobs", reply(302, **headers))
    error = failure(lambda: pull(faulty, context))
    assert error.exit_status == 6
    faulty.rule("POST", "", reply(202, **headers))
    faulty.blobs.clear()
    assert failure(lambda: push(faulty, context, files)).exit_status == 6


def test_a_location_that_is_no_url_is_not_shown(
    faulty: FaultyRegistry, context: Make, files: Files
) -> None:
    _pushed(faulty, context, files)
    faulty.rule("GET", "blobs", reply(302, Location="/a b?s3cr3t=\x01"))
    assert failure(lambda: pull(faulty, context)).exit_status == 6


def test_a_circle_ends(faulty: FaultyRegistry, context: Make) -> None:
    faulty.rule("GET", "", reply(302, Location=f"http://{faulty.host}/again"))
    assert "redirects in a circle" in str(failure(lambda: pull(faulty, context)))
    assert len(faulty.log) == 6


def test_what_changes_something_is_not_redirected(
    faulty: FaultyRegistry, context: Make, files: Files
) -> None:
    faulty.rule("POST", "", reply(307, Location=f"http://{faulty.host}/elsewhere"))
    error = failure(lambda: push(faulty, context, files))
    assert "cannot begin an upload: the registry answers 307" in str(error)


# --- logging in ----------------------------------------------------------------------------------


def test_basic(faulty: FaultyRegistry, context: Make, files: Files, docker: Docker) -> None:
    _guarded(faulty, docker)
    push(faulty, context, files)
    assert "authorization" not in faulty.log[0].headers  # nothing is told before it is asked for
    assert len([s for s in faulty.log if "authorization" not in s.headers]) == 1
    assert len(pull(faulty, context)) == len(files)


@pytest.mark.parametrize(
    "challenge", ['Basic realm="x"', "Bearer", "Digest realm=x", "Negotiate", ""]
)
def test_without_credentials(
    faulty: FaultyRegistry, context: Make, files: Files, challenge: str
) -> None:
    for method in ("GET", "HEAD"):
        faulty.rule(method, "", reply(401, WWW_Authenticate=challenge))
    for call in (lambda: pull(faulty, context), lambda: push(faulty, context, files)):
        error = failure(call)
        assert error.exit_status == 4
        assert f"docker login {faulty.host}" in (error.hint or "")
    assert len(faulty.log) == 2


def test_credentials_that_are_refused(
    faulty: FaultyRegistry, context: Make, docker: Docker
) -> None:
    docker({"auths": {faulty.host: {"auth": LOGIN}}})
    echo = json.dumps({"errors": [{"code": "NO", "message": f"not {LOGIN} nor {SECRET}"}]}).encode()
    faulty.rule("GET", "", reply(401, echo, WWW_Authenticate='Basic realm="x"'))
    error = failure(lambda: pull(faulty, context))
    assert error.exit_status == 4
    assert (
        "cannot pull with the credentials for it: the registry answers 401 (NO: not *** nor ***)"
        in str(error)
    )
    assert len(faulty.log) == 2  # once without, once with


def test_tokens_that_are_never_good(faulty: FaultyRegistry, context: Make, docker: Docker) -> None:
    docker({"auths": {faulty.host: {"auth": LOGIN}}})
    faulty.rule("GET", "/token", reply(200, b'{"token": "s3cr3t"}'))
    bearer = f'Bearer realm="http://{faulty.host}/token",service="x",scope="repository:team/x:pull"'
    faulty.rule("GET", "manifests", reply(401, WWW_Authenticate=bearer))
    assert failure(lambda: pull(faulty, context)).exit_status == 4
    assert len(faulty.seen("GET", "/token")) == 2
    assert len(faulty.seen("GET", "manifests")) == 3


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (reply(200, b"<html>"), 4),
        (reply(200, b"[]"), 4),
        (reply(200, b'{"token": 5}'), 4),
        (reply(200, b"{}"), 4),
        (reply(200, b'{"token": "a\\nX-Evil: s3cr3t"}'), 4),
        (reply(200, b'{"token": "s3cr3t \xc3\xbc"}'), 4),
        (reply(200, b" " * 2_000_000), 4),
        (reply(401), 4),
        (reply(403), 4),
        (reply(404), 3),
        (reply(429), 7),
        (reply(500), 6),
        (reply(302, Location="http://127.0.0.1:1/"), 6),
        (fault.hang_up, 6),
    ],
)
def test_token_servers_that_fail(
    faulty: FaultyRegistry, context: Make, answer: fault.Action, status: int
) -> None:
    faulty.rule("GET", "/token", answer)
    faulty.rule(
        "GET",
        "manifests",
        reply(401, WWW_Authenticate=f'Bearer realm="http://{faulty.host}/token"'),
    )
    assert failure(lambda: pull(faulty, context)).exit_status == status


@pytest.mark.parametrize(
    "realm", ["", "ftp://x/", "file:///etc/passwd", "http://", "http://[", "/token"]
)
def test_token_servers_that_are_none(faulty: FaultyRegistry, context: Make, realm: str) -> None:
    faulty.rule("GET", "manifests", reply(401, WWW_Authenticate=f'Bearer realm="{realm}"'))
    error = failure(lambda: pull(faulty, context))
    assert error.exit_status == 4
    assert "a place that is not safe" in str(error)


def test_a_token_that_runs_out_is_renewed(
    faulty: FaultyRegistry, context: Make, files: Files
) -> None:
    push(faulty, context, files)
    bearer = reply(401, WWW_Authenticate=f'Bearer realm="http://{faulty.host}/token"')
    faulty.rule("GET", "/token", reply(200, b'{"access_token": "first"}'), times=1)
    faulty.rule("GET", "/token", reply(200, b'{"token": "second"}'), times=1)
    faulty.rule("GET", "manifests", bearer, times=1)
    faulty.rule("GET", "blobs", bearer, times=1)
    assert len(pull(faulty, context)) == len(files)
    assert faulty.log[-1].headers["authorization"] == "Bearer second"


def test_a_token_of_the_configuration_is_used_as_it_is(
    faulty: FaultyRegistry, context: Make, files: Files, docker: Docker
) -> None:
    push(faulty, context, files)
    docker({"auths": {faulty.host: {"registrytoken": "s3cr3t"}}})
    faulty.rule(
        "GET", "manifests", reply(401, WWW_Authenticate='Bearer realm="http://x/"'), times=1
    )
    assert len(pull(faulty, context)) == len(files)
    assert faulty.log[-1].headers["authorization"] == "Bearer s3cr3t"


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
