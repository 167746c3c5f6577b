"""Several workers show one set of metrics, whichever of them is asked: sums that never go back."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import threading
import time

import pytest
from aicr_server.board import Board, Post
from aicr_server.metrics import Metrics
from aicr_server.tally import Tally
from http_ask import ask
from http_server import ENGINES, running
from hypothesis import given
from hypothesis import strategies as st


def _scrape(port: int) -> dict[str, float]:
    text = ask(port, "/metrics").body.decode()
    return {
        name: float(value)
        for name, value in re.findall(r"^([a-z][^ ]*) ([0-9.e+-]+)$", text, re.MULTILINE)
    }


def _workers(pid: int) -> list[int]:
    found = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sorted(map(int, found))


@pytest.mark.parametrize("engine", ENGINES)
def test_every_worker_tells_of_all(engine: str) -> None:
    eks = 'aicr_http_requests_total{method="GET",path="/v1/recipe",status="200"}'
    with running(engine, AICR_WORKERS="2", AICR_RATE_LIMIT="0", LOG_LEVEL="error") as (
        port,
        process,
    ):
        for _ in range(40):
            assert ask(port, "/v1/recipe?service=eks").status == 200
        time.sleep(1.5)
        # A connection each: the kernel gives them to one worker or the other.
        seen = [_scrape(port) for _ in range(12)]
        assert [found[eks] for found in seen] == [40.0] * 12
        assert {found["aicr_workers"] for found in seen} == {2.0}
        durations = 'aicr_http_request_duration_seconds_count{method="GET",path="/v1/recipe"}'
        assert seen[0][durations] == 40
        assert seen[0]["aicr_answer_cache_hits_total"] >= 38
        pages = 0
        for pid in _workers(process.pid):
            pages += int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
        resident = pages * os.sysconf("SC_PAGE_SIZE")
        assert seen[0]["process_resident_memory_bytes"] == pytest.approx(resident, rel=0.2)
        # One that dies takes no count along: whoever takes its place goes on from there.
        for pid in _workers(process.pid):
            os.kill(pid, signal.SIGKILL)
            deadline = time.monotonic() + 20
            while pid in _workers(process.pid) or len(_workers(process.pid)) < 2:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        assert ask(port, "/v1/recipe?service=eks").status == 200
        time.sleep(1.5)
        assert {_scrape(port)[eks] for _ in range(6)} == {41.0}


def test_counts_never_go_back_while_requests_come() -> None:
    with running("uvicorn", AICR_WORKERS="2", AICR_RATE_LIMIT="0", LOG_LEVEL="error") as (port, _):
        end = threading.Event()

        def load() -> None:
            while not end.is_set():
                ask(port, "/v1/query?selector=kind")

        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        last = 0.0
        try:
            for _ in range(60):
                found = _scrape(port)
                total = sum(v for k, v in found.items() if k.startswith("aicr_http_requests_total"))
                assert total >= last
                last = total
        finally:
            end.set()
            for thread in threads:
                thread.join()
        assert last > 20


def test_one_worker_shares_with_nobody() -> None:
    counters = Metrics("1")
    counters.done("GET", "/", 200, 0.1)
    text = counters.text().decode()
    assert 'aicr_http_requests_total{method="GET",path="/",status="200"} 1.0' in text
    assert "aicr_workers 1.0" in text


def test_what_is_half_written_is_not_read() -> None:
    board = Board(2)
    one, two = Post(board, 0), Post(board, 1)
    assert one.others() == []
    one.write(b"first")
    assert two.others() == [b"first"]
    one.write(b"x" * 600_000)
    assert two.others() == [b"first"]
    board._memory[9:10] = b"?"
    assert two.others() == []
    two.write(b"mine")
    assert Post(board, 1).inherited == b"mine"


LABELS = st.tuples(st.sampled_from(["GET", "POST"]), st.sampled_from(["/", "/v1/recipe"]), st.sampled_from([200, 404]), st.floats(0, 20))  # fmt: skip


@given(st.lists(LABELS, max_size=8), st.lists(LABELS, max_size=8))
def test_a_sum_is_what_one_would_have_counted(
    first: list[tuple[str, str, int, float]], second: list[tuple[str, str, int, float]]
) -> None:
    one, two, both = Tally(), Tally(), Tally()
    for tally, rows in ((one, first), (two, second), (both, [*first, *second])):
        for row in rows:
            tally.done(*row)
            tally.builds.add(row[3])
    one.values, two.values, both.values = {"a": 1}, {"a": 2, "b": 1}, {"a": 3, "b": 1}
    before = one.dump()
    found = one.plus(Tally.load(two.dump()))
    assert one.dump() == before
    assert found.requests == both.requests
    assert found.values == both.values
    assert {k: v.counts for k, v in found.durations.items()} == {
        k: v.counts for k, v in both.durations.items()
    }
    assert found.builds.counts == both.builds.counts
    assert found.builds.total == pytest.approx(both.builds.total)
