"""Answers that were sent before, by what a client sends: found by the front layer before any endpoint is asked.

Recipes are a function of the query string alone, so a second client gets the same bytes without work
(spec/server.md 21.4). The table is bounded in entries and bytes; the least recently used go first. It is used by one
event loop; what it holds is immutable.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from starlette.responses import Response

from aicr_server import answers

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping, Sequence
    from typing import Any

    from starlette.requests import Request

    from aicr_server.answers import Answer

Key = tuple[str, bytes, bytes, bytes]
_READS = frozenset({"GET", "HEAD"})
_LONGEST_KEY = 2048
"""Bytes of what a client sends: longer ones are answered, and not kept."""
_ENTRY = 1024
"""What an entry takes beside its body, about."""


class Ready:
    """Answers by path, query string and the headers that decide on the form."""

    def __init__(
        self, *, private: bool = False, most: int = 4096, most_bytes: int = 16 * 1024 * 1024
    ) -> None:
        self._keeping = answers.PRIVATE if private else answers.CACHED
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[Key, Answer] = OrderedDict()
        self.hits = self.misses = 0

    def find(self, scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> Answer | None:
        """Give the answer for a request, if it is here."""
        if scope["method"] not in _READS:
            return None
        key = _key(scope, headers)
        found = self._kept.get(key)
        if found is None:
            self.misses += 1
            return None
        self.hits += 1
        self._kept.move_to_end(key)
        return found

    def respond(self, request: Request, body: bytes, warnings: Sequence[str] = ()) -> Response:
        """Answer a GET with an encoded document, and keep the answer. Raises Problem (406)."""
        headers = request.headers
        accept, encoding = headers.get("accept", ""), headers.get("accept-encoding", "")
        answer = answers.make(body, accept, encoding, keeping=self._keeping, warnings=warnings)
        self.keep(request.scope, answer)
        if answer.is_known(headers.get("if-none-match", "")):
            response = Response(status_code=304)
            response.raw_headers = answer.unchanged()
            return response
        return answers.sent(answer)

    def keep(self, scope: MutableMapping[str, Any], answer: Answer) -> None:
        """Keep the answer of a request that was answered with 200 and would be at any time."""
        key = _key(scope, dict(scope["headers"]))
        if sum(map(len, key)) > _LONGEST_KEY or key in self._kept:
            return
        self._kept[key] = answer
        self._bytes += len(answer.body) + _ENTRY
        while len(self._kept) > self._most or self._bytes > self._most_bytes:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= len(gone.body) + _ENTRY


def _key(scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> Key:
    return (
        scope["path"],
        scope["query_string"],
        headers.get(b"accept", b""),
        headers.get(b"accept-encoding", b""),
    )
