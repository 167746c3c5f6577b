"""The one error type of the project, its codes, and the exit status each code gives.

Everything that can go wrong because of input, environment or a plugin leaves the core as an
:class:`AicrError`; whatever else escapes is a defect. This module does not print and does not exit:
the command line turns an error into one line of text and a status.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Code(str, Enum):
    """Error classes of the API and the command line (spec/snapshot.md, exit codes)."""

    INVALID_REQUEST = "INVALID_REQUEST"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    NOT_FOUND = "NOT_FOUND"
    UNAUTHORIZED = "UNAUTHORIZED"
    TIMEOUT = "TIMEOUT"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    RATE_LIMIT_EXCEEDED = "RATE_LIMIT_EXCEEDED"
    CONFLICT = "CONFLICT"
    INTERNAL = "INTERNAL"

    def __str__(self) -> str:
        return self.value


EXIT_STATUS: dict[Code, int] = {
    Code.INVALID_REQUEST: 2,
    Code.METHOD_NOT_ALLOWED: 2,
    Code.CONFLICT: 2,
    Code.NOT_FOUND: 3,
    Code.UNAUTHORIZED: 4,
    Code.TIMEOUT: 5,
    Code.SERVICE_UNAVAILABLE: 6,
    Code.RATE_LIMIT_EXCEEDED: 7,
    Code.INTERNAL: 8,
}


class AicrError(Exception):
    """A failure that a person can understand and mend.

    ``message`` says what is wrong, ``where`` names the place (``file:line:column``, a flag, a
    field path), ``hint`` says how to mend it, ``plugin`` names the plugin at fault. The cause, if
    any, is set with ``raise ... from``.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        hint: str | None = None,
        where: str | None = None,
        plugin: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.where = where
        self.plugin = plugin

    @property
    def exit_status(self) -> int:
        """Process exit status for this error."""
        return EXIT_STATUS[self.code]

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        owner = f" (plugin {self.plugin})" if self.plugin else ""
        text = one_line(f"[{self.code}] {place}{self.message}{owner}")
        cause = self.__cause__
        if isinstance(cause, AicrError):
            text += f": {cause}"
        return text


class GateFailed(AicrError):
    """A gate that the user asked for does not hold: there is drift, or too few nodes satisfy a recipe.

    The result was written all the same. ``status`` is the exit status the user chose for it.
    """

    def __init__(self, message: str, *, status: int = 2, hint: str | None = None) -> None:
        super().__init__(Code.CONFLICT, message, hint=hint)
        self._status = status

    @property
    def exit_status(self) -> int:
        """Process exit status for this gate."""
        return self._status


class AicrErrors(AicrError):
    """Several failures reported together; the worst one decides code and status (INTERNAL first)."""

    def __init__(self, message: str, errors: Iterable[AicrError]) -> None:
        self.errors: Sequence[AicrError] = tuple(errors)
        worst = max(self.errors, key=lambda error: error.exit_status)
        super().__init__(worst.code, message)

    def __str__(self) -> str:
        lines = [one_line(f"[{self.code}] {self.message}")]
        lines.extend(f"  {error}" for error in self.errors)
        return "\n".join(lines)


def together(message: str, errors: Sequence[AicrError]) -> AicrError:
    """Give one error for several: the only one as it is, else all of them below ``message``, each with its hint."""
    if len(errors) == 1:
        return errors[0]
    for error in errors:
        error.message += f" ({error.hint})" if error.hint else ""
    return AicrErrors(message, errors)


def one_line(text: str) -> str:
    """Escape control characters and line ends: a message quotes what it was given, which may be hostile."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name most like ``word``, or None when none is close (for "did you mean")."""
    from difflib import get_close_matches  # imported only on the way to an error message

    matches = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None
