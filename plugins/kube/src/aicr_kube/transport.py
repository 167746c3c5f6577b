"""One connection pool to one API server: send a request, give back the answer or the error.

Knows deadlines, the limit of parallel requests and when asking again is right; knows nothing of objects.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from aicr_kube import failures
from aicr_kube.paths import Target, target_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kubernetes.client.api_client import ApiClient

PARALLEL = 8
"""Requests at once: the reference's client is throttled, ours is not (spec/snapshot.md 2.5)."""
CONNECT = 5.0
"""Seconds to connect (spec/snapshot.md 18): a host that drops packets must not eat the whole deadline."""
_BUSY = (429, 503)
_CHUNK = 1 << 16
_LINE = 1 << 20
"""Longest line of a stream: a log without line ends must not fill the memory (spec/snapshot.md 18)."""


class Request(NamedTuple):
    """One request, before authentication."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any = None
    content_type: str = "application/json"
    accept: str = "application/json"

    @property
    def target(self) -> Target:
        """What it is about, for messages."""
        return target_of(self.method, self.path, watch=self.query.get("watch") == "true")


class Transport:
    """Sends requests over the official client's pool, with its authentication."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self.host: str = client.configuration.host
        self.served: dict[str, dict[str, Any]] = {}
        """Resource lists by group version, as far as they were asked for."""
        self._slots = threading.BoundedSemaphore(PARALLEL)
        self._credentials = threading.Lock()

    def close(self) -> None:
        """Close the idle connections."""
        self._client.rest_client.close()

    def send(self, request: Request, remaining: Callable[[], float], limit: int = 0) -> bytes:
        """Give the body of a 2xx answer, with ``limit`` no more bytes of it; raises KubeError for all else."""
        with self._answer(request, remaining) as answer:
            return _body(answer, request.target, remaining, self.host, limit)

    def lines(self, request: Request, remaining: Callable[[], float]) -> Iterator[bytes]:
        """Give the lines of a streamed answer as they come, without their ends.

        Ends when the server ends it. Raises KubeError with reason ``Cut`` when the connection breaks, and TIMEOUT
        when the time is over.
        """
        with self._answer(request, remaining) as answer:
            rest = b""
            while True:
                part = _part(answer, request.target, remaining, self.host)
                if not part:
                    break
                *whole, rest = (rest + part).split(b"\n")
                yield from whole
                while len(rest) > _LINE:
                    yield rest[:_LINE]
                    rest = rest[_LINE:]
            if rest:
                yield rest

    @contextlib.contextmanager
    def _answer(self, request: Request, remaining: Callable[[], float]) -> Iterator[Any]:
        target = request.target
        streamed = request.query.get("watch") == "true" or request.query.get("follow") == "true"
        with contextlib.ExitStack() as held:
            while True:
                slot = held.enter_context(self._slot(target, remaining))
                answer = self._open(request, target, remaining)
                held.callback(answer.release_conn)
                held.callback(_drop, answer)
                if 200 <= answer.status < 300:
                    break
                body = _body(answer, target, remaining, self.host)
                wait = _wait(answer)
                if wait is None or wait >= remaining():
                    raise failures.from_answer(answer.status, body, target)
                held.close()
                time.sleep(wait)
            if streamed:
                slot()  # a stream waits most of its life: it must not keep others from asking
            yield answer

    @contextlib.contextmanager
    def _slot(self, target: Target, remaining: Callable[[], float]) -> Iterator[Callable[[], None]]:
        if not self._slots.acquire(timeout=remaining()):
            raise failures.timed_out(target)
        free = threading.Lock()

        def release() -> None:
            if free.acquire(blocking=False):
                self._slots.release()

        try:
            yield release
        finally:
            release()

    def _open(self, request: Request, target: Target, remaining: Callable[[], float]) -> Any:
        """Send once; a reading request twice when an idle connection turns out to be dead."""
        from urllib3.exceptions import HTTPError, ProtocolError

        url = self.host + request.path
        if request.query:
            url += "?" + urlencode(request.query)
        tries = 2 if request.method == "GET" else 1
        while True:
            tries -= 1
            left = remaining()
            if left <= 0:
                raise failures.timed_out(target)
            try:
                return self._client.call_api(
                    request.method,
                    url,
                    header_params=self._headers(request),
                    body=request.body,
                    _request_timeout=(min(CONNECT, left), left),
                ).response
            except ProtocolError as error:
                if not tries:
                    raise failures.from_exception(error, target, self.host) from None
            except (HTTPError, OSError, self._api_error()) as error:
                raise failures.from_exception(error, target, self.host) from None

    def _headers(self, request: Request) -> dict[str, str]:
        headers = {"Accept": request.accept, "User-Agent": self._client.user_agent}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        with self._credentials:  # a refresh may run a program: once is enough
            self._client.update_params_for_auth(
                headers, [], ["BearerToken"], request.path, request.method, None
            )
        return headers

    @staticmethod
    def _api_error() -> type[Exception]:
        from kubernetes.client.exceptions import ApiException

        return ApiException


def _wait(answer: Any) -> float | None:
    """Give how long a busy server asks us to wait; None when asking again is not right."""
    if answer.status not in _BUSY:
        return None
    try:
        return max(0.05, float(answer.headers["Retry-After"]))
    except (KeyError, ValueError):
        return None


def _body(
    answer: Any, target: Target, remaining: Callable[[], float], host: str, limit: int = 0
) -> bytes:
    parts = []
    size = 0
    while (not limit or size < limit) and (part := _part(answer, target, remaining, host)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)[: limit or None]


def _part(answer: Any, target: Target, remaining: Callable[[], float], host: str) -> bytes:
    from urllib3.exceptions import HTTPError

    left = remaining()
    if left <= 0:
        raise failures.timed_out(target)
    socket = getattr(answer.connection, "sock", None)
    if socket is not None:
        socket.settimeout(left)  # it still has what was left when the request was sent
    try:
        part: bytes = answer.read1(_CHUNK)
    except (HTTPError, OSError) as error:
        raise failures.from_exception(error, target, host) from None
    return part


def _drop(answer: Any) -> None:
    """Close what was not read to its end: such a connection cannot carry another request."""
    if not answer.closed:
        answer.close()
