"""What can be wrong with a release, as one line and an exit status that mean what they mean in ``aicr``.

``aicr_core`` has an error of its own kind; it is not used here, because a release is checked before it is installed.
"""

from __future__ import annotations

import enum


class Kind(enum.Enum):
    """Why it failed; the value is the exit status (``docs/user/errors.md`` has the same numbers)."""

    INVALID = 2
    MISSING = 3
    UNAUTHORIZED = 4
    TOOL = 6
    DIFFERS = 8


def plain(text: str) -> str:
    """Give text as one line that can be printed anywhere: a file's name may hold what steers a terminal."""
    one = " ".join(text.split())
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in one)


class ReleaseError(Exception):
    """A failure to tell in one line: what is wrong, where, and what to do about it."""

    def __init__(self, kind: Kind, message: str, *, where: str = "", hint: str = "") -> None:
        self.kind = kind
        self.message = message
        self.where = where
        self.hint = hint
        super().__init__(str(self))

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        hint = f"; {self.hint}" if self.hint else ""
        return plain(f"[{self.kind.name}] {where}{self.message}{hint}")
