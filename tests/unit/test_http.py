"""Documents over http from servers that misbehave: a bounded wait, one clear error, never half a document."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from aicr_core.cli.root import run
from aicr_core.kit import http, limits
from aicr_core.kit.errors import AicrError

YAML = b"kind: RecipeCriteria\nspec:\n  service: eks\n"
JSON = b'{"spec": {"service": "eks"}}'
Serve = Callable[..., str]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Give a function that answers every connection with the given bytes, and gives the server's URL."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    running: list[tuple[socket.socket, threading.Thread]] = []

    def start(*parts: bytes, pause: float = 0.0) -> str:
        listener = socket.create_server(("127.0.0.1", 0))

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(OSError):
                        connection.recv(4096)
                        for part in parts:
                            connection.sendall(part)
                            time.sleep(pause)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        running.append((listener, thread))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener, thread in running:
        # Closing alone would leave the thread waiting on a number that the next listener gets.
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(20)
        listener.close()


def head(status: str = "200 OK", **headers: object) -> bytes:
    lines = [f"HTTP/1.1 {status}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode()


def ask(url: str) -> int:
    return run(["recipe", "--criteria", url])


@pytest.mark.parametrize(
    ("body", "kind", "path"),
    [
        (YAML, "text/plain", "/c.yaml?token=x.json"),
        (YAML, "application/json", "/c.yaml"),
        (JSON, "application/json; charset=utf-8", "/c?format=yaml"),
        (JSON, "application/vnd.aicr+json", "/c"),
        (JSON, "text/html", "/C.JSON"),
        (YAML, "text/plain", "/a b/grün.yaml"),
    ],
)
def test_the_path_decides_the_format_then_the_server(
    body: bytes, kind: str, path: str, serve: Serve
) -> None:
    """B6."""
    url = serve(head(Content_Type=kind, Content_Length=len(body)), body)
    assert ask(url + path) == 0
    assert ask(url.replace("http", "HTTP") + path) == 0


@pytest.mark.parametrize(
    ("status", "code"),
    [("404 x", 3), ("403 x", 4), ("429 x", 7), ("504 x", 5), ("500 x", 6), ("204 x", 6), ("302 x", 6)],
)  # fmt: skip
def test_the_servers_answer_gives_the_exit(status: str, code: int, serve: Serve) -> None:
    assert ask(serve(head(status))) == code


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ((b"no http at all\r\n\r\n",), "cannot fetch"),
        ((head(Content_Length=500), YAML), "after 42 of 500 bytes"),
        ((head(Transfer_Encoding="chunked"), b"20\r\nkind"), "cannot fetch"),
        ((head("302 x", Location="ftp://127.0.0.1/x"),), "the server sends us to ftp:"),
        ((head("302 x", Location="file:///etc/passwd"),), "the server answers 302"),
        ((b"",), "cannot fetch"),
    ],
)
def test_half_an_answer_is_none(
    parts: tuple[bytes, ...], text: str, serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first 42 of 500 bytes are valid YAML: they would have given a recipe."""
    assert ask(serve(*parts)) == 6
    captured = capsys.readouterr()
    assert captured.err.startswith("[SERVICE_UNAVAILABLE]")
    assert text in captured.err
    assert captured.out == ""


def test_a_server_that_drips_is_not_waited_for(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(limits, "HTTP", 0.5)
    url = serve(head(), *[b"#"] * 30, pause=0.1)
    start = time.monotonic()
    assert ask(url) == 5
    assert time.monotonic() - start < 3
    assert "not complete within 0.5 s" in capsys.readouterr().err


def test_a_body_without_end(serve: Serve) -> None:
    assert ask(serve(head(), *[b"#" * 1_000_000] * 11)) == 2


@pytest.mark.parametrize("url", ["http://[::1/x", "http:///x", "http://127.0.0.1:99999/x"])
def test_what_is_no_url(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(url) == 2
    assert capsys.readouterr().err.startswith("[INVALID_REQUEST]")


def test_nobody_listens_and_closed_input(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert ask(f"http://127.0.0.1:{port}/c.yaml") == 6
    monkeypatch.setattr("sys.stdin", None)
    assert ask("-") == 2
    assert "standard input is closed" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url", ["http://ann:s3cret@127.0.0.1:1/x", "https://ann:s3cret@host:1x/", "http://s3@cret@h/"]
)
def test_a_password_in_a_url_is_refused_and_not_repeated(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(url) == 2
    text = "".join(capsys.readouterr())
    assert not any(word in text for word in ("ann", "s3cret", "s3@", "s3"))


def test_no_server_leads_away_from_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was fetched over http is what anybody on the way wanted it to be."""
    from email.message import Message
    from io import BytesIO
    from urllib.request import HTTPSHandler
    from urllib.response import addinfourl

    def answer(_self: object, request: object) -> addinfourl:
        headers = Message()
        headers["Location"] = "http://127.0.0.1:1/c.yaml"
        found = addinfourl(BytesIO(b""), headers, "https://host.example/c.yaml", 302)
        found.msg = "Found"  # type: ignore[attr-defined]
        return found

    monkeypatch.setattr(HTTPSHandler, "https_open", answer)
    with pytest.raises(AicrError, match="without TLS"):
        http.fetch("https://host.example/c.yaml")
