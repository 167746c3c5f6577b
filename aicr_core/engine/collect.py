"""Run collectors side by side and assemble what they gave: measurements, and how well each part was read.

One failing, hanging or lying collector costs only its own part (spec/snapshot.md 2.3, 14.4). What a collector
measures is the plugins' business; where a snapshot is written, and redaction, are the use case's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.run import Outcome, Runner, Task
from aicr_core.model.snapshot import Measurement, Subtype, measurement_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from aicr_core.kit.run import Context
    from aicr_core.plugins.providers import Collector

Document = dict[str, Any]
TYPE_ORDER = ("K8s", "SystemD", "OS", "GPU", "NodeTopology", "NetworkTopology")
"""Order of the schema's own types; further types follow by name (spec/snapshot.md 1.1)."""
_FAILED = {Code.TIMEOUT: "timeout", Code.UNAUTHORIZED: "forbidden"}
CLEAN = ("ok", "empty")
"""Statuses after which no reading is missing."""


class Collected(NamedTuple):
    """What the collectors gave: documents of measurements, the ``collection`` block, the raw outcomes."""

    measurements: list[Document]
    collection: list[Document]
    outcomes: tuple[Outcome, ...]


def run(
    collectors: Sequence[tuple[str, Collector, Callable[[Context], Any]]],
    options: Mapping[str, Any],
    *,
    jobs: int,
    deadline: float,
    settings: Any = None,
    log: Callable[[str], None] | None = None,
) -> Collected:
    """Run (plugin, collector, function) triples at most ``jobs`` at once, all within ``deadline`` seconds.

    The result does not depend on which one finishes first.
    """
    ordered = sorted(collectors, key=lambda item: (item[1].order, item[1].name))
    tasks = [
        Task(collector.name, plugin, call, collector.timeout) for plugin, collector, call in ordered
    ]
    runner = Runner(jobs, deadline, settings=settings, log=log, options=options)
    outcomes = runner.run(tasks)
    found: dict[str, dict[str, tuple[str, Subtype]]] = {}
    entries: list[Document] = []
    for (_, collector, _), outcome in zip(ordered, outcomes, strict=True):
        error = outcome.error
        if error is None:
            try:
                measurements = _checked(outcome.value, collector)
                entries.extend(_merge(found, collector, measurements, outcome.seconds))
            except AicrError as lie:
                error = lie
        if error is not None:
            status = _FAILED.get(error.code, "failed")
            entries.append(_entry(collector.name, "", status, error.message, "", outcome.seconds))
    types = sorted(found, key=lambda name: (_rank(name), name))
    measurements = [
        Measurement(type=name, subtypes=tuple(subtype for _, subtype in found[name].values()))
        for name in types
    ]
    return Collected([measurement_document(item) for item in measurements], entries, outcomes)


def _rank(name: str) -> int:
    return TYPE_ORDER.index(name) if name in TYPE_ORDER else len(TYPE_ORDER)


def in_order(measurements: Iterable[Document]) -> list[Document]:
    """Give measurements of several sources in the order in which a snapshot has them."""
    return sorted(measurements, key=lambda item: (_rank(item["type"]), item["type"]))


def _checked(value: Any, collector: Collector) -> list[Measurement]:
    measurements = [value] if isinstance(value, Measurement) else value
    if not isinstance(measurements, (list, tuple)):
        raise _lie(collector, f"gave a {type(value).__name__}, not a Measurement")
    for measurement in measurements:
        if not isinstance(measurement, Measurement):
            raise _lie(collector, f"gave a {type(measurement).__name__}, not a Measurement")
        for subtype in measurement.subtypes:
            _check_readings(collector, subtype)
    return list(measurements)


def _check_readings(collector: Collector, subtype: Subtype) -> None:
    groups: list[Mapping[Any, Any]] = [subtype.data or {}, *(item.data for item in subtype.items)]
    for data in groups:
        for key, reading in data.items():
            if not isinstance(key, str) or not isinstance(reading, (bool, int, float, str)):
                kind = type(reading).__name__
                raise _lie(collector, f"gave {subtype.name}.{key} as {kind}, which is no scalar")


def _lie(collector: Collector, text: str) -> AicrError:
    return AicrError(Code.INTERNAL, f"collector {collector.name} {text}")


def _merge(
    found: dict[str, dict[str, tuple[str, Subtype]]],
    collector: Collector,
    measurements: Iterable[Measurement],
    seconds: float,
) -> list[Document]:
    """Add what one collector gave; give its entries. A subtype two collectors give stays the first one's."""
    entries = []
    for measurement in measurements:
        known = found.setdefault(measurement.type, {})
        for subtype in measurement.subtypes:
            name = f"{measurement.type}.{subtype.name}"
            status, reason = subtype.status, subtype.reason
            if subtype.name in known:
                owner = known[subtype.name][0]
                status, reason = "failed", f"collector {owner} gives {name} as well; its is kept"
            else:
                known[subtype.name] = (collector.name, subtype)
                if status == "ok" and not subtype.data and not subtype.items:
                    status = "empty"
            entries.append(_entry(collector.name, name, status, reason, subtype.source, seconds))
    return entries


def _entry(
    collector: str, subtype: str, status: str, reason: str, source: str, seconds: float
) -> Document:
    entry: Document = {"collector": collector}
    if subtype:
        entry["subtype"] = subtype
    entry["status"] = status
    if reason:
        entry["reason"] = " ".join(reason.split())
    if source:
        entry["source"] = source
    entry["durationMs"] = round(seconds * 1000)
    return entry


def problems(collection: Iterable[Document]) -> list[str]:
    """Give one line for each reason why something was not read whole, with all the parts it concerns."""
    found: dict[tuple[str, str], list[str]] = {}
    for entry in collection:
        if entry["status"] not in CLEAN:
            key = (entry["status"], entry.get("reason", ""))
            found.setdefault(key, []).append(entry.get("subtype") or entry["collector"])
    return [
        f"{', '.join(names)}: {status}" + (f": {reason}" if reason else "")
        for (status, reason), names in found.items()
    ]


def missing(snapshot: Document, wanted: Iterable[str]) -> list[str]:
    """Give those of ``wanted`` (``Type`` or ``Type.subtype``) that were not read, by readings and ``collection``."""
    present = set()
    for measurement in snapshot.get("measurements", ()):
        for subtype in measurement.get("subtypes", ()):
            if subtype.get("data") or subtype.get("items"):
                present |= {measurement["type"], f"{measurement['type']}.{subtype['subtype']}"}
    # What was read and then left out, for sharing, was read.
    for entry in snapshot.get("collection", ()):
        if entry["status"] == "ok" and "subtype" in entry:
            present |= {entry["subtype"].partition(".")[0], entry["subtype"]}
    broken = {
        entry.get("subtype", "")
        for entry in snapshot.get("collection", ())
        if entry["status"] not in (*CLEAN, "degraded")
    }
    return [name for name in wanted if name not in present or name in broken]


def accelerators(snapshot: Document) -> int:
    """Give the largest ``gpu-count`` of any GPU subtype; 0 when there is none (spec/snapshot.md 2.4)."""
    counts = [0]
    for measurement in snapshot.get("measurements", ()):
        for subtype in measurement.get("subtypes", ()) if measurement["type"] == "GPU" else ():
            count = subtype.get("data", {}).get("gpu-count")
            if isinstance(count, int) and not isinstance(count, bool):
                counts.append(count)
    return max(counts)
