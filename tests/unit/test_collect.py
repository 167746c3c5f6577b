"""Collectors side by side: each one's fate is its own, and the document says what is missing and why."""

from __future__ import annotations

import time
from typing import Any

import pytest

from aicr_core.engine import collect
from aicr_core.kit.errors import AicrError, Code
from aicr_core.model.snapshot import Item, Measurement, Subtype
from aicr_core.plugins.providers import Collector


def collector(name: str, call: Any, kind: str = "OS", **options: Any) -> Any:
    return ("plugin-" + name, Collector(name=name, produces=kind, call=call, **options), call)


def run(*collectors: Any, jobs: int = 8, **options: Any) -> collect.Collected:
    return collect.run(collectors, options, jobs=jobs, deadline=30.0)


def gives(kind: str, *subtypes: Subtype) -> Any:
    return lambda _ctx: Measurement(type=kind, subtypes=subtypes)


@pytest.mark.parametrize("jobs", [1, 8])
def test_the_order_is_the_schema_s_not_that_of_completion(jobs: int) -> None:
    def slow(_ctx: Any) -> Measurement:
        time.sleep(0.05)
        return Measurement(type="K8s", subtypes=(Subtype(name="server", data={"b": 1, "a": 2}),))

    found = run(
        collector("z", gives("Zoo", Subtype(name="x", data={"k": True}))),
        collector("g", gives("GPU", Subtype(name="smi", data={"gpu-count": 0}))),
        collector("k", slow),
        collector("o", gives("OS", Subtype(name="release", data={"ID": "x"}))),
        jobs=jobs,
    )
    assert [item["type"] for item in found.measurements] == ["K8s", "OS", "GPU", "Zoo"]
    assert list(found.measurements[0]["subtypes"][0]["data"]) == ["a", "b"]
    assert [entry["collector"] for entry in found.collection] == ["g", "k", "o", "z"]
    assert collect.problems(found.collection) == []


def test_a_failing_collector_costs_only_its_own_part() -> None:
    def broken(_ctx: Any) -> Any:
        raise ZeroDivisionError("oops")

    def forbidden(_ctx: Any) -> Any:
        raise AicrError(Code.UNAUTHORIZED, "nodes: 403")

    def leaves(_ctx: Any) -> Any:
        raise SystemExit(3)

    found = run(
        collector("a", broken),
        collector("b", forbidden),
        collector("c", leaves),
        collector("d", gives("OS", Subtype(name="release", data={"ID": "x"}))),
    )
    assert [(e["collector"], e["status"]) for e in found.collection] == [
        ("a", "failed"), ("b", "forbidden"), ("c", "failed"), ("d", "ok"),
    ]  # fmt: skip
    assert [item["type"] for item in found.measurements] == ["OS"]
    assert len(collect.problems(found.collection)) == 3


def test_a_hanging_collector_is_left_behind() -> None:
    def hangs(ctx: Any) -> Any:
        while not ctx.cancelled:
            time.sleep(0.01)

    found = run(
        collector("hangs", hangs, timeout=0.2),
        collector("good", gives("OS", Subtype(name="kmod", data={"x": True}))),
    )
    assert [(e["collector"], e["status"]) for e in found.collection] == [
        ("good", "ok"), ("hangs", "timeout"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"type": "OS"},
        [1],
        Measurement(type="OS", subtypes=(Subtype(name="x", data={"a": None}),)),  # type: ignore[dict-item]
        Measurement(type="OS", subtypes=(Subtype(name="x", data={"a": [1]}),)),  # type: ignore[dict-item]
        Measurement(type="OS", subtypes=(Subtype(name="x", data={1: "a"}),)),  # type: ignore[dict-item]
        Measurement(
            type="OS",
            subtypes=(Subtype(name="x", data={}, items=(Item(context={}, data={"a": {}}),)),),  # type: ignore[dict-item]
        ),
    ],
)
def test_a_lying_collector_is_named(value: Any) -> None:
    found = run(collector("liar", lambda _ctx: value))
    assert found.measurements == []
    (entry,) = found.collection
    assert entry["status"] == "failed"
    assert "liar" in entry["reason"]


def test_two_collectors_share_a_type_but_not_a_subtype() -> None:
    found = run(
        collector("a", gives("OS", Subtype(name="release", data={"ID": "a"}))),
        collector(
            "b",
            gives(
                "OS", Subtype(name="release", data={"ID": "b"}), Subtype(name="x", data={"k": 1})
            ),
        ),
    )
    (measurement,) = found.measurements
    assert [s["subtype"] for s in measurement["subtypes"]] == ["release", "x"]
    assert measurement["subtypes"][0]["data"] == {"ID": "a"}
    assert found.collection[1]["status"] == "failed"
    assert "collector a" in found.collection[1]["reason"]


def test_what_is_missing_is_said_and_left_out() -> None:
    found = run(
        collector(
            "os",
            gives(
                "OS",
                Subtype(
                    name="grub", data=None, status="skipped", reason="no\n/proc", source="/proc"
                ),
                Subtype(name="kmod", data={}),
                Subtype(name="sysctl", data={"a": "1"}, status="degraded", reason="2 unreadable"),
            ),
        )
    )
    assert [s["subtype"] for s in found.measurements[0]["subtypes"]] == ["kmod", "sysctl"]
    assert [(e["subtype"], e["status"]) for e in found.collection] == [
        ("OS.grub", "skipped"), ("OS.kmod", "empty"), ("OS.sysctl", "degraded"),
    ]  # fmt: skip
    assert collect.problems(found.collection) == [
        "OS.grub: skipped: no /proc", "OS.sysctl: degraded: 2 unreadable",
    ]  # fmt: skip
    snapshot = {"measurements": found.measurements, "collection": found.collection}
    wanted = ["OS", "OS.grub", "OS.kmod", "OS.sysctl", "GPU"]
    assert collect.missing(snapshot, wanted) == ["OS.grub", "OS.kmod", "GPU"]


@pytest.mark.parametrize(("count", "expected"), [(8, 8), (0, 0), ("8", 0), (True, 0)])
def test_accelerators_are_counted_from_any_gpu_subtype(count: Any, expected: int) -> None:
    subtypes = [
        {"subtype": "smi", "data": {}},
        {"subtype": "hardware", "data": {"gpu-count": count}},
    ]
    document = {"measurements": [{"type": "GPU", "subtypes": subtypes}, {"type": "OS"}]}
    assert collect.accelerators(document) == expected
