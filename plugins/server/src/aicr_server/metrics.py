"""Counters of the server in the Prometheus text format (spec/server.md 10); labels are bounded.

Plain integers are counted on the way of a request; the client library formats them when somebody scrapes. Several
workers tell each other what they counted (``board``), and each shows the sum.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aicr_server.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric

    from aicr_server.board import Post

METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)
OTHER_METHOD, UNMATCHED = "OTHER", "unmatched"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"


class Metrics:
    """What happened since the start of the process; with a ``post``, of all workers together."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._tally = Tally()
        self.in_flight = 0
        self.rejects = 0
        self.recoveries = 0
        self.counters: dict[str, tuple[str, Callable[[], float]]] = {}
        self._post: Post | None = None
        self._inherited: Tally | None = None

    def share(self, post: Post) -> None:
        """Tell the other workers from now on, and show what all have counted."""
        self._post = post
        if post.inherited:
            self._inherited = Tally.load(post.inherited)
            self._inherited.forget_process()

    def done(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        method = method if method in METHODS else OTHER_METHOD
        self._tally.done(method, route, status, seconds)

    def built(self, seconds: float) -> None:
        """Count a recipe that was resolved."""
        self._tally.builds.add(seconds)

    def tell(self) -> Tally:
        """Give what this worker counted, and tell the others, if there are any."""
        tally = self._tally
        tally.pids = [os.getpid()]
        tally.values = {
            "in_flight": self.in_flight, "rejects": self.rejects, "recoveries": self.recoveries,
            **{name: value() for name, (_, value) in self.counters.items()},
        }  # fmt: skip
        if self._inherited is not None:
            tally = tally.plus(self._inherited)
        if self._post is not None:
            self._post.write(tally.dump())
        return tally

    def text(self) -> bytes:
        """Give everything in the text format."""
        from prometheus_client import CollectorRegistry, PlatformCollector
        from prometheus_client.exposition import generate_latest

        registry = CollectorRegistry()
        PlatformCollector(registry=registry)
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> Iterator[Metric]:
        """Give the metric families; called by the client library."""
        from prometheus_client.core import (
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        from aicr_server.processes import families

        tally = self.tell()
        for data in self._post.others() if self._post is not None else ():
            tally = tally.plus(Tally.load(data))
        yield from families(tally.pids)
        requests = CounterMetricFamily(
            "aicr_http_requests", "Requests by method, route and status", labels=["method", "path", "status"]
        )  # fmt: skip
        for (method, route, status), count in sorted(tally.requests.items()):
            requests.add_metric([method, route, str(status)], count)
        yield requests
        durations = HistogramMetricFamily(
            "aicr_http_request_duration_seconds", "Time to answer", labels=["method", "path"]
        )
        for (method, route), times in sorted(tally.durations.items()):
            durations.add_metric([method, route], times.cumulated(), times.total)
        yield durations
        builds = HistogramMetricFamily(
            "aicr_recipe_build_duration_seconds", "Time to resolve a recipe"
        )
        builds.add_metric([], tally.builds.cumulated(), tally.builds.total)
        yield builds
        yield GaugeMetricFamily(
            "aicr_http_requests_in_flight", "Requests being answered", tally.values["in_flight"]
        )
        yield CounterMetricFamily(
            "aicr_rate_limit_rejects", "Requests over the limit", tally.values["rejects"]
        )
        yield CounterMetricFamily(
            "aicr_panic_recoveries", "Defects answered with 500", tally.values["recoveries"]
        )
        for name, (text, _) in self.counters.items():
            yield CounterMetricFamily(name, text, tally.values[name])
        yield GaugeMetricFamily("aicr_workers", "Processes that answer", len(tally.pids))
        info = GaugeMetricFamily("aicr_build_info", "Version of the engine", labels=["version"])
        info.add_metric([self._version], 1)
        yield info
