"""One request and its answer on a connection, bounded in time and size. What an answer means, others say."""

from __future__ import annotations

import http.client
import io
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from email.message import Message
    from socket import socket

STALE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)
"""How a connection ends that the server has closed."""
_CHUNK = 64 * 1024
_ERROR_BODY = 64 * 1024


class Answer(NamedTuple):
    """Status, headers and body of an answer. A body over the limit is cut at one byte beyond it."""

    status: int
    headers: Message
    data: bytes


class Request(NamedTuple):
    """What is asked; ``limit`` bounds the body of a good answer."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    limit: int

    @property
    def origin(self) -> tuple[str, str]:
        """Scheme and server of the URL."""
        parts = urlsplit(self.url)
        return parts.scheme, parts.netloc

    @property
    def path(self) -> str:
        """What follows the server in the URL."""
        parts = urlsplit(self.url)
        return f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"


class Deadline(NamedTuple):
    """When an exchange has to be over, and how long a single wait may be."""

    end: float
    longest: float

    def left(self) -> float:
        """Give the seconds that the next wait may take. Raises TimeoutError when there are none."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return min(self.longest, left)


def exchange(
    connection: http.client.HTTPConnection, request: Request, deadline: Deadline
) -> tuple[Answer, bool]:
    """Send a request and read its answer; tell whether the connection can take another one.

    Raises what sockets, TLS and http.client raise, TimeoutError at the deadline, IncompleteRead for a cut body.
    """
    if connection.sock is not None:
        connection.sock.settimeout(deadline.left())
    connection.response_class = partial(_response, deadline)  # type: ignore[assignment]
    body = _parts(request.body, deadline) if request.body else request.body
    try:
        connection.request(request.method, request.path, body, dict(request.headers))
    except (BrokenPipeError, ConnectionResetError):
        # A server that has heard enough may have said why before it closed.
        if connection.sock is None or not request.body:
            raise
    with connection.getresponse() as response:
        bound = request.limit if response.status < 300 else _ERROR_BODY
        data = response.read(bound + 1)
        if len(data) <= bound and response.length and request.method != "HEAD":
            raise http.client.IncompleteRead(data, response.length)
        whole = response.isclosed() or response.length == 0
        return Answer(response.status, response.headers, data), whole and not response.will_close


class _Timed(io.RawIOBase):
    """What comes from a socket, all waits bounded by the deadline: headers, too, may come a byte at a time."""

    def __init__(self, connected: socket, deadline: Deadline) -> None:
        self._socket = connected
        self._deadline = deadline
        self._raw = connected.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        self._socket.settimeout(self._deadline.left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Reader:
    """As much of a socket as http.client reads answers from."""

    def __init__(self, connected: socket, deadline: Deadline) -> None:
        self._file = io.BufferedReader(_Timed(connected, deadline), _CHUNK)

    def makefile(self, _mode: str) -> io.BufferedIOBase:
        return self._file


def _response(deadline: Deadline, connected: socket, **options: object) -> http.client.HTTPResponse:
    reader = cast("socket", _Reader(connected, deadline))
    return http.client.HTTPResponse(reader, **options)  # type: ignore[arg-type]


def _parts(body: bytes, deadline: Deadline) -> Iterator[memoryview]:
    view = memoryview(body)
    for start in range(0, len(view), _CHUNK):
        deadline.left()
        yield view[start : start + _CHUNK]
