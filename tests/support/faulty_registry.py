"""A small registry in this process that misbehaves as a test wants it to. No tests in here.

It keeps blobs and manifests in memory. ``rule`` makes requests of a method and path answer otherwise: with a status,
another body, too much or too little of it, slowly or without end. ``log`` holds every request that came.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import re
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

Handler = http.server.BaseHTTPRequestHandler
Action = Callable[[Handler], None]


class Seen(NamedTuple):
    """One request: method, path with query, headers, body."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def reply(status: int, body: bytes = b"", *, length: int | None = None, **headers: str) -> Action:
    """Answer with this; ``length`` is what Content-Length claims. Underscores in names of headers become dashes."""

    def act(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)
        handler.close_connection = length is not None and length != len(body)

    return act


def drip(size: int, pause: float = 0.2) -> Action:
    """Answer with ``size`` bytes, one at a time."""

    def act(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(size))
        handler.end_headers()
        for _ in range(size):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(pause)

    return act


def endless(handler: Handler) -> None:
    """Answer with a body that has no end."""
    handler.send_response(200)
    handler.end_headers()
    handler.close_connection = True
    while True:
        handler.wfile.write(b"x" * 65536)


def silent(handler: Handler) -> None:
    """Take the request and say nothing."""
    time.sleep(5)
    handler.close_connection = True


def hang_up(handler: Handler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True


class FaultyRegistry:
    """To be used in a ``with``; ``host`` is its address."""

    def __init__(self, tls: tuple[str, str] | None = None) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.log: list[Seen] = []
        self._rules: list[list[Any]] = []
        registry = self

        class Answering(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                headers = {name.lower(): value for name, value in self.headers.items()}
                seen = Seen(self.command, self.path, headers, body)
                registry.log.append(seen)
                with contextlib.suppress(OSError):
                    registry.action(seen)(self)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_CONNECT = _any

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self._server.daemon_threads = True
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.host = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    def __enter__(self) -> FaultyRegistry:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def rule(self, method: str, pattern: str, action: Action, times: int = 10**9) -> None:
        """Let the next ``times`` requests of a method whose path holds ``pattern`` be answered by ``action``."""
        self._rules.append([method, re.compile(pattern), action, times])

    def seen(self, method: str, pattern: str = "") -> list[Seen]:
        """Give the requests of a method whose path holds ``pattern``."""
        return [s for s in self.log if s.method == method and re.search(pattern, s.path)]

    def action(self, seen: Seen) -> Action:
        """Choose the answer to a request: the first rule for it, else what a registry does."""
        for rule in self._rules:
            if rule[0] == seen.method and rule[1].search(seen.path) and rule[3]:
                rule[3] -= 1
                chosen: Action = rule[2]
                return chosen
        parts = urlsplit(seen.path)
        last = parts.path.rpartition("/")[2]
        if seen.method == "POST":
            return reply(202, Location=f"{parts.path}session?state=1")
        if seen.method == "PUT" and "/blobs/uploads/" in parts.path:
            (digest,) = parse_qs(parts.query)["digest"]
            self.blobs[digest] = seen.body
            return reply(201 if digest == digest_of(seen.body) else 400)
        if seen.method == "PUT":
            for name in (last, digest_of(seen.body)):
                self.manifests[name] = (seen.headers["content-type"], seen.body)
            return reply(201)
        if "/blobs/" in parts.path and last in self.blobs:
            return reply(200, self.blobs[last])
        if "/manifests/" in parts.path and last in self.manifests:
            kind, data = self.manifests[last]
            return reply(200, data, Content_Type=kind)
        return reply(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')


def digest_of(data: bytes) -> str:
    """Give the digest of bytes, not with the code under test."""
    return "sha256:" + hashlib.sha256(data).hexdigest()
