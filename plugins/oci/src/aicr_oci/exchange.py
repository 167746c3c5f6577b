"""One request and its answer on a connection, bounded in time and size. What an answer means, others say."""

from __future__ import annotations

import http.client
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from email.message import Message

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
    body = _parts(request.body, deadline) if request.body else request.body
    try:
        connection.request(request.method, request.path, body, dict(request.headers))
    except (BrokenPipeError, ConnectionResetError):
        # A server that has heard enough may have said why before it closed.
        if connection.sock is None or not request.body:
            raise
    socket = connection.sock
    assert socket is not None
    socket.settimeout(deadline.left())
    with connection.getresponse() as response:
        bound = request.limit if response.status < 300 else _ERROR_BODY
        data = bytearray()
        while len(data) <= bound and not response.isclosed():
            socket.settimeout(deadline.left())
            # read() would wait for all of it, however slowly it comes.
            part = response.read1(min(_CHUNK, bound + 1 - len(data)))
            if not part:
                break
            data += part
        if len(data) <= bound and response.length and request.method != "HEAD":
            raise http.client.IncompleteRead(bytes(data), response.length)
        whole = response.isclosed() or response.length == 0
        answer = Answer(response.status, response.headers, bytes(data))
        return answer, whole and not response.will_close


def _parts(body: bytes, deadline: Deadline) -> Iterator[memoryview]:
    view = memoryview(body)
    for start in range(0, len(view), _CHUNK):
        deadline.left()
        yield view[start : start + _CHUNK]
