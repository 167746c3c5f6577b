"""Fetch one document over http or https: bounded in time and size, whole or not at all (spec/recipe.md 18, B6).

The body stays in memory. What it means, which format it has, and who is allowed to see it is said elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core._version import __version__
from aicr_core.kit import limits
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.kit.run import Context

_CODES = {
    401: Code.UNAUTHORIZED,
    403: Code.UNAUTHORIZED,
    404: Code.NOT_FOUND,
    408: Code.TIMEOUT,
    410: Code.NOT_FOUND,
    429: Code.RATE_LIMIT_EXCEEDED,
    504: Code.TIMEOUT,
}


class Page(NamedTuple):
    """A document: its bytes, the server's word for what they are, and the path of its URL."""

    data: bytes
    kind: str
    path: str


def fetch(
    url: str,
    limit: int = limits.MAX_BYTES,
    *,
    seconds: float | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Page:
    """Get ``url``, at most ``limit`` bytes in ``seconds`` (30 by default), however slowly the server sends.

    ``secrets`` are headers that this server alone may see: a redirection to another one goes without them.
    Raises AicrError: NOT_FOUND, UNAUTHORIZED, RATE_LIMIT_EXCEEDED, TIMEOUT, SERVICE_UNAVAILABLE, or
    INVALID_REQUEST for a URL that is none and a document over the size limit.
    """
    from urllib.parse import quote, urlsplit

    from aicr_core.kit.run import Runner, Task

    # A blank or an umlaut in a path is what a person types; the wire wants it encoded.
    address = quote(url, safe="%/:=&?~#+!$,;'@()*[]")
    try:
        parts = urlsplit(address)
        scheme, path, host = parts.scheme, parts.path, parts.hostname
        user = "@" in parts.netloc
        _port = parts.port
    except ValueError as error:
        raise AicrError(
            Code.INVALID_REQUEST, f"this is no URL: {error}", where=_unsaid(url)
        ) from None
    if not host:
        raise AicrError(Code.INVALID_REQUEST, "the URL names no host", where=url)
    if user:
        # It would have to stand in messages, histories and process lists, and it is not even sent.
        raise AicrError(
            Code.INVALID_REQUEST,
            "a URL holds no user name or password",
            where=f"{scheme}://...@{host}",
        )

    def get(context: Context) -> Page:
        data, kind = _get(address, url, limit, context, secrets or {})
        return Page(data, kind, path)

    seconds = limits.HTTP if seconds is None else seconds
    # In a thread: a server that sends a byte a second would hold every limit on a single read.
    (outcome,) = Runner(1).run([Task("fetch", "", get, seconds)])
    if outcome.status == "timeout":
        raise AicrError(Code.TIMEOUT, f"not complete within {seconds:g} s", where=url)
    if outcome.error is not None:
        raise outcome.error
    page: Page = outcome.value
    return page


def _get(
    address: str, url: str, limit: int, context: Context, secrets: Mapping[str, str]
) -> tuple[bytes, str]:
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class Redirects(HTTPRedirectHandler):
        """Follow to http and https only, and never from https to http: urllib would, and to ftp as well."""

        def redirect_request(self, *args: Any) -> Any:
            request, body, target = args[0], args[1], args[5]
            if not target.lower().startswith(("http://", "https://")):
                body.close()
                raise AicrError(
                    Code.SERVICE_UNAVAILABLE, f"the server sends us to {target}", where=url
                )
            if request.full_url.startswith("https:") and not target.lower().startswith("https:"):
                body.close()
                text = "the server sends us to an address without TLS"
                raise AicrError(Code.SERVICE_UNAVAILABLE, text, where=url)
            following = super().redirect_request(*args)
            if following is not None and _server(target) == _server(address):
                _add(following, secrets)
            return following

    request = Request(address, headers={"User-Agent": f"aicr/{__version__}"})  # noqa: S310
    _add(request, secrets)
    try:
        with build_opener(Redirects).open(request, timeout=context.remaining()) as response:
            if response.status != 200:
                raise _answer(response.status, url)
            expected = response.headers.get("Content-Length", "")
            data = response.read(limit + 1)
            kind = str(response.headers.get_content_type())
    except HTTPError as error:
        error.close()
        raise _answer(error.code, url) from None
    except (URLError, HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        slow = isinstance(reason, TimeoutError)
        code = Code.TIMEOUT if slow else Code.SERVICE_UNAVAILABLE
        text = str(reason) or type(error).__name__
        raise AicrError(code, f"cannot fetch: {text}", where=url) from None
    if len(data) > limit:
        message = f"the document is over the limit of {limit // 2**20} MiB"
        raise AicrError(Code.INVALID_REQUEST, message, where=url)
    if expected.isdigit() and len(data) != int(expected):
        # Half a YAML document is often a valid one: it would give another recipe.
        message = f"the connection ended after {len(data)} of {expected} bytes"
        raise AicrError(Code.SERVICE_UNAVAILABLE, message, where=url)
    return data, kind


def _unsaid(url: str) -> str:
    """Give a URL without what stands before an @ in its server, which may be a password."""
    scheme, separator, rest = url.partition("://")
    server, slash, path = rest.partition("/")
    return f"{scheme}{separator}{'...@' if '@' in server else ''}{server.rpartition('@')[2]}{slash}{path}"


def _add(request: Any, secrets: Mapping[str, str]) -> None:
    for name, value in secrets.items():
        # An unredirected header is not copied to the request that follows a redirection.
        request.add_unredirected_header(name, value)


def _server(url: str) -> tuple[str, str | None, int | None]:
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return parts.scheme.lower(), parts.hostname, parts.port


def _answer(status: int, url: str) -> AicrError:
    code = _CODES.get(status, Code.SERVICE_UNAVAILABLE)
    return AicrError(code, f"the server answers {status}", where=url)
