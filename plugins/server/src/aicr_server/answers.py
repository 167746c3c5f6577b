"""What is sent for a document: as JSON or YAML, plain or compressed, with a validator (spec/server.md 22).

The form of an answer depends on the document and on three headers of the request, so it can be kept whole (``ready``).
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import Response

from aicr_core.api import Code, to_yaml
from aicr_server.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from starlette.requests import Request

    Headers = list[tuple[bytes, bytes]]

CACHED, PRIVATE, UNCACHED = "public, max-age=600", "private, max-age=600", "no-store"
"""``public`` lets caches give what a client with a token got to others without: with tokens it is ``private``."""
JSON, YAML = "application/json", "application/yaml"
_FORMS = {
    JSON: JSON, "application/vnd.nvidia.aicr.v1+json": JSON,
    YAML: YAML, "application/x-yaml": YAML, "text/yaml": YAML, "application/vnd.nvidia.aicr.v1+yaml": YAML,
}  # fmt: skip
_LEAST = 256
"""Bytes below which compression gains nothing."""
_MOST_WARNINGS, _WARNING_LENGTH = 16, 300
_PRINTABLE = bytes(code if 0x20 <= code < 0x7F else 0x20 for code in range(256))
VARY = "Accept, Accept-Encoding"


class Answer(NamedTuple):
    """A representation, ready to be sent: ``etag`` is empty where nobody may keep it."""

    body: bytes
    headers: Headers
    etag: str

    def is_known(self, if_none_match: str) -> bool:
        """Tell whether who sends this ``If-None-Match`` has this representation already (RFC 9110, 13.1.2)."""
        if not self.etag or not if_none_match:
            return False
        if if_none_match.strip() == "*":
            return True
        # Ours hold no commas, and whether one is weak does not count in this comparison.
        tags = (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
        return self.etag in tags

    def unchanged(self) -> Headers:
        """Give the headers of a 304."""
        dropped = (b"content-type", b"content-length", b"content-encoding")
        return [pair for pair in self.headers if pair[0] not in dropped]


def make(
    body: bytes, accept: str, accept_encoding: str, *, keeping: str, warnings: Sequence[str] = ()
) -> Answer:
    """Give the answer for a document that is encoded as JSON; ``keeping`` is what its Cache-Control says.

    Raises Problem (406) for a client that takes no form of it.
    """
    form = _form(accept)
    media = JSON
    if form == YAML:
        body, media = to_yaml(json.loads(body)).encode(), YAML
    headers = {"content-type": media, "vary": VARY, "cache-control": keeping}
    tag = hashlib.sha256(body).hexdigest()[:32] if keeping != UNCACHED else ""
    if len(body) >= _LEAST and takes_gzip(accept_encoding):
        # No time and no name in it: the same document is the same bytes.
        body = gzip.compress(body, 6, mtime=0)
        headers["content-encoding"] = "gzip"
        tag = f"{tag}-gzip" if tag else ""
    if tag:
        headers["etag"] = f'"{tag}"'
    headers["content-length"] = str(len(body))
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    pairs += warning_headers(warnings)
    return Answer(body, pairs, f'"{tag}"' if tag else "")


def warning_headers(warnings: Iterable[str]) -> Headers:
    """Give what a person should know as headers: how many things, and as many as fit, in ASCII (B-29).

    Texts may hold what a client sent; a control character in a header would make the HTTP server refuse the answer.
    """
    texts = list(warnings)
    if not texts:
        return []
    shown = [
        text.encode("ascii", "backslashreplace").translate(_PRINTABLE)
        for text in texts[:_MOST_WARNINGS]
    ]
    return [
        (b"x-aicr-warnings", str(len(texts)).encode()),
        *((b"x-aicr-warning", text[:_WARNING_LENGTH]) for text in shown),
    ]


def once(request: Request, body: bytes, warnings: Sequence[str] = ()) -> Response:
    """Answer a POST with an encoded document, which nobody keeps (D11). Raises Problem (406)."""
    headers = request.headers
    accept, encoding = headers.get("accept", ""), headers.get("accept-encoding", "")
    return sent(make(body, accept, encoding, keeping=UNCACHED, warnings=warnings))


def sent(answer: Answer, status: int = 200) -> Response:
    """Give an answer as a response of the framework."""
    response = Response(answer.body, status)
    response.raw_headers = list(answer.headers)
    return response


def _ranges(header: str) -> dict[str, float]:
    """Read a header of preferences; what has no readable weight counts whole, the last of a name counts."""
    found = {}
    for item in header.split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        weight = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip().lower() == "q":
                try:
                    weight = min(1.0, max(0.0, float(value)))
                except ValueError:
                    weight = 1.0
        if name:
            found[name.lower()] = weight
    return found


@functools.lru_cache(maxsize=256)
def _form(accept: str) -> str:
    """Give the form that a client likes best. JSON whatever it says, unless it asks for YAML or refuses JSON.

    Raises Problem (406) when it refuses JSON and asks for nothing that there is.
    """
    ranges = _ranges(accept)
    asked: dict[str, float] = {}
    for name, weight in ranges.items():
        if name in _FORMS:
            asked[_FORMS[name]] = max(weight, asked.get(_FORMS[name], 0.0))
    if asked.get(YAML, 0.0) > asked.get(JSON, 0.0):
        return YAML
    rest = ranges.get("application/*", ranges.get("*/*", 1.0))
    if asked.get(JSON, rest) > 0:
        return JSON
    raise Problem(
        Code.INVALID_REQUEST, "No form of the answer is acceptable", {"available": [JSON, YAML]}, status=406
    )  # fmt: skip


@functools.lru_cache(maxsize=256)
def takes_gzip(accept_encoding: str) -> bool:
    ranges = _ranges(accept_encoding)
    return ranges.get("gzip", ranges.get("x-gzip", ranges.get("*", 0.0))) > 0
