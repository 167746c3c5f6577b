"""Answers gone wrong on purpose, by method, path and how often."""

from __future__ import annotations

import re
import threading
from typing import Any

import attrs


@attrs.define(kw_only=True)
class Fault:
    """What happens to matching requests.

    ``skip`` lets that many pass first; ``times`` is how often it happens then (None: always). ``delay`` waits that
    many seconds first (the server's stop ends it). ``status`` answers with a Status; ``body`` with these bytes.
    ``cut`` closes the connection: ``before`` any answer; ``after`` the request was done, without its answer; or
    after that many events of a watch or lines of a log. ``query`` is a regular expression to be found in the query.
    """

    method: str
    path: str
    status: int = 0
    message: str = "injected"
    reason: str = ""
    retry_after: str = ""
    delay: float = 0.0
    body: bytes | None = None
    cut: str | int | None = None
    skip: int = 0
    times: int | None = None
    query: str = ""
    seen: int = 0


class Faults:
    """The faults of a cluster."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, method: str, path: str, **what: Any) -> Fault:
        """Add a fault; ``path`` is a regular expression that the whole path has to match."""
        fault = Fault(method=method, path=path, **what)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Behave well again."""
        with self._lock:
            self._faults.clear()

    def hit(self, method: str, path: str, query: str = "") -> Fault | None:
        """Give the fault that happens to this request."""
        with self._lock:
            for fault in self._faults:
                matches = fault.method in (method, "*") and re.fullmatch(fault.path, path)
                if matches and re.search(fault.query, query):
                    fault.seen += 1
                    if fault.seen <= fault.skip:
                        continue
                    if fault.times is None or fault.seen <= fault.skip + fault.times:
                        return fault
        return None
