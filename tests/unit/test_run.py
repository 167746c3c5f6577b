"""The runner: order, deadlines, failures, and that one task's fate is its own."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.run import Context, Runner, Task


def _task(name: str, call: Any, **options: Any) -> Task:
    return Task(name=name, plugin=f"plugin-{name}", call=call, **options)


@pytest.mark.parametrize("jobs", [1, 8])
def test_outcomes_keep_the_order_of_the_tasks(jobs: int) -> None:
    def call(number: int) -> Any:
        return lambda _context: (time.sleep(0.02 * (4 - number)), number)[1]

    outcomes = Runner(jobs).run([_task(str(n), call(n)) for n in range(5)])
    assert [outcome.value for outcome in outcomes] == [0, 1, 2, 3, 4]


def test_a_failure_belongs_to_its_task_and_names_the_plugin() -> None:
    def broken(_context: Context) -> None:
        raise ZeroDivisionError("oops")

    def refused(_context: Context) -> None:
        raise AicrError(Code.INVALID_REQUEST, "no")

    good, bad, no = Runner(2).run(
        [_task("a", lambda _c: 1), _task("b", broken), _task("c", refused, inline=True)]
    )
    assert good.value == 1
    assert bad.error is not None
    assert bad.error.code is Code.INTERNAL
    assert "plugin-b" in str(bad.error)
    assert no.error is not None
    assert no.error.code is Code.INVALID_REQUEST


def test_a_hung_task_is_left_behind_at_its_deadline() -> None:
    release = threading.Event()
    start = time.monotonic()
    late, good = Runner(2).run(
        [_task("late", lambda _c: release.wait(30), timeout=0.2), _task("good", lambda _c: 1)]
    )
    release.set()
    assert time.monotonic() - start < 10
    assert late.status == "timeout"
    assert late.error is not None
    assert late.error.code is Code.TIMEOUT
    assert good.value == 1


def test_a_context_knows_its_time() -> None:
    (outcome,) = Runner(1).run([_task("a", lambda context: context.remaining(), timeout=5)])
    assert 0 < outcome.value <= 5
