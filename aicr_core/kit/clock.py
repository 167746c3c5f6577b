"""The time, as one object that can be replaced: what a bundle says about time must be reproducible.

``SOURCE_DATE_EPOCH`` (seconds since 1970, see reproducible-builds.org) fixes what :meth:`Clock.now` gives.
Deadlines use the monotonic clock, which nothing fixes.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Mapping


class Clock(NamedTuple):
    """A source of time; ``fixed`` seconds since 1970 stop it."""

    fixed: float | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Clock:
        """Read ``SOURCE_DATE_EPOCH``. Raises AicrError(INVALID_REQUEST) when it is no number of seconds."""
        text = env.get("SOURCE_DATE_EPOCH", "").strip()
        if not text:
            return cls()
        if not text.isdecimal() or len(text) > 11:
            raise AicrError(
                Code.INVALID_REQUEST,
                f'"{text}" is no number of seconds',
                where="SOURCE_DATE_EPOCH",
                hint="give whole seconds since 1970, or unset it",
            )
        return cls(float(text))

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() if self.fixed is None else self.fixed

    def stamp(self) -> str:
        """The time as RFC 3339 in UTC, to the second: ``2026-01-31T08:00:00Z``."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.now()))
