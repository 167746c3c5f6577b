"""Threads that see what happens to a run's objects and tell the engine, through cut watches and short outages.

A watcher lists, then watches from there; when the watch is cut it goes on, when it has expired it lists again
(spec/snapshot.md 14.6). It decides nothing.
"""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import AicrError, Code
from aicr_kube.jobs.api import is_expired, is_outage, status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aicr_kube.jobs.api import Api

Object = dict[str, Any]


class Pace(NamedTuple):
    """How long what may take, in seconds; tests run faster."""

    grace: float = 30.0
    """What a trouble may last before the agent is given up."""
    outage: float = 60.0
    """What the API server may be away."""
    pause: float = 1.0
    """Between two tries."""
    tick: float = 0.25
    """Between two looks at the clock and at Ctrl-C."""
    watch: float = 30.0
    """One watch request."""
    drain: float = 5.0
    """What following a log may go on after its pod has ended: a lost node leaves it open."""


class Seen(NamedTuple):
    """Objects in a state: ``event`` is ``LIST`` (all there are), ``ADDED``, ``MODIFIED``, ``DELETED``."""

    kind: str
    event: str
    items: Sequence[Object]


class Blind(NamedTuple):
    """A collection that may not be read."""

    kind: str
    error: AicrError


class Away(NamedTuple):
    """The API server does not answer for a collection; ``over`` when it has been away too long."""

    kind: str
    error: AicrError
    over: bool


class Done(NamedTuple):
    """The end of a piece of work for a unit."""

    token: Any
    value: Any
    error: AicrError | None


class Watcher:
    """Follows one collection in a thread of its own and puts what it sees into ``inbox``."""

    def __init__(
        self, api: Api, kind: str, path: str, selector: str, inbox: queue.SimpleQueue[Any], pace: Pace
    ) -> None:  # fmt: skip
        self._api, self._kind, self._path, self._selector = api, kind, path, selector
        self._inbox, self._pace = inbox, pace
        self._stopped = threading.Event()
        self._version = ""
        self._away_since: float | None = None
        threading.Thread(target=self._run, daemon=True, name=f"watch-{kind}").start()

    def stop(self) -> None:
        """Tell no more; the thread ends with its current request."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            began = time.monotonic()
            try:
                self._follow()
            except AicrError as error:
                if not self._excuse(error):
                    return
            except Exception as error:
                # A thread that dies in silence would leave the engine waiting for what never comes.
                self._tell(Away(self._kind, _defect(error), over=True))
                return
            if time.monotonic() - began < self._pace.pause:
                self._stopped.wait(self._pace.pause)

    def _follow(self) -> None:
        if not self._version:
            items, self._version = self._api.listed(self._path, self._selector)
            self._away_since = None
            self._tell(Seen(self._kind, "LIST", items))
        watch = self._api.watch(self._path, self._selector, self._version, self._pace.watch)
        for event in watch:
            if self._stopped.is_set():
                return
            self._away_since = None
            item = event.get("object")
            if not isinstance(item, dict):
                continue
            version = (item.get("metadata") or {}).get("resourceVersion")
            self._version = str(version or self._version)
            if event.get("type") != "BOOKMARK":
                self._tell(Seen(self._kind, str(event.get("type")), [item]))
        self._away_since = None

    def _excuse(self, error: AicrError) -> bool:
        """Tell whether to go on after ``error``."""
        self._version = ""
        if is_expired(error):
            return True
        if status(error) in (401, 403):
            self._tell(Blind(self._kind, error))
            return False
        now = time.monotonic()
        first = self._away_since is None
        self._away_since = self._away_since or now
        over = not is_outage(error) or now - self._away_since > self._pace.outage
        if first or over:
            self._tell(Away(self._kind, error, over))
        return not over

    def _tell(self, message: Any) -> None:
        if not self._stopped.is_set():
            self._inbox.put(message)


class Workers:
    """A few threads for what waits: reading logs, deleting. Results come to ``inbox`` as :class:`Done`."""

    def __init__(self, inbox: queue.SimpleQueue[Any], count: int = 4) -> None:
        self._inbox = inbox
        self._work: queue.SimpleQueue[tuple[Any, Callable[[], Any]] | None] = queue.SimpleQueue()
        self._count = count
        for number in range(count):
            threading.Thread(target=self._run, daemon=True, name=f"agent-{number}").start()

    def submit(self, token: Any, call: Callable[[], Any]) -> None:
        """Run ``call`` when a thread is free."""
        self._work.put((token, call))

    def stop(self) -> None:
        """Start nothing new."""
        for _ in range(self._count):
            self._work.put(None)

    def _run(self) -> None:
        while (piece := self._work.get()) is not None:
            token, call = piece
            try:
                self._inbox.put(Done(token, call(), None))
            except AicrError as error:
                self._inbox.put(Done(token, None, error))
            except Exception as error:
                self._inbox.put(Done(token, None, _defect(error)))


def _defect(error: Exception) -> AicrError:
    """Give the error for an answer that nobody has thought of."""
    wrapped = AicrError(Code.INTERNAL, f"{type(error).__name__}: {error}")
    wrapped.__cause__ = error
    return wrapped
