"""granian as the HTTP server (production), with the settings that spec/server.md 21 measured. Nothing is decided here.

Only HTTP/1.1 unless HTTP/2 is asked for: while it waits to see which of the two a client speaks, granian has no time
limit, so connections that send nothing would stay for ever and fill the limit of connections.
"""

from __future__ import annotations

import asyncio
import os
import pathlib
from typing import TYPE_CHECKING, Any

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings
from granian.server.embed import Server

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    import socket

    from aicr_server.front import App
    from aicr_server.settings import ServerSettings

NAME = "granian"
_HEADER_BUFFER = 65_536
_BACKLOG = 1024


class _Server(Server):
    """granian in this process's event loop, on a socket that is listening already."""

    listener: socket.socket
    _ssp: Any
    _shd: Any

    def _init_shared_socket(self) -> None:
        # granian closes what it is given when it stops; the socket stays its owner's.
        descriptor = os.dup(self.listener.fileno())
        self._ssp, self._shd = None, SocketHolder(descriptor, False, _BACKLOG)  # type: ignore[call-arg]


async def serve(
    app: App, listener: socket.socket, settings: ServerSettings, stop: asyncio.Event
) -> None:
    """Serve until ``stop`` is set and every request is answered. Raises AicrError when the server ends by itself."""
    tls: dict[str, Any] = {}
    if settings.tls_cert:
        tls = {
            "ssl_cert": pathlib.Path(settings.tls_cert),
            "ssl_key": pathlib.Path(settings.tls_key),
            "ssl_protocol_min": SSLProtocols.tls12,
        }
    server = _Server(
        app,
        interface=Interfaces.ASGINL,
        http=HTTPModes.auto if settings.http2 else HTTPModes.http1,
        websockets=False,
        backlog=_BACKLOG,
        backpressure=settings.connections,
        http1_settings=HTTP1Settings(
            header_read_timeout=max(1, int(settings.header_timeout * 1000)),
            max_buffer_size=_HEADER_BUFFER,
        ),
        http2_settings=HTTP2Settings(
            max_headers_size=_HEADER_BUFFER, keep_alive_interval=30_000, max_concurrent_streams=100
        ),
        log_enabled=False,
        **tls,
    )
    server.listener = listener
    task = asyncio.ensure_future(server.serve())
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not stop.is_set():
        stopping.cancel()
        await task
        raise AicrError(Code.INTERNAL, "the HTTP server stopped by itself", where=NAME)
    listener.close()
    server.stop()  # type: ignore[no-untyped-call]
    await task
