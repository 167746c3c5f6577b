"""What the checks of one run make in a cluster, and that it goes: after each check, and whatever is left at the end.

Nothing here decides what is made; it is in the checks' ledgers. Commands for what could not be removed are kept.
"""

from __future__ import annotations

import shlex
import threading
from typing import TYPE_CHECKING

from aicr_core.engine import checks
from aicr_core.kit.errors import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aicr_core.model.target import Target

RUN = ""
"""The name under which the run's own things stand: they go last."""


class Makings:
    """The targets of a run by the name of their check. May be used from several threads."""

    def __init__(self, kubeconfig: str, *, keep: bool, warn: Callable[[str], None]) -> None:
        self._tail = f" --kubeconfig {shlex.quote(kubeconfig)}" if kubeconfig else ""
        self._keep = keep
        self._warn = warn
        self._targets: dict[str, Target] = {}
        self._lock = threading.Lock()
        self.residue: list[str] = []

    def add(self, name: str, target: Target) -> None:
        """Take over what a check will make."""
        with self._lock:
            self._targets[name] = target

    def clean(self, name: str) -> None:
        """Remove what a check made; where all shall be kept, say how to remove it. Done once for each.

        A clean-up whose thread was given up may still be at it: what it works on stands here until it is done, so
        that :meth:`clean_all` does the same again. Whoever is done first says what is left.
        """
        with self._lock:
            target = self._targets.get(name)
        if target is None:
            return
        if self._keep:
            self._done(name, self._noted(target))
            return
        try:
            self._done(name, checks.clean_up(target))
        except BaseException as error:
            # Also a second interrupt: what is not known to be gone is named.
            self._done(name, self._noted(target))
            if not isinstance(error, Exception):
                raise
            self._warn(f"the clean-up after {name or 'the run'} failed: {one_line(str(error))}")

    def clean_all(self, *, but: str | None = None) -> None:
        """Remove what checks made that were given up; the run's own things last."""
        with self._lock:
            names = sorted(self._targets, key=lambda name: (name == RUN, name))
        try:
            for name in names:
                if name != but:
                    self.clean(name)
        except KeyboardInterrupt:
            # Nobody waits any more: what there still is has to be named.
            for name in names:
                target = self._targets.get(name)
                if target is not None:
                    self._done(name, self._noted(target))
            raise

    @staticmethod
    def _noted(target: Target) -> tuple[str, ...]:
        """Give commands for all that a check has made; it makes no more."""
        return tuple(checks.kubectl_delete(path) for path in target.ledger.close())

    def _done(self, name: str, commands: tuple[str, ...]) -> None:
        """Strike a check off, and keep commands for what it left, unless somebody else has done so."""
        with self._lock:
            if self._targets.pop(name, None) is not None:
                self.leave(commands)

    def leave(self, commands: Iterable[str]) -> None:
        """Keep commands for what is left, for the cluster that was worked on."""
        self.residue += [f"{command}{self._tail}" for command in commands]
