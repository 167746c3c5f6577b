"""What listens before the application is there, and after it was told to stop: probes are answered at any time.

The listener comes first, so Kubernetes sees a process that lives (``/health``) and is not ready (``/ready`` says 503
and why); loading follows in a thread. A new application takes the place of the old one between two requests (SIGHUP).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import Code
from aicr_server import problems, requestid
from aicr_server.problems import Problem, encode

if TYPE_CHECKING:
    from aicr_server.app import Application
    from aicr_server.front import App, Message, Receive, Scope, Send

STARTING, STOPPING = "service is initializing", "service is shutting down"


class Gate:
    """An ASGI application that hands requests to the one that is loaded."""

    def __init__(self) -> None:
        self._app: Application | None = None
        self._inner: App = self._without
        self.draining = False
        self.in_flight = 0

    def open(self, app: Application) -> None:
        """Let requests through to ``app``, from the next one on."""
        self._app = app
        app.state.ready = not self.draining
        self._inner = app

    def drain(self) -> None:
        """Tell probes that no more requests are wanted; what still comes is answered, and its connection closed."""
        self.draining = True
        if self._app is not None:
            self._app.state.ready, self._app.state.reason = False, STOPPING

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        self.in_flight += 1
        try:
            await self._inner(scope, receive, _closing(send) if self.draining else send)
        finally:
            self.in_flight -= 1

    async def _without(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer while nothing is loaded yet."""
        path, now = scope["path"], problems.timestamp()
        headers = {"content-type": "application/json"}
        if path == "/health":
            status, body = 200, encode({"status": "healthy", "timestamp": now})
        elif path == "/ready":
            reason = STOPPING if self.draining else STARTING
            status, body = 503, encode({"status": "not_ready", "timestamp": now, "reason": reason})
        else:
            given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
            request_id = requestid.of(given)
            problem = Problem(Code.SERVICE_UNAVAILABLE, "Service is initializing")
            status, body = problem.status, problems.document(problem, request_id)
            headers |= {"x-api-version": "v1", "x-request-id": request_id, "retry-after": "1"}
        headers["content-length"] = str(len(body))
        if scope["method"] == "HEAD":
            body = b""
        pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": body})


def _closing(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [
                pair for pair in message.get("headers", ()) if pair[0].lower() != b"connection"
            ]
            message = {**message, "headers": [*headers, (b"connection", b"close")]}
        await send(message)

    return sending
