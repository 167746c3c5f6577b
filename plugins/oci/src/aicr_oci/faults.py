"""What a registry's answer means to a person: a class of error, one line, and how to mend it. No secret is repeated."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Collection

    from aicr_oci.exchange import Answer
    from aicr_oci.reference import Reference

_CODES = {
    401: Code.UNAUTHORIZED,
    403: Code.UNAUTHORIZED,
    404: Code.NOT_FOUND,
    408: Code.TIMEOUT,
    429: Code.RATE_LIMIT_EXCEEDED,
    504: Code.TIMEOUT,
}
_LONGEST = 200


def login_hint(reference: Reference) -> str:
    """Say how to log in to the registry of a reference."""
    return f"log in with `docker login {reference.host}`, with an account that may do this"


def refused(
    answer: Answer, doing: str, reference: Reference, secrets: Collection[str] = ()
) -> AicrError:
    """Make the error for an answer that is not what was asked for; ``doing`` completes "cannot ..."."""
    status = answer.status
    other = Code.INVALID_REQUEST if 400 <= status < 500 else Code.SERVICE_UNAVAILABLE
    code = _CODES.get(status, other)
    hint = None
    if code is Code.UNAUTHORIZED:
        hint = login_hint(reference)
    elif code is Code.RATE_LIMIT_EXCEEDED:
        hint = "wait, or log in: registries allow known users more"
    elif status == 404:
        hint = "is the name right? registries also hide what an account may not see"
    elif status == 413:
        hint = "the bundle is too large for this registry"
    said = _said(answer, secrets)
    message = f"cannot {doing}: the registry answers {status}{said}"
    return AicrError(code, message, where=reference.uri, hint=hint)


def _said(answer: Answer, secrets: Collection[str]) -> str:
    """Give the registry's own words where it has some, cut short and without secrets."""
    try:
        errors: Any = json.loads(answer.data)["errors"]
        words = [str(errors[0][name]) for name in ("code", "message") if errors[0].get(name)]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""
    text = ": ".join(words)
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return f" ({text[:_LONGEST]})" if text else ""
