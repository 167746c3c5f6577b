"""Token buckets, one for each client (or one for all), in a bounded table (spec/server.md 4, D9)."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_CLIENTS = 10_000


class Verdict(NamedTuple):
    """Whether a request may pass, and the whole tokens that are left."""

    passes: bool
    remaining: int


class Limiter:
    """``rate`` tokens a second up to ``burst``; a rate of 0 limits nothing. Clients nobody heard of for longest go."""

    def __init__(
        self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate = rate
        self.burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str, cost: float = 1.0) -> Verdict:
        """Take ``cost`` tokens from the client's bucket, if they are there."""
        if not self.rate:
            return Verdict(True, self.burst)
        now = self._clock()
        tokens, then = self._buckets.pop(client, (float(self.burst), now))
        tokens = min(float(self.burst), tokens + (now - then) * self.rate)
        passes = tokens >= cost
        if passes:
            tokens -= cost
        self._buckets[client] = (tokens, now)
        if len(self._buckets) > _MOST_CLIENTS:
            self._buckets.popitem(last=False)
        return Verdict(passes, int(tokens))
