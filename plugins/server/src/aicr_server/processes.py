"""The processes themselves, as metrics: memory, processor time, open files; of all workers together.

The client library reads them from ``/proc``; several are added up, but for the start, which is the first one's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prometheus_client.core import Metric

_START = "process_start_time_seconds"


def families(pids: Sequence[int]) -> Iterable[Metric]:
    """Give the metric families of processes; one that is gone by now counts for nothing."""
    from prometheus_client import CollectorRegistry, ProcessCollector

    found: dict[str, Metric] = {}
    for pid in pids:
        # A registry of its own: the library's default one is not ours.
        collector = ProcessCollector(pid=lambda pid=pid: pid, registry=CollectorRegistry())  # type: ignore[misc]
        for family in collector.collect():
            known = found.setdefault(family.name, family)
            if known is family:
                continue
            (one,), (two,) = known.samples, family.samples
            value = min(one.value, two.value) if one.name == _START else one.value + two.value
            known.samples = [one._replace(value=value)]
    return found.values()
