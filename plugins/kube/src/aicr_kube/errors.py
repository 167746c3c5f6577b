"""Turn what an API server answers, or how a connection breaks, into one line with a code (spec/snapshot.md 13.1)."""

from __future__ import annotations

import json

from aicr_core.api import AicrError, Code

_CODES = {
    400: Code.INVALID_REQUEST, 401: Code.UNAUTHORIZED, 403: Code.UNAUTHORIZED, 404: Code.NOT_FOUND,
    405: Code.INVALID_REQUEST, 408: Code.TIMEOUT, 409: Code.INVALID_REQUEST, 410: Code.NOT_FOUND,
    413: Code.INVALID_REQUEST, 415: Code.INVALID_REQUEST, 422: Code.INVALID_REQUEST, 429: Code.RATE_LIMIT_EXCEEDED,
    503: Code.SERVICE_UNAVAILABLE, 504: Code.TIMEOUT,
}  # fmt: skip
_HINTS = {
    401: "log in again, or give another --kubeconfig",
    403: "ask an administrator for this right",
    429: "the server is busy: try again later",
    503: "the server is not ready: try again later",
}


def answered(status: int, data: bytes, method: str, path: str) -> AicrError:
    """Make the error for an answer that is no success; the server's own message is kept."""
    message = ""
    try:
        body = json.loads(data)
        message = str(body.get("message", "")) if isinstance(body, dict) else ""
    except ValueError:
        pass
    text = " ".join(message.split()) or "no reason given"
    if status == 410:
        text = f"expired: {text}"
    return AicrError(
        _CODES.get(status, Code.INTERNAL),
        f"{method} answered {status}: {text}",
        where=path,
        hint=_HINTS.get(status),
    )


def broken(error: Exception, method: str, path: str) -> AicrError:
    """Make the error for a connection that could not be made, or broke."""
    from urllib3 import exceptions

    # urllib3 wraps the telling error in its "reason", up to twice.
    cause: object = error
    for _ in range(3):
        inner = getattr(cause, "reason", None)
        if not isinstance(inner, BaseException):
            break
        cause = inner
    if isinstance(cause, (exceptions.ConnectTimeoutError, exceptions.NewConnectionError)):
        text, code = "the server is not to be reached", Code.SERVICE_UNAVAILABLE
    elif isinstance(cause, (exceptions.ReadTimeoutError, TimeoutError)):
        text, code = "the server did not answer in time", Code.TIMEOUT
    elif isinstance(cause, (exceptions.SSLError,)) or "CERTIFICATE" in str(cause):
        text, code = f"the connection is not trusted: {cause}", Code.SERVICE_UNAVAILABLE
    else:
        reason = " ".join(str(getattr(cause, "strerror", "") or cause).split())
        text, code = f"the connection broke: {reason}", Code.SERVICE_UNAVAILABLE
    return AicrError(
        code,
        f"{method}: {text}",
        where=path,
        hint="check the address in the kubeconfig and the network",
    )
