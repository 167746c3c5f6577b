"""The outermost layer: what every request gets, in one pass (spec/server.md 4, 21.3).

Request identifier, version header, rate limit, the checks of HTTP itself that servers do differently, counting, the
access line, and the last net under an endpoint that has a defect. Routes and their answers are inside.
"""

from __future__ import annotations

import html
import posixpath
import re
import time
import urllib.parse
from typing import TYPE_CHECKING, Any

from aicr_core.api import Code
from aicr_server import metrics, problems, requestid
from aicr_server.clients import Clients
from aicr_server.page import ROOT, is_part
from aicr_server.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from aicr_server.accesslog import AccessLog
    from aicr_server.answers import Answer
    from aicr_server.auth import Guard
    from aicr_server.limiter import Limiter
    from aicr_server.ready import Ready
    from aicr_server.settings import ServerSettings

    Headers = dict[bytes, bytes]
    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

_BROKEN = re.compile(rb"%(?![0-9A-Fa-f]{2})")
MOST_HEADER_BYTES = 68 * 1024
"""The reference's limit with its slack (spec/server.md 2); the servers themselves stop somewhere above it."""
OPEN = frozenset({"/health", "/ready", "/metrics"})
"""Never limited, and without the headers of the chain: probes and scrapers ask them."""


class Front:
    """Wraps the application; ``routes`` are the paths that have a label of their own in the metrics."""

    def __init__(
        self,
        inner: App,
        settings: ServerSettings,
        limiter: Limiter,
        counters: metrics.Metrics,
        log: AccessLog,
        guard: Guard,
        routes: frozenset[str],
        ready: Ready,
    ) -> None:
        self._inner = inner
        self._settings = settings
        self._limiter = limiter
        self._counters = counters
        self._log = log
        self._guard = guard
        self._routes = routes
        self._ready = ready
        self._clients = Clients(settings.trusted_proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; lifespan messages go through."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        started = time.perf_counter()
        path = scope["path"]
        clean = _clean(path)
        if clean != path:
            await _redirect(scope, clean, send)
            return
        # Names are in lower case (ASGI); of one that stands twice the last counts.
        headers = dict(scope["headers"])
        request_id = requestid.of(headers.get(b"x-request-id", b"").decode("latin-1"))
        scope["aicr.request_id"] = request_id
        chained = path not in OPEN
        extra: list[tuple[bytes, bytes]] = []
        if chained:
            extra = [(b"x-api-version", b"v1"), (b"x-request-id", request_id.encode("latin-1"))]
        if b"transfer-encoding" in headers:
            # Some servers take away a Content-Length that stood beside it, and then the connection has to end with
            # this request (RFC 9112, 6.3); whether there was one is not to be seen here.
            extra.append((b"connection", b"close"))
        sending = _Sending(send, extra)
        self._counters.in_flight += 1
        try:
            problem = self._refused(scope, headers, chained, extra)
            known = self._ready.find(scope, headers) if problem is None and chained else None
            if known is not None:
                await sending.known(known, scope["method"], headers)
            elif problem is None:
                await self._inner(scope, receive, sending)
            else:
                await self.send_problem(problem, request_id, sending)
        except Exception as error:  # the last net: a defect must not take the process along
            self._counters.recoveries += 1
            self._log.defect(request_id, error)
            if not sending.begun:
                await self.send_problem(
                    Problem(Code.INTERNAL, "Internal server error"), request_id, sending
                )
        finally:
            self._counters.in_flight -= 1
            seconds = time.perf_counter() - started
            if chained:
                route = self._route(path)
                self._counters.done(scope["method"], route, sending.status, seconds)
                self._log.request(scope, request_id, sending.status, sending.size, seconds)

    def _route(self, path: str) -> str:
        """Give the label of a path in the metrics: few, whatever clients ask for."""
        if is_part(path):
            return f"{ROOT}/"
        return path if path in self._routes else metrics.UNMATCHED

    def _refused(
        self, scope: Scope, headers: Headers, chained: bool, extra: list[tuple[bytes, bytes]]
    ) -> Problem | None:
        """Give why a request is refused before any endpoint sees it, if it is."""
        problem = _malformed(scope, headers)
        if problem is not None:
            return problem
        if not chained or not self._limiter.rate:
            return self._unauthorized(scope, headers)
        verdict = self._limiter.take(self._client(scope, headers))
        extra += [
            (b"x-ratelimit-limit", b"%d" % self._settings.rate_limit),
            (b"x-ratelimit-remaining", b"%d" % verdict.remaining),
            (b"x-ratelimit-reset", b"%d" % (int(time.time()) + 1)),
        ]
        if not verdict.passes:
            self._counters.rejects += 1
            details = {
                "limit": int(self._settings.rate_limit),
                "burst": self._settings.rate_burst,
            }
            return Problem(
                Code.RATE_LIMIT_EXCEEDED,
                "Rate limit exceeded",
                details,
                headers={"retry-after": "1"},
            )
        return self._unauthorized(scope, headers)

    def _unauthorized(self, scope: Scope, headers: Headers) -> Problem | None:
        given = headers.get(b"authorization", b"").decode("latin-1")
        return self._guard.refuses(scope["path"], given)

    def _client(self, scope: Scope, headers: Headers) -> str:
        if self._settings.rate_scope == "global":
            return ""
        peer = str((scope.get("client") or ("", 0))[0])
        forwarded = ""
        if b"x-forwarded-for" in headers:
            lines = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
            forwarded = b",".join(lines).decode("latin-1")
        return self._clients.name(peer, forwarded)

    @staticmethod
    async def send_problem(problem: Problem, request_id: str, send: Send) -> None:
        """Send a problem as its document."""
        body = problems.document(problem, request_id)
        headers = {
            "content-type": "application/json",
            **problem.headers,
            "content-length": str(len(body)),
        }
        encoded = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
        ]
        await send({"type": "http.response.start", "status": problem.status, "headers": encoded})
        await send({"type": "http.response.body", "body": body})


class _Sending:
    """Sends an answer with the headers of the chain, and remembers what it was."""

    def __init__(self, send: Send, extra: list[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._extra = extra
        self.status = 500
        self.size = 0
        self.begun = False

    async def __call__(self, message: Message) -> None:
        """Send one message of an endpoint."""
        if message["type"] == "http.response.start":
            self.begun = True
            self.status = message["status"]
            message = {**message, "headers": [*message.get("headers", ()), *self._extra]}
        else:
            self.size += len(message.get("body", b""))
        await self._send(message)

    async def known(self, answer: Answer, method: str, headers: Headers) -> None:
        """Send an answer that was given before, or say that the client has it."""
        status, pairs, body = 200, answer.headers, answer.body
        if answer.is_known(headers.get(b"if-none-match", b"").decode("latin-1")):
            status, pairs, body = 304, answer.unchanged(), b""
        elif method == "HEAD":
            body = b""
        self.begun, self.status, self.size = True, status, len(body)
        start = {"type": "http.response.start", "status": status, "headers": pairs + self._extra}
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


def _clean(path: str) -> str:
    """Give a path without ``//``, ``/./`` and ``/../``; the slash at its end stays."""
    if "//" not in path and "/." not in path:
        return path
    clean = posixpath.normpath(path).replace("//", "/")
    return f"{clean}/" if path.endswith("/") and clean != "/" else clean


async def _redirect(scope: Scope, path: str, send: Send) -> None:
    query = scope["query_string"].decode("latin-1")
    target = urllib.parse.quote(path, safe="/%:@!$&'()*+,;=-._~") + (f"?{query}" if query else "")
    body = b""
    headers = [(b"location", target.encode("latin-1"))]
    if scope["method"] == "GET":
        body = f'<a href="{html.escape(target)}">Temporary Redirect</a>.\n\n'.encode()
        headers.append((b"content-type", b"text/html; charset=utf-8"))
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": 307, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _malformed(scope: Scope, headers: Headers) -> Problem | None:
    """Give what is wrong with a request as HTTP, where servers disagree (spec/server.md 21.2)."""
    raw = scope.get("raw_path") or scope["path"].encode()
    if b"%" in raw and _BROKEN.search(raw):
        return Problem(Code.INVALID_REQUEST, "The path holds a percent sign that encodes nothing")
    hosts, size = [], 0
    for name, value in scope["headers"]:
        size += len(name) + len(value) + 4
        if name == b"host":
            hosts.append(value)
    # granian gives an empty one where there is none.
    if scope.get("http_version") == "1.1" and (len(hosts) != 1 or not hosts[0]):
        return Problem(
            Code.INVALID_REQUEST, "A request has exactly one Host header", headers={"connection": "close"}
        )  # fmt: skip
    if size > MOST_HEADER_BYTES:
        return Problem(
            Code.INVALID_REQUEST, "The request's headers are too large",
            {"limit_bytes": MOST_HEADER_BYTES}, status=431, headers={"connection": "close"},
        )  # fmt: skip
    if b"content-length" in headers and b"transfer-encoding" in headers:
        return Problem(
            Code.INVALID_REQUEST, "Content-Length and Transfer-Encoding exclude each other",
            headers={"connection": "close"},
        )  # fmt: skip
    return None
