"""What goes wrong between us and an API server, as the project's one error type (spec/snapshot.md 13.1).

Knows HTTP statuses, ``Status`` objects and the transport's exceptions; sends nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from aicr_kube.paths import Target

_CODES = {
    401: Code.UNAUTHORIZED,
    403: Code.UNAUTHORIZED,
    404: Code.NOT_FOUND,
    408: Code.TIMEOUT,
    409: Code.INVALID_REQUEST,
    429: Code.RATE_LIMIT_EXCEEDED,
    503: Code.SERVICE_UNAVAILABLE,
    504: Code.TIMEOUT,
}


class KubeError(AicrError):
    """A failed request; ``status`` is the HTTP status (0: there was no answer), ``reason`` the server's word.

    The word is the ``reason`` of a Status object (``AlreadyExists``, ``Forbidden``), or ours when there was no
    answer: ``NoConfiguration``, ``Unreachable``, ``Timeout``, ``Cut``.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        status: int = 0,
        reason: str = "",
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(code, message, where=where, hint=hint)
        self.status = status
        self.reason = reason


def from_answer(status: int, body: bytes, target: Target) -> KubeError:
    """Give the error for an answer whose status is not 2xx; ``body`` is a Status object, or anything."""
    document = _status_object(body)
    message = str(document.get("message") or "").strip()
    if not message:
        text = body[:200].decode("utf-8", "replace").strip()
        message = f"the API server answered {status}" + (f": {text}" if text else "")
    return KubeError(
        _CODES.get(status, Code.INTERNAL),
        message,
        status=status,
        reason=str(document.get("reason") or ""),
        where=target.path,
        hint=_hint(status, target),
    )


def _status_object(body: bytes) -> dict[str, Any]:
    import json

    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _hint(status: int, target: Target) -> str | None:
    if status == 401:
        return "the credentials of this kubeconfig context are not accepted; log in again"
    if status == 403:
        return f'ask for the right "{target.verb}" on {target.resource_text}'
    if status == 409:
        return "somebody else changed or made this object; try again"
    if status in (429, 503):
        return "the API server is busy; try again later"
    return None


def from_event(event: dict[str, Any], target: Target) -> KubeError:
    """Give the error for an ERROR event of a watch: its object is a Status."""
    import json

    status = event.get("object") or {}
    return from_answer(int(status.get("code") or 500), json.dumps(status).encode(), target)


def from_exception(error: Exception, target: Target, host: str) -> KubeError:
    """Give the error for an exception of the transport (urllib3, ssl, socket)."""
    from urllib3 import exceptions

    reason = getattr(error, "reason", None)
    if isinstance(error, exceptions.MaxRetryError) and isinstance(reason, Exception):
        error = reason
    text = str(error).rsplit("): ", 1)[-1].strip() or type(error).__name__
    connecting = (exceptions.NewConnectionError, exceptions.ConnectTimeoutError)
    if isinstance(error, connecting) or _is_refused(error):
        return KubeError(
            Code.SERVICE_UNAVAILABLE,
            f"cannot connect to {host}: {text}",
            reason="Unreachable",
            where=target.path,
            hint="check the server address of the kubeconfig, and the network",
        )
    if isinstance(error, (exceptions.TimeoutError, TimeoutError)):
        return timed_out(target)
    if isinstance(error, exceptions.LocationValueError):
        return KubeError(
            Code.INVALID_REQUEST,
            f'"{host}" is no usable server address: {text}',
            where=target.path,
            hint="mend the server of the kubeconfig",
        )
    if isinstance(error, exceptions.SSLError) or "SSLError" in str(error):
        return KubeError(
            Code.SERVICE_UNAVAILABLE,
            f"no secure connection to {host}: {text}",
            reason="Unreachable",
            where=target.path,
            hint="check certificate-authority and server of the kubeconfig",
        )
    return KubeError(
        Code.SERVICE_UNAVAILABLE,
        f"the connection to {host} was cut: {text}",
        reason="Cut",
        where=target.path,
        hint="try again",
    )


def _is_refused(error: Exception) -> bool:
    import socket

    return isinstance(error, (ConnectionRefusedError, socket.gaierror))


def timed_out(target: Target) -> KubeError:
    """Give the error for a request that had no answer in the time that was left."""
    return KubeError(
        Code.TIMEOUT,
        "no answer from the API server in the time there was",
        reason="Timeout",
        where=target.path,
        hint="check the API server's health, or allow more time",
    )
