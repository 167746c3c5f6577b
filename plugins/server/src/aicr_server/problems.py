"""The error document (spec/server.md 5), and the exception that becomes one. Nothing is sent here."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Mapping

STATUS = {
    Code.INVALID_REQUEST: 400,
    Code.UNAUTHORIZED: 401,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.CONFLICT: 409,
    Code.RATE_LIMIT_EXCEEDED: 429,
    Code.INTERNAL: 500,
    Code.SERVICE_UNAVAILABLE: 503,
    Code.TIMEOUT: 504,
}
_RETRYABLE = {Code.RATE_LIMIT_EXCEEDED, Code.INTERNAL, Code.SERVICE_UNAVAILABLE, Code.TIMEOUT}


class Problem(Exception):
    """A failure as the client will read it. ``status`` is the code's own unless the wire has a better one (413)."""

    def __init__(
        self,
        code: Code,
        message: str,
        details: Mapping[str, Any] | None = None,
        *,
        status: int = 0,
        headers: Mapping[str, str] | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = dict(details or {})
        self.status = status or STATUS[code]
        self.headers = dict(headers or {})
        self.hint = hint

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return self.code in _RETRYABLE


def of(error: AicrError, message: str = "") -> Problem:
    """Turn an error of the engine into a problem; ``message`` names the step where it has a name of its own.

    What is INTERNAL is told as such alone: its text may name files of this machine.
    """
    if error.code is Code.INTERNAL:
        return Problem(Code.INTERNAL, message or "Internal server error")
    return Problem(
        error.code, message or error.message, {"error": str(error)}, hint=error.hint or ""
    )


def timestamp() -> str:
    """Give the time now, RFC 3339 in UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z")


def document(problem: Problem, request_id: str) -> bytes:
    """Give the error document of a problem."""
    body: dict[str, Any] = {"code": str(problem.code), "message": problem.message}
    if problem.details:
        body["details"] = dict(sorted(problem.details.items()))
    body["requestId"] = request_id
    body["timestamp"] = timestamp()
    body["retryable"] = problem.retryable
    return encode(body)


PROBLEM_TYPE = "application/problem+json"


def rfc9457(problem: Problem, request_id: str, path: str) -> bytes:
    """Give the same as a problem document of RFC 9457, with what else helps: for clients that ask for that type."""
    body: dict[str, Any] = {
        "type": "about:blank", "title": problem.message, "status": problem.status, "instance": path,
        "code": str(problem.code), "details": dict(sorted(problem.details.items())),
        "requestId": request_id, "timestamp": timestamp(), "retryable": problem.retryable,
    }  # fmt: skip
    if problem.hint:
        body["hint"] = problem.hint
    return encode(body)


def encode(value: Any) -> bytes:
    """Give compact JSON; characters that end a script or a tag in a page that embeds it are escaped."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    text = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    # What is no character, such as half of one in a query string's escape, is written as JSON escapes it.
    return text.encode("utf-8", "backslashreplace") + b"\n"
