"""What a check of the kit is, and what it says: identity, demand, reason, remedy; verdicts. Nothing runs here."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aicr_testkit.subject import Subject

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


class Check(NamedTuple):
    """One demand on a plugin.

    ``applies`` gives the reason why it does not apply to a plugin, empty when it does. ``run`` gives the breaches, one
    line each; none means passed. ``mend`` is appended to the message of a failure.
    """

    id: str
    title: str
    demands: str
    why: str
    mend: str
    run: Callable[[Subject], Iterable[str]]
    applies: Callable[[Subject], str] = lambda _subject: ""


class Result(NamedTuple):
    """The verdict of one check about one plugin; the message of a skipped one is the reason."""

    id: str
    title: str
    status: str
    message: str

    def document(self) -> dict[str, str]:
        """As reports hold it."""
        return {
            "id": self.id,
            "title": self.title,
            "status": self.status,
            "message": self.message,
        }


SHOWN = 5
"""Breaches that a message shows; it says how many more there are."""


def verdict(check: Check, subject: Subject) -> Result:
    """Hold a plugin to a check."""
    reason = check.applies(subject)
    if reason:
        return Result(check.id, check.title, SKIPPED, reason)
    breaches = list(dict.fromkeys(check.run(subject)))
    if not breaches:
        return Result(check.id, check.title, PASSED, "")
    more = f"; and {len(breaches) - SHOWN} more" if len(breaches) > SHOWN else ""
    text = "; ".join(breaches[:SHOWN])
    return Result(check.id, check.title, FAILED, f"{text}{more}. To mend it: {check.mend}")
