"""HTTP to a registry: bounded in time and size, with retries that heal and none that do not.

Every exchange gets 30 seconds (spec/bundle.md 15) and, for what it carries, a second more for each 256 KiB; a server
that drips is given up as well as one that is silent. Answers 429 and 5xx, and connections that break, are tried again
after a pause, or after what ``Retry-After`` says where that is bearable. Connections are kept for the next request.

Made on http.client, see docs/dependencies.md: what is hard here (limits on whole answers, pauses that a server asks
for, who may see credentials) is what libraries leave to their callers. Who is asked what, and with which credentials,
is decided by :mod:`aicr_oci.registry`.
"""

from __future__ import annotations

import http.client
import ssl
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from aicr_core.api import AicrError, Code, __version__
from aicr_oci.proxies import proxy_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from email.message import Message

    from aicr_core.api import Context

SECONDS = 30.0
BYTES_A_SECOND = 256 * 1024
PAUSES = (1.0, 2.0, 4.0)
"""Between the tries; their number is that of the retries."""
LONGEST_PAUSE = 30.0
"""A ``Retry-After`` beyond this is told to the user instead of waited for."""
AGAIN = {429, 500, 502, 503, 504}
_CHUNK = 64 * 1024
_ERROR_BODY = 64 * 1024
_STALE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class Answer(NamedTuple):
    """Status, headers and body of an answer. A body over the limit is cut at one byte beyond it."""

    status: int
    headers: Message
    data: bytes


class Transport:
    """Speaks HTTP for one command. ``plain`` wins over ``insecure`` (spec/bundle.md 6)."""

    def __init__(self, ctx: Context, *, plain: bool, insecure: bool) -> None:
        self._ctx = ctx
        self.scheme = "http" if plain else "https"
        self._insecure = insecure
        self._tls: ssl.SSLContext | None = None
        self._idle: dict[tuple[str, str], http.client.HTTPConnection] = {}

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        body: bytes | None = None,
        limit: int = 0,
    ) -> Answer:
        """Make a request, again where that may heal; give the last answer, whatever its status.

        ``limit`` bounds the body of a good answer. Raises AicrError: TIMEOUT, or SERVICE_UNAVAILABLE where there
        is no whole answer; RATE_LIMIT_EXCEEDED or SERVICE_UNAVAILABLE where the server asks for a long pause.
        """
        for pause in (*PAUSES, None):
            try:
                answer = self._once(method, url, headers, body, limit)
            except _Broken as error:
                if pause is None:
                    raise error.error from None
            else:
                if answer.status not in AGAIN or pause is None:
                    return answer
                pause = self._pause(answer, pause, url)
            self._wait(pause)
        raise AssertionError("the last try returns or raises")

    def _pause(self, answer: Answer, pause: float, url: str) -> float:
        text = answer.headers.get("Retry-After", "").strip()
        if not (text.isascii() and text.isdigit()):
            return pause  # also for a date: our clock need not be the server's
        asked = float(text[:12])
        if asked > LONGEST_PAUSE:
            limited = answer.status == 429
            raise AicrError(
                Code.RATE_LIMIT_EXCEEDED if limited else Code.SERVICE_UNAVAILABLE,
                f"the server answers {answer.status} and asks to wait {asked:.0f} s",
                where=_place(url),
                hint="try again then",
            )
        return max(asked, pause) if asked else pause

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._ctx.cancelled or not self._ctx.remaining():
                raise AicrError(Code.TIMEOUT, "given up while waiting for the registry")
            time.sleep(min(0.2, left))

    def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        limit: int,
    ) -> Answer:
        allowed = SECONDS + max(len(body or b""), limit) / BYTES_A_SECOND
        end = time.monotonic() + min(allowed, self._ctx.remaining())
        whole = {"User-Agent": f"aicr/{__version__}", "Accept-Encoding": "identity", **headers}
        if body is not None:
            whole["Content-Length"] = str(len(body))
        parts = urlsplit(url)
        origin = (parts.scheme, parts.netloc)
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        try:
            connection = self._idle.pop(origin, None)
            if connection is not None:
                try:
                    return self._exchange(connection, origin, method, path, whole, body, limit, end)
                except _STALE:
                    connection.close()  # it was closed while idle; a fresh one tells the truth
            connection = self._connect(*origin, _left(end))
            if isinstance(connection, _Forwarded):
                path = url
            return self._exchange(connection, origin, method, path, whole, body, limit, end)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _trouble(error, url, allowed) from None

    def _connect(self, scheme: str, netloc: str, seconds: float) -> http.client.HTTPConnection:
        proxy = proxy_for(scheme, netloc)
        timeout = min(SECONDS, seconds)
        if scheme == "https":
            address = proxy.address if proxy else netloc
            secure = http.client.HTTPSConnection(
                address, timeout=timeout, context=self._tls_context()
            )
            if proxy:
                host, port = _host_and_port(netloc, 443)
                secure.set_tunnel(host, port, proxy.headers)
            return secure
        if proxy:
            return _Forwarded(proxy.address, timeout, proxy.headers)
        return http.client.HTTPConnection(netloc, timeout=timeout)

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            # OpenSSL heeds SSL_CERT_FILE and SSL_CERT_DIR by itself.
            self._tls = ssl.create_default_context()
            if self._insecure:
                self._tls.check_hostname = False
                self._tls.verify_mode = ssl.CERT_NONE
        return self._tls

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        origin: tuple[str, str],
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        limit: int,
        end: float,
    ) -> Answer:
        keep = False
        try:
            if connection.sock is not None:
                connection.sock.settimeout(min(SECONDS, _left(end)))
            try:
                connection.request(method, path, body and _parts(body, end), dict(headers))
            except (BrokenPipeError, ConnectionResetError):
                # A server that has heard enough may have said why before it closed.
                if connection.sock is None or not body:
                    raise
            socket = connection.sock
            assert socket is not None
            socket.settimeout(min(SECONDS, _left(end)))
            with connection.getresponse() as response:
                good = response.status < 300
                data = bytearray()
                bound = limit if good else _ERROR_BODY
                while len(data) <= bound and not response.isclosed():
                    socket.settimeout(min(SECONDS, _left(end)))
                    part = response.read1(min(_CHUNK, bound + 1 - len(data)))
                    if not part:
                        break
                    data += part
                if len(data) <= bound and response.length and method != "HEAD":
                    raise http.client.IncompleteRead(bytes(data), response.length)
                whole = response.isclosed() or response.length == 0
                keep = whole and not response.will_close
                answer = Answer(response.status, response.headers, bytes(data))
            if keep:
                self._idle[origin] = connection
            return answer
        finally:
            if not keep:
                connection.close()

    def close(self) -> None:
        """Close what is open."""
        while self._idle:
            self._idle.popitem()[1].close()


class _Forwarded(http.client.HTTPConnection):
    """A connection to a proxy that forwards plain requests; it is asked with whole URLs."""

    def __init__(self, address: str, timeout: float, headers: Mapping[str, str]) -> None:
        super().__init__(address, timeout=timeout)
        self._extra = headers

    def endheaders(self, *args: object, **options: object) -> None:
        for name, value in self._extra.items():
            self.putheader(name, value)
        super().endheaders(*args, **options)  # type: ignore[arg-type]


class _Broken(Exception):
    """A connection that broke, which another try may heal."""

    def __init__(self, error: AicrError) -> None:
        super().__init__(str(error))
        self.error = error


def _parts(body: bytes, end: float) -> Iterator[memoryview]:
    view = memoryview(body)
    for start in range(0, len(view), _CHUNK):
        _left(end)
        yield view[start : start + _CHUNK]


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _host_and_port(netloc: str, default: int) -> tuple[str, int]:
    parts = urlsplit(f"//{netloc}")
    return parts.hostname or "", parts.port or default


def _place(url: str) -> str:
    """Name the server of a URL; the rest of it may hold a signature that gives access."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _trouble(error: Exception, url: str, allowed: float) -> Exception:
    """Turn what Python raises into ours; _Broken for what another try may heal."""
    place, hint, code = _place(url), None, Code.SERVICE_UNAVAILABLE
    if isinstance(error, TimeoutError):
        message = f"not complete within {allowed:.0f} s"
        return AicrError(Code.TIMEOUT, message, where=place)
    if isinstance(error, ssl.SSLCertVerificationError):
        message = f"its certificate is not trusted: {error.verify_message}"
        hint = "let SSL_CERT_FILE name the certificates that are trusted, or give --insecure-tls"
    elif isinstance(error, ssl.SSLError) and "WRONG_VERSION_NUMBER" in str(error):
        message, hint = "it does not speak TLS", "--plain-http is for registries without TLS"
    elif isinstance(error, (*_STALE, http.client.IncompleteRead, ssl.SSLEOFError)):
        return _Broken(AicrError(code, "the connection broke", where=place))
    elif isinstance(error, http.client.HTTPException | ValueError):
        # Its text may quote what was sent or received.
        message, hint = "it does not speak HTTP as a registry does", "is this a registry?"
    else:
        reason = getattr(error, "strerror", None) or error
        message = f"cannot connect: {reason}"
    return AicrError(code, message, where=place, hint=hint)
