"""What was counted: requests, times, values; of one process, or the sum of several. No label is made here."""

from __future__ import annotations

import bisect
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BOUNDS = (*map(str, BUCKETS), "+Inf")


class Times:
    """How many took how long, and their sum."""

    __slots__ = ("counts", "total")

    def __init__(self, counts: list[int] | None = None, total: float = 0.0) -> None:
        self.counts = counts or [0] * len(_BOUNDS)
        self.total = total

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect.bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds

    def plus(self, other: Times) -> Times:
        """Give both together."""
        both = zip(self.counts, other.counts, strict=True)
        return Times([one + two for one, two in both], self.total + other.total)

    def cumulated(self) -> list[tuple[str, float]]:
        """Give, for each bound, how many took no longer."""
        running, rows = 0, []
        for bound, count in zip(_BOUNDS, self.counts, strict=True):
            running += count
            rows.append((bound, float(running)))
        return rows


class Tally:
    """Counts by label, plain values by name, and the processes that they are of."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, str, int], int] = {}
        self.durations: dict[tuple[str, str], Times] = {}
        self.builds = Times()
        self.values: Mapping[str, float] = {}
        self.pids: list[int] = []

    def done(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        key = (method, route, status)
        self.requests[key] = self.requests.get(key, 0) + 1
        times = self.durations.get((method, route))
        if times is None:
            times = self.durations[method, route] = Times()
        times.add(seconds)

    def plus(self, other: Tally) -> Tally:
        """Give both together; neither changes."""
        both = Tally()
        both.requests = dict(self.requests)
        for key, count in other.requests.items():
            both.requests[key] = both.requests.get(key, 0) + count
        both.durations = dict(self.durations)
        for label, times in other.durations.items():
            mine = both.durations.get(label)
            both.durations[label] = times if mine is None else mine.plus(times)
        both.builds = self.builds.plus(other.builds)
        both.values = {
            name: self.values.get(name, 0) + other.values.get(name, 0)
            for name in (*self.values, *other.values)
        }
        both.pids = [*self.pids, *other.pids]
        return both

    def forget_process(self) -> None:
        """Keep what a process that is gone has counted, not what it was doing."""
        self.pids = []
        self.values = {**self.values, "in_flight": 0}

    def dump(self) -> bytes:
        """Give it for another process."""
        return json.dumps(
            [
                [[*key, count] for key, count in self.requests.items()],
                [[*key, times.counts, times.total] for key, times in self.durations.items()],
                [self.builds.counts, self.builds.total],
                self.values,
                self.pids,
            ],
            separators=(",", ":"),
        ).encode()

    @classmethod
    def load(cls, data: bytes) -> Tally:
        """Give what another process dumped."""
        requests, durations, builds, values, pids = json.loads(data)
        found = cls()
        found.requests = {
            (method, route, status): count for method, route, status, count in requests
        }
        found.durations = {
            (method, route): Times(counts, total) for method, route, counts, total in durations
        }
        found.builds = Times(*builds)
        found.values, found.pids = values, pids
        return found
