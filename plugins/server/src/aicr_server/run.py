"""The life of a server process: listen, load, serve, drain, exit (spec/server.md 1, 12, 17 D19, 21).

``with_granian`` and ``with_uvicorn`` serve, ``AICR_HTTP_ENGINE`` chooses; what signals mean is decided here, for both:
SIGTERM and SIGINT drain, a second one ends at once; SIGHUP loads anew and changes over between two requests.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, NoReturn

from aicr_core.api import AicrError, Code, __version__
from aicr_server import listening
from aicr_server.accesslog import AccessLog
from aicr_server.app import make
from aicr_server.gate import Gate
from aicr_server.settings import ServerSettings

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Mapping

    from aicr_server.app import Application
    from aicr_server.front import App

    Serve = Callable[[App, socket.socket, ServerSettings, asyncio.Event], Awaitable[None]]

EXIT_OK, EXIT_FAILED = 0, 1
_TELL_EVERY = 1.0
"""Seconds between two times that a worker tells the others what it counted."""


def check(env: Mapping[str, str]) -> None:
    """Check the settings and load everything; nothing listens. Raises AicrError."""
    settings = _first(env)
    _engine(settings)
    listening.check_tls(settings)
    make(env, AccessLog("warn", settings.log_format))


def serve(env: Mapping[str, str]) -> int:
    """Serve until told to stop; give the exit status. Raises AicrError for settings that cannot be used."""
    settings = _first(env)
    engine, _ = _engine(settings)
    listening.check_tls(settings)
    listening.raise_file_limit(settings.connections)
    log = AccessLog(settings.log_level, settings.log_format)
    listener = listening.listen(settings)
    log.event(
        "info", "server start", address=listening.shown(listener), engine=engine,
        workers=settings.workers, tls=bool(settings.tls_cert), pid=os.getpid(),
    )  # fmt: skip
    if settings.workers == 1:
        return asyncio.run(Process(env, settings, log, listener).run())
    # Loaded once, before the processes part: they share what is loaded, and an error is said once.
    application = make(env, log)
    gc.freeze()

    from aicr_server.board import Board, Post
    from aicr_server.workers import Workers

    board = Board(settings.workers)

    def work(place: int, parent: int) -> int:
        application.metrics.share(Post(board, place))
        return asyncio.run(Process(env, settings, log, listener, application, parent).run())

    # The workers keep their own time; this is for one that does not.
    patience = settings.drain_grace + settings.shutdown_timeout + 5
    status = Workers(settings.workers, work, log, patience).run(listener.close)
    log.event("info", "server stopped", status=status)
    return status


def _first(env: Mapping[str, str]) -> ServerSettings:
    """Read the settings as far as that goes before the criteria values are known: allowlists are held to them later."""
    return ServerSettings.from_env(env, lambda _dimension, text: text)


def _engine(settings: ServerSettings) -> tuple[str, Serve]:
    """Give the name and the function of the HTTP server. Raises AicrError when it is not installed."""
    wanted = settings.http_engine
    has_granian = importlib.util.find_spec("granian") is not None
    if wanted == "granian" and not has_granian:
        raise AicrError(
            Code.INVALID_REQUEST, "granian is not installed", where="AICR_HTTP_ENGINE",
            hint="pip install 'aicr-server[granian]'",
        )  # fmt: skip
    if wanted == "granian" or (not wanted and has_granian):
        from aicr_server import with_granian

        return with_granian.NAME, with_granian.serve
    if settings.http2:
        raise AicrError(Code.INVALID_REQUEST, "HTTP/2 needs granian", where="AICR_HTTP2")
    from aicr_server import with_uvicorn

    return with_uvicorn.NAME, with_uvicorn.serve


class Process:
    """One process that serves. ``application`` if it is loaded already, ``parent`` a pipe that ends with the parent."""

    def __init__(
        self,
        env: Mapping[str, str],
        settings: ServerSettings,
        log: AccessLog,
        listener: socket.socket,
        application: Application | None = None,
        parent: int | None = None,
    ) -> None:
        self._env = env
        self._settings = settings
        self._log = log
        self._listener = listener
        self._application = application
        self._parent = parent
        self._gate = Gate()
        self._told = asyncio.Event()
        self._stop = asyncio.Event()
        self._loading: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None
        self._wanted = False

    async def run(self) -> int:
        """Serve; give the exit status. Raises AicrError when what is to be served cannot be loaded."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._tell)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        if self._parent is not None:
            loop.add_reader(self._parent, self._orphaned)
            self._telling = asyncio.ensure_future(self._tell_others())
        _, serve_requests = _engine(self._settings)
        serving = asyncio.ensure_future(
            serve_requests(self._gate, self._listener, self._settings, self._stop)
        )
        told = asyncio.ensure_future(self._told.wait())
        if self._application is None:
            first = asyncio.ensure_future(self._load())
            await asyncio.wait({first, serving, told}, return_when=asyncio.FIRST_COMPLETED)
            if first.done():
                first.result()
        else:
            self._gate.open(self._application)
        await asyncio.wait({serving, told}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
        return await self._drain(serving)

    async def _tell_others(self) -> None:
        """Tell the other workers what this one counted, until the process ends."""
        while self._application is not None:
            self._application.metrics.tell()
            await asyncio.sleep(_TELL_EVERY)

    async def _load(self) -> None:
        started = time.perf_counter()
        counters = self._application.metrics if self._application else None
        application = await asyncio.to_thread(make, self._env, self._log, counters)
        self._application = application
        self._gate.open(application)
        seconds = round(time.perf_counter() - started, 3)
        self._log.event("info", "server ready", version=__version__, seconds=seconds)

    def _reload(self) -> None:
        """Load anew; what is wrong then leaves everything as it is. Told while it loads, it loads once more after."""
        self._wanted = True
        if self._application is None or (self._loading and not self._loading.done()):
            return

        async def again() -> None:
            while self._wanted:
                self._wanted = False
                try:
                    await self._load()
                except AicrError as error:
                    self._log.event("error", "cannot load anew, nothing changes", error=str(error))

        self._loading = asyncio.ensure_future(again())

    def _tell(self) -> None:
        if self._told.is_set():
            self._log.event("error", "told to stop twice, so at once")
            _leave(EXIT_FAILED)
        self._told.set()

    def _orphaned(self) -> None:
        assert self._parent is not None
        asyncio.get_running_loop().remove_reader(self._parent)
        self._told.set()

    async def _drain(self, serving: asyncio.Future[None]) -> int:
        """Let probes see that this process leaves, then close the listener and answer what has begun."""
        self._gate.drain()
        self._log.event("info", "shutting down server", in_flight=self._gate.in_flight)
        await asyncio.sleep(self._settings.drain_grace)
        self._stop.set()
        done, _ = await asyncio.wait({serving}, timeout=self._settings.shutdown_timeout)
        if not done:
            self._log.event(
                "error", "the time to shut down is over", in_flight=self._gate.in_flight,
                seconds=self._settings.shutdown_timeout,
            )  # fmt: skip
            # Work that is not finished must not hold the process.
            _leave(EXIT_FAILED)
        serving.result()
        self._log.event("info", "server stopped", status=EXIT_OK)
        return EXIT_OK


def _leave(status: int) -> NoReturn:
    sys.stderr.flush()
    os._exit(status)
