"""Ask several things at once. Threads are daemons, as in the core's runner: a hung one never holds the exit."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, TypeVar

from aicr_kube.transport import PARALLEL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
R = TypeVar("R")


def each(
    call: Callable[[T], R], items: Sequence[T], jobs: int = PARALLEL
) -> tuple[R | Exception, ...]:
    """Give ``call(item)`` for every item, in their order; what one raised stands in its place.

    ``call`` has to end by itself: every request of a cluster ends at its deadline.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(len(items)):
        waiting.put(number)
    results: dict[int, R | Exception] = {}

    def work() -> None:
        while True:
            try:
                number = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                results[number] = call(items[number])
            except Exception as error:
                results[number] = error

    threads = [
        threading.Thread(target=work, daemon=True, name="kube")
        for _ in range(min(jobs, len(items)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tuple(results[number] for number in range(len(items)))
