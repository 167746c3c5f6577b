"""The runner: order, deadlines, failures, and that one task's fate is its own."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.process import Completed, end_group
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


def _shell(text: str, **options: Any) -> Completed:
    return Context(timeout=20).run([sys.executable, "-c", text], **options)


def test_a_child_gets_its_input_and_gives_both_outputs() -> None:
    text = (
        "import sys; d = sys.stdin.buffer.read(); sys.stdout.buffer.write(d); sys.stderr.write('e')"
    )
    data = bytes(range(256)) * 4096
    assert _shell(text, stdin=data) == (0, data, b"e")
    assert _shell("pass", stdin=data) == (0, b"", b""), "one that does not read its input"


def test_an_endless_writer_is_ended() -> None:
    with pytest.raises(AicrError, match="wrote too much and was ended"):
        _shell("while True: print('x' * 9999)", max_output=100_000)


def test_a_child_that_closes_its_outputs_is_waited_for() -> None:
    text = "import os, time; os.close(1); os.close(2); time.sleep(60)"
    with pytest.raises(AicrError, match="took longer") as caught:
        _shell(text, timeout=0.5)
    assert caught.value.code is Code.TIMEOUT


def test_one_that_hangs_in_the_kernel_is_left_behind() -> None:
    class Stuck:
        """A process that no signal ends (such a one cannot be made on purpose)."""

        pid, stdin, stdout, stderr = 2**22 + 1, None, None, None

        def poll(self) -> None:
            return None

        def wait(self, timeout: float) -> None:
            raise subprocess.TimeoutExpired("stuck", timeout)

    end_group(Stuck(), grace=0.01)  # type: ignore[arg-type]


def test_a_task_that_the_end_of_all_cut_off_does_not_blame_its_own_limit() -> None:
    release = threading.Event()
    tasks = [_task("own", lambda _c: release.wait(30), timeout=0.1),
             _task("cut", lambda _c: release.wait(30), timeout=20.0)]  # fmt: skip
    own, cut = Runner(2, 0.5).run(tasks)
    release.set()
    assert "own took longer than 0.1 s" in str(own.error)
    assert "cut had not ended when the 0.5 s for all together were over" in str(cut.error)
    assert (own.seconds, cut.status) == (0.1, "timeout")
    assert cut.seconds <= 0.5
