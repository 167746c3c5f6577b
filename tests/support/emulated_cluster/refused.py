"""Answers that are no success: a Status object, as the real server words it."""

from __future__ import annotations

from typing import Any

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Expired",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


class Refused(Exception):
    """The request is answered with this status."""

    def __init__(
        self,
        status: int,
        message: str,
        reason: str = "",
        *,
        details: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.reason = reason or REASONS.get(status, "Unknown")
        self.details = details or {}
        self.headers = headers or {}

    def document(self) -> dict[str, Any]:
        """The Status object."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.status,
        }
        if self.details:
            status["details"] = self.details
        return status


def missing(qualified: str, name: str) -> Refused:
    """No such object."""
    details = {"name": name, "kind": qualified}
    return Refused(404, f'{qualified} "{name}" not found', details=details)


def invalid(kind: str, name: str, field: str, text: str) -> Refused:
    """The object breaks a rule."""
    return Refused(422, f'{kind} "{name}" is invalid: {field}: {text}')
