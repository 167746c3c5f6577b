"""Pretend another time, host and user to the code that is imported after this. Runs in a child process, first thing.

The clock stands still: two runs that differ although nothing around them did are not the clock's fault.
"""

from __future__ import annotations

import datetime
import os
import platform
import socket
import time
from typing import Any


def pretend(epoch: float, host: str) -> None:
    """Let the wall clock stand at ``epoch`` and the host be called ``host``; the monotonic clock goes on."""
    _time(epoch)
    _datetime(epoch)
    system = os.uname()
    named = os.uname_result((system[0], host, *system[2:]))
    os.uname = lambda: named
    socket.gethostname = lambda: host
    socket.getfqdn = lambda name="": host or name
    platform.node = lambda: host
    platform.uname = lambda: platform.uname_result(system[0], host, *system[2:])


def _time(epoch: float) -> None:
    def still(real: Any) -> Any:
        return lambda seconds=None: real(epoch if seconds is None else seconds)

    write = time.strftime
    for name in ("localtime", "gmtime", "ctime"):
        setattr(time, name, still(getattr(time, name)))
    now = time.localtime()
    time.time = lambda: epoch
    time.time_ns = lambda: int(epoch) * 10**9
    time.strftime = lambda form, moment=now: write(form, moment)


class _Same(type):
    """The pretended class takes the real one's objects for its own."""

    def __instancecheck__(cls, item: object) -> bool:
        return isinstance(item, cls.__bases__[0])


def _datetime(epoch: float) -> None:
    real = datetime.datetime
    today = real.fromtimestamp(epoch)

    class Moment(real, metaclass=_Same):  # type: ignore[misc,valid-type]
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return real.fromtimestamp(epoch, tz)

        @classmethod
        def utcnow(cls) -> Any:
            return real.fromtimestamp(epoch, datetime.UTC).replace(tzinfo=None)

        @classmethod
        def today(cls) -> Any:
            return today

    class Day(datetime.date, metaclass=_Same):
        @classmethod
        def today(cls) -> Any:
            return today.date()

    datetime.datetime = Moment  # type: ignore[misc]
    datetime.date = Day  # type: ignore[misc]
