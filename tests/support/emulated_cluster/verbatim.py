"""Answers given word for word: of API paths that nothing here emulates, and of services behind the API server's proxy.

An answer is a document, or a mapping with ``_code``, ``_text`` or ``_body``, ``_ctype``; a list of answers is used up
one a request, its last one again and again.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Reply(NamedTuple):
    """What is sent."""

    status: int
    data: bytes
    content_type: str


class Verbatim:
    """Answers by path; add to them with :meth:`put`."""

    def __init__(self, answers: Mapping[str, Any] | None = None) -> None:
        self._answers: dict[str, Any] = dict(answers or {})
        self._taken: dict[str, int] = {}
        self._lock = threading.Lock()

    def put(self, path: str, answer: Any) -> None:
        """Give this answer at ``path`` from now on."""
        with self._lock:
            self._answers[path] = answer
            self._taken.pop(path, None)

    def take(self, path: str) -> Reply | None:
        """Give the answer at a path, or None when there is none."""
        with self._lock:
            if path not in self._answers:
                return None
            answer = self._answers[path]
            if isinstance(answer, list):
                at = self._taken.get(path, 0)
                self._taken[path] = at + 1
                answer = answer[min(at, len(answer) - 1)]
        return _reply(answer)


def _reply(answer: Any) -> Reply:
    if isinstance(answer, str):
        return Reply(200, answer.encode(), "text/plain")
    if not isinstance(answer, dict) or not {"_code", "_text", "_body"} & answer.keys():
        return Reply(200, json.dumps(answer).encode(), "application/json")
    text = answer.get("_text")
    data = text.encode() if text is not None else json.dumps(answer.get("_body")).encode()
    return Reply(answer.get("_code", 200), data, answer.get("_ctype", "application/json"))
