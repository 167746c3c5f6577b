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
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aicr_core.api import AicrError, Code, __version__
from aicr_oci.connections import Connections
from aicr_oci.exchange import STALE, Answer, Deadline, Request, exchange

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.api import Context

SECONDS = 30.0
BYTES_A_SECOND = 256 * 1024
PAUSES = (1.0, 2.0, 4.0)
"""Between the tries; their number is that of the retries."""
LONGEST_PAUSE = 30.0
"""A ``Retry-After`` beyond this is told to the user instead of waited for."""
AGAIN = {429, 500, 502, 503, 504}


class Transport:
    """Speaks HTTP for one command. ``plain`` wins over ``insecure`` (spec/bundle.md 6)."""

    def __init__(self, ctx: Context, *, plain: bool, insecure: bool) -> None:
        self._ctx = ctx
        self.scheme = "http" if plain else "https"
        self._connections = Connections(insecure=insecure)

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        body: bytes | None = None,
        limit: int = 0,
        expected: int = 0,
    ) -> Answer:
        """Make a request, again where that may heal; give the last answer, whatever its status.

        ``limit`` bounds the body of a good answer, which is cut one byte beyond it; ``expected`` is how long it
        will be, where that is known. Raises AicrError: TIMEOUT, or SERVICE_UNAVAILABLE where there is no whole answer;
        RATE_LIMIT_EXCEEDED or SERVICE_UNAVAILABLE where the server asks for a long pause.
        """
        whole = {"User-Agent": f"aicr/{__version__}", "Accept-Encoding": "identity", **headers}
        if body is not None:
            whole["Content-Length"] = str(len(body))
        request = Request(method, url, whole, body, limit)
        allowed = SECONDS + max(len(body or b""), expected) / BYTES_A_SECOND
        for pause in (*PAUSES, None):
            self._wait(0)
            try:
                answer = self._once(request, allowed)
            except _Broken as error:
                if pause is None:
                    raise error.error from None
            else:
                if answer.status not in AGAIN or pause is None:
                    return answer
                pause = _pause(answer, pause, url)
            self._wait(pause)
        raise AssertionError("the last try returns or raises")

    def close(self) -> None:
        """Close what is open."""
        self._connections.close()

    def _once(self, request: Request, allowed: float) -> Answer:
        deadline = Deadline(time.monotonic() + min(allowed, self._ctx.remaining()), SECONDS)
        try:
            kept = self._connections.kept(request.origin)
            if kept is not None:
                try:
                    return self._on(kept, request, deadline)
                except STALE:
                    pass  # it was closed while idle; a fresh one tells the truth
            fresh = self._connections.open(request.origin, deadline.left())
            return self._on(fresh, request, deadline)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _trouble(error, request.url, allowed) from None

    def _on(
        self, connection: http.client.HTTPConnection, request: Request, deadline: Deadline
    ) -> Answer:
        whole = False
        try:
            answer, whole = exchange(connection, request, deadline)
        finally:
            if not whole:
                connection.close()
        if whole:
            self._connections.keep(request.origin, connection)
        return answer

    def _wait(self, seconds: float) -> None:
        """Wait, as long as the result is still wanted: a tag must not move after Ctrl-C."""
        end = time.monotonic() + seconds
        while True:
            if self._ctx.cancelled or not self._ctx.remaining():
                raise AicrError(Code.TIMEOUT, "given up while waiting for the registry")
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(0.2, left))


class _Broken(Exception):
    """A connection that broke, which another try may heal."""

    def __init__(self, error: AicrError) -> None:
        super().__init__(str(error))
        self.error = error


def _pause(answer: Answer, pause: float, url: str) -> float:
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
    return max(asked, pause)


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
    elif isinstance(error, (*STALE, http.client.IncompleteRead, ssl.SSLEOFError)):
        return _Broken(AicrError(code, "the connection broke", where=place))
    elif isinstance(error, http.client.HTTPException | ValueError):
        # Its text may quote what was sent or received.
        message, hint = "it does not speak HTTP as a registry does", "is this a registry?"
    else:
        reason = getattr(error, "strerror", None) or error
        message = f"cannot connect: {reason}"
    return AicrError(code, message, where=place, hint=hint)
