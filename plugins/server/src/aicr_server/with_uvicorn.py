"""uvicorn as the HTTP server: for development and tests, and where granian is not installed.

It limits neither the size nor the time of a request's header, so its protocol gets both here (spec/server.md 2, 21).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from aicr_core.api import AicrError, Code
from aicr_server.front import MOST_HEADER_BYTES

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from aicr_server.front import App
    from aicr_server.settings import ServerSettings

NAME = "uvicorn"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class _Bounded(HttpToolsProtocol):
    """The protocol with limits of a header's size and time, from its first byte or the connection on."""

    header_timeout: float = 5

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._timer: asyncio.TimerHandle | None = None
        self._in_header = True
        self._seen = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_header()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_header()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_header = True

    def on_headers_complete(self) -> None:
        self._in_header = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        # The read in which a header begins does not count: most end in it, and it is bounded itself.
        if self._in_header:
            self._seen += len(data)
        super().data_received(data)
        if not self._in_header:
            self._end_header()
        elif self._seen > MOST_HEADER_BYTES:
            self._end_header()
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        elif self._timer is None:
            # Most headers come whole: only one that has begun and is not complete is waited for.
            self._await_header()

    def _await_header(self) -> None:
        self._timer = self.loop.call_later(self.header_timeout, self._too_slow)

    def _end_header(self) -> None:
        self._seen = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        self.transport.close()


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to whom they belong."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    app: App, listener: socket.socket, settings: ServerSettings, stop: asyncio.Event
) -> None:
    """Serve until ``stop`` is set and every request is answered. Raises AicrError when the server ends by itself."""
    # What clients send wrong is answered, not logged by a second logger.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    protocol = type("Bounded", (_Bounded,), {"header_timeout": settings.header_timeout})
    server = _Server(
        uvicorn.Config(
            app, http=protocol, ws="none", lifespan="off", loop="asyncio",
            log_config=None, access_log=False, server_header=False, proxy_headers=False,
            timeout_keep_alive=int(settings.keep_alive), limit_concurrency=settings.connections,
            ssl_certfile=settings.tls_cert or None, ssl_keyfile=settings.tls_key or None,
        )
    )  # fmt: skip
    task = asyncio.ensure_future(server.serve(sockets=[listener]))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not stop.is_set():
        stopping.cancel()
        await task
        raise AicrError(Code.INTERNAL, "the HTTP server stopped by itself", where=NAME)
    server.should_exit = True
    await task
