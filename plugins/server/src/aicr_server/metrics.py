"""Counters of the server in the Prometheus text format (spec/server.md 10); labels are bounded.

Plain integers are counted on the way of a request; the client library formats them when somebody scrapes.
"""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)
OTHER_METHOD, UNMATCHED = "OTHER", "unmatched"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"


class Metrics:
    """What happened since the start of the process."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._requests: dict[tuple[str, str, int], int] = {}
        self._durations: dict[tuple[str, str], tuple[list[int], list[float]]] = {}
        self.in_flight = 0
        self.rejects = 0
        self.recoveries = 0
        self.builds: tuple[list[int], list[float]] = ([0] * (len(BUCKETS) + 1), [0.0])
        self.counters: dict[str, tuple[str, Callable[[], float]]] = {}
        self.gauges: dict[str, tuple[str, Callable[[], float]]] = {}

    def done(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        method = method if method in METHODS else OTHER_METHOD
        key = (method, route, status)
        self._requests[key] = self._requests.get(key, 0) + 1
        counts, total = self._durations.setdefault(
            (method, route), ([0] * (len(BUCKETS) + 1), [0.0])
        )
        counts[bisect.bisect_left(BUCKETS, seconds)] += 1
        total[0] += seconds

    def built(self, seconds: float) -> None:
        """Count a recipe that was resolved."""
        self.builds[0][bisect.bisect_left(BUCKETS, seconds)] += 1
        self.builds[1][0] += seconds

    def text(self) -> bytes:
        """Give everything in the text format."""
        from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
        from prometheus_client.exposition import generate_latest

        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
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

        requests = CounterMetricFamily(
            "aicr_http_requests", "Requests by method, route and status", labels=["method", "path", "status"]
        )  # fmt: skip
        for (method, route, status), count in sorted(self._requests.items()):
            requests.add_metric([method, route, str(status)], count)
        yield requests
        durations = HistogramMetricFamily(
            "aicr_http_request_duration_seconds", "Time to answer", labels=["method", "path"]
        )
        for (method, route), (counts, total) in sorted(self._durations.items()):
            durations.add_metric([method, route], _cumulated(counts), total[0])
        yield durations
        builds = HistogramMetricFamily(
            "aicr_recipe_build_duration_seconds", "Time to resolve a recipe"
        )
        builds.add_metric([], _cumulated(self.builds[0]), self.builds[1][0])
        yield builds
        yield GaugeMetricFamily(
            "aicr_http_requests_in_flight", "Requests being answered", self.in_flight
        )
        yield CounterMetricFamily(
            "aicr_rate_limit_rejects", "Requests over the limit", self.rejects
        )
        yield CounterMetricFamily(
            "aicr_panic_recoveries", "Defects answered with 500", self.recoveries
        )
        for name, (text, value) in self.counters.items():
            yield CounterMetricFamily(name, text, value())
        for name, (text, value) in self.gauges.items():
            yield GaugeMetricFamily(name, text, value())
        info = GaugeMetricFamily("aicr_build_info", "Version of the engine", labels=["version"])
        info.add_metric([self._version], 1)
        yield info


def _cumulated(counts: list[int]) -> list[tuple[str, float]]:
    running, rows = 0, []
    for bound, count in zip((*map(str, BUCKETS), "+Inf"), counts, strict=True):
        running += count
        rows.append((bound, float(running)))
    return rows
