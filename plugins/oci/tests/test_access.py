"""Ways to a real registry: users, helpers, token servers, TLS, proxies."""

from __future__ import annotations

import base64
import json
import os
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import registry as real
from aicr_oci import publisher, transport
from oci_lab import FACTS, Docker, Files, Make

from aicr_core.api import AicrError, Artifact

# --- users, tokens, TLS --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry with one user."""
    folder = tmp_path_factory.mktemp("users")
    with real.registry(folder, real.with_users(folder)) as host:
        yield host


def denied(call: Callable[[], Any], host: str) -> AicrError:
    with pytest.raises(AicrError) as caught:
        call()
    assert caught.value.exit_status == 4
    assert f"docker login {host}" in (caught.value.hint or "")
    assert real.PASSWORD not in f"{caught.value} {caught.value.hint}"
    return caught.value


def test_a_user(guarded: str, context: Make, files: Files, docker: Docker) -> None:
    uri = f"oci://{guarded}/team/x:1"

    def push() -> str:
        return publisher.push(context(), uri, files, FACTS)

    denied(push, guarded)
    docker({"auths": {guarded: {"auth": base64.b64encode(b"robin:wrong").decode()}}})
    assert "with the credentials for it" in str(denied(push, guarded))
    docker({"auths": {guarded: {"auth": real.BASIC}}})
    push()
    assert sorted(publisher.pull(context(), uri), key=str) == sorted(files, key=str)


def test_a_user_of_a_helper(
    guarded: str, context: Make, files: Files, docker: Docker, tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    helper = tmp_path / "bin/docker-credential-tests"
    helper.parent.mkdir()
    answer = json.dumps({"Username": real.USER, "Secret": real.PASSWORD})
    helper.write_text(f"#!/bin/sh\n[ \"$(cat)\" = {guarded} ] && echo '{answer}'\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{helper.parent}:{os.environ['PATH']}")
    docker({"credHelpers": {guarded: "tests"}})
    assert publisher.push(context(), f"oci://{guarded}/team/helper:1", files, FACTS)


@pytest.fixture
def tokens(tmp_path: pathlib.Path) -> Iterator[tuple[str, real.TokenServer]]:
    """A registry that believes a token server, and that server."""
    server = real.TokenServer(tmp_path)
    try:
        with real.registry(tmp_path / "registry", server.settings()) as host:
            yield host, server
    finally:
        server.close()


def test_tokens(
    tokens: tuple[str, real.TokenServer], context: Make, files: Files, docker: Docker
) -> None:
    host, server = tokens
    uri = f"oci://{host}/team/x:1"
    denied(lambda: publisher.push(context(), uri, files, FACTS), host)
    docker({"auths": {host: {"auth": real.BASIC}}})
    server.asked.clear()
    publisher.push(context(), uri, files, FACTS)
    scope = {"service": ["tests"], "scope": ["repository:team/x:pull,push"]}
    assert server.asked == [("GET", scope)]  # one token is enough for all of it
    docker({})
    assert publisher.pull(context(), uri)  # anybody may pull, with a token for nobody
    assert server.asked[-1][1]["scope"] == ["repository:team/x:pull"]


def test_identity_tokens(
    tokens: tuple[str, real.TokenServer], context: Make, files: Files, docker: Docker
) -> None:
    host, server = tokens
    docker({"auths": {host: {"identitytoken": server.identity}}})
    assert publisher.push(context(), f"oci://{host}/team/x:1", files, FACTS)
    ((method, form),) = server.asked
    assert method == "POST"
    assert form["grant_type"] == ["refresh_token"]
    docker({"auths": {host: {"identitytoken": "of somebody else"}}})
    error = denied(lambda: publisher.push(context(), f"oci://{host}/team/y:1", files, FACTS), host)
    assert "get a token" in str(error)
    assert "somebody" not in str(error)


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, pathlib.Path]]:
    """A registry with TLS, and its certificate."""
    folder = tmp_path_factory.mktemp("tls")
    settings, certificate = real.with_tls(folder)
    with real.registry(folder / "registry", settings) as host:
        yield host, certificate


def test_tls(
    secure: tuple[str, pathlib.Path], context: Make, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, certificate = secure
    uri = f"oci://{host}/team/x:1"
    with pytest.raises(AicrError, match="its certificate is not trusted: self-signed") as caught:
        publisher.push(context(plain_http=False), uri, files, FACTS)
    assert caught.value.exit_status == 6
    assert "SSL_CERT_FILE" in (caught.value.hint or "")
    first = publisher.push(context(plain_http=False, insecure_tls=True), uri, files, FACTS)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert publisher.push(context(plain_http=False), uri, files, FACTS) == first
    assert publisher.pull(context(plain_http=False), uri.replace("127.0.0.1", "localhost"))


def test_plain_http_wins_over_insecure_tls(
    secure: tuple[str, pathlib.Path], plain_registry: str, context: Make, files: Files
) -> None:
    uri = f"oci://{plain_registry}/team/both:1"
    assert publisher.push(context(plain_http=True, insecure_tls=True), uri, files, FACTS)
    with pytest.raises(AicrError, match="400") as caught:
        publisher.push(
            context(plain_http=True, insecure_tls=True), f"oci://{secure[0]}/x:1", files, FACTS
        )
    assert caught.value.exit_status == 2


def test_a_certificate_for_another_name(
    tmp_path: pathlib.Path, context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faulty_registry import FaultyRegistry

    certificate, key = real.certificate(tmp_path, by_address=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with FaultyRegistry((str(certificate), str(key))) as server:
        port = server.host.partition(":")[2]
        with pytest.raises(AicrError, match="404"):
            publisher.pull(context(plain_http=False), f"oci://localhost:{port}/x:1")
        with pytest.raises(AicrError, match=r"certificate is not trusted: .*mismatch"):
            publisher.pull(context(plain_http=False), f"oci://{server.host}/x:1")


def test_a_secure_registry_sends_nobody_to_an_unsafe_place(
    tmp_path: pathlib.Path, context: Make, files: Files, docker: Docker
) -> None:
    import faulty_registry as fault

    certificate, key = real.certificate(tmp_path)
    with (
        fault.FaultyRegistry((str(certificate), str(key))) as server,
        fault.FaultyRegistry() as other,
    ):
        docker({"auths": {server.host: {"auth": real.BASIC}}})

        def push() -> str:
            options = context(plain_http=False, insecure_tls=True)
            return publisher.push(options, f"oci://{server.host}/x:1", files, FACTS)

        server.rule("POST", "", fault.reply(202, Location=f"http://{other.host}/up"))
        with pytest.raises(AicrError, match="a place that is not safe") as caught:
            push()
        assert caught.value.exit_status == 6
        bearer = f'Bearer realm="http://{other.host}/token"'
        server.rule("HEAD", "", fault.reply(401, WWW_Authenticate=bearer))
        with pytest.raises(AicrError, match="a place that is not safe") as caught:
            push()
        assert other.log == []


# --- proxies -------------------------------------------------------------------------------------


def test_proxies(
    context: Make, files: Files, monkeypatch: pytest.MonkeyPatch, docker: Docker
) -> None:
    """A plain registry behind a proxy, which stands in for it here; a TLS registry is asked for with CONNECT."""
    import faulty_registry as fault

    with fault.FaultyRegistry() as proxy:
        login = base64.b64encode(b"me:pass word").decode()
        monkeypatch.setenv("HTTP_PROXY", f"http://me:pass%20word@{proxy.host}")
        monkeypatch.setenv("HTTPS_PROXY", proxy.host)
        uri = "oci://registry.example:5000/team/x:1"
        publisher.push(context(), uri, files, FACTS)
        assert publisher.pull(context(), uri)
        assert all(s.path.startswith("http://registry.example:5000/v2/team/x/") for s in proxy.log)
        assert all(s.headers["proxy-authorization"] == f"Basic {login}" for s in proxy.log)
        assert all(s.headers["host"] == "registry.example:5000" for s in proxy.log)
        proxy.rule("CONNECT", "", fault.reply(407))
        with pytest.raises(AicrError, match="407") as caught:
            publisher.pull(context(plain_http=False), uri)
        assert caught.value.exit_status == 6
        assert proxy.log[-1].path == "registry.example:5000"
        proxy.log.clear()
        monkeypatch.setenv("NO_PROXY", "registry.example")
        with pytest.raises(AicrError, match="cannot connect"):
            publisher.pull(context(), uri)
        with pytest.raises(AicrError, match="404"):  # this machine is never asked through a proxy
            publisher.pull(context(), f"oci://{proxy.host}/x:none")
        assert [s.path for s in proxy.log] == ["/v2/x/manifests/none"]


@pytest.mark.parametrize(
    "proxy", ["socks5://me:secret@127.0.0.1:1", "https://p:1", "http://", "http://p:x"]
)
def test_proxies_of_another_kind(
    context: Make, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(AicrError, match="only proxies with an address like") as caught:
        publisher.pull(context(), "oci://registry.example/x:1")
    assert caught.value.exit_status == 2
    assert "secret" not in str(caught.value)


def test_a_slow_upload_is_given_up(
    context: Make, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that takes no more of a body than fits its buffers."""
    import socket
    import threading

    monkeypatch.setattr(transport, "SECONDS", 0.5)
    monkeypatch.setattr(transport, "BYTES_A_SECOND", 10**9)
    listener = socket.create_server(("127.0.0.1", 0))
    host = f"127.0.0.1:{listener.getsockname()[1]}"
    held = []

    def serve() -> None:
        connection, _ = listener.accept()
        held.append(connection)
        for answer in (b"404 Not Found\r\n", b"202 Accepted\r\nLocation: /up\r\n"):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 " + answer + b"Content-Length: 0\r\n\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    noise = [Artifact(path="x", data=os.urandom(30_000_000))]
    with pytest.raises(AicrError, match="not complete within") as caught:
        publisher.push(context(), f"oci://{host}/x:1", noise, FACTS)
    assert caught.value.exit_status == 5
    thread.join()
    for item in (listener, *held):
        item.close()
