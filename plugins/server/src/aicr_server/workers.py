"""Several worker processes behind one listening socket: made, watched, replaced when one dies, stopped together.

The parent serves nothing; it forks before there is a thread. A worker whose parent is
gone stops as if told to. Exit status: 0 when every worker stopped cleanly, else 1.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from aicr_server.accesslog import AccessLog

_TOO_SOON = 10.0
"""A worker that dies younger than this is replaced after a pause, so that a defect makes no storm of processes."""


class Workers:
    """``count`` processes that run ``work(place, parent)``.

    ``place`` is a number below ``count``, which whoever takes a dead one's place gets again; ``parent`` is a pipe that
    ends when the parent does.
    """

    def __init__(
        self, count: int, work: Callable[[int, int], int], log: AccessLog, kill_after: float
    ) -> None:
        self._count = count
        self._work = work
        self._log = log
        self._kill_after = kill_after
        self._started: dict[int, tuple[float, int]] = {}
        self._stopping = False
        self._pipe = os.pipe()

    def run(self, release: Callable[[], None]) -> int:
        """Start the workers and stay until all are gone; ``release`` is called once they are told to stop."""
        for place in range(self._count):
            self._fork(place)
        status = 0

        def stop(*_: Any) -> None:
            if not self._stopping:
                release()
                signal.setitimer(signal.ITIMER_REAL, self._kill_after)
            self._stopping = True
            self._tell(signal.SIGTERM)

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGHUP, lambda *_: self._tell(signal.SIGHUP))
        signal.signal(signal.SIGALRM, lambda *_: self._tell(signal.SIGKILL))
        while self._started:
            pid, result = os.waitpid(-1, 0)
            since, place = self._started.pop(pid)
            age = time.monotonic() - since
            code = os.waitstatus_to_exitcode(result)
            if self._stopping:
                status = status or int(code != 0)
                continue
            self._log.event("error", "a worker died, another takes its place", pid=pid, status=code)
            if age < _TOO_SOON:
                time.sleep(1)
            if not self._stopping:
                self._fork(place)
        return status

    def _fork(self, place: int) -> None:
        pid = os.fork()
        if pid:
            self._started[pid] = time.monotonic(), place
            return
        status = 1
        try:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
                signal.signal(number, signal.SIG_DFL)
            os.close(self._pipe[1])
            status = self._work(place, self._pipe[0])
        finally:
            os._exit(status)

    def _tell(self, number: int) -> None:
        for pid in self._started:
            os.kill(pid, number)
