"""Work in threads: few at a time, one after another while it is short, refused where there is no room."""

from __future__ import annotations

import threading
import time

import anyio
import pytest
from aicr_server.problems import Problem
from aicr_server.work import Work


def test_short_pieces_take_turns_and_a_long_one_holds_nobody() -> None:
    at_once: list[int] = []
    running = [0]
    end = threading.Event()

    def short() -> str:
        running[0] += 1
        at_once.append(running[0])
        time.sleep(0.01)
        running[0] -= 1
        return "short"

    def long() -> str:
        return "long" if end.wait(20) else "never ended"

    async def run() -> tuple[list[str], list[str]]:
        work = Work(8, 30)
        alone: list[str] = []
        beside: list[str] = []

        async def do(call: object, found: list[str]) -> None:
            found.append(await work.do("piece", call))  # type: ignore[arg-type]

        async with anyio.create_task_group() as group:
            for _ in range(6):
                group.start_soon(do, short, alone)
        async with anyio.create_task_group() as group:
            group.start_soon(do, long, beside)
            await anyio.sleep(0.05)
            await do(short, beside)
            end.set()
        return alone, beside

    alone, beside = anyio.run(run)
    assert alone == ["short"] * 6
    assert max(at_once) == 1
    assert beside == ["short", "long"]


def test_without_room_it_is_refused_at_once() -> None:
    end = threading.Event()

    async def run() -> None:
        work = Work(1, 30)
        async with anyio.create_task_group() as group:
            group.start_soon(work.do, "piece", lambda: end.wait(20))
            while not work.busy:
                await anyio.sleep(0.01)
            with pytest.raises(Problem) as found:
                await work.do("piece", lambda: None)
            assert (found.value.status, found.value.headers) == (503, {"Retry-After": "1"})
            end.set()
        assert not work.busy

    anyio.run(run)
