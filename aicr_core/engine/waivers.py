"""Waivers: failures that somebody has excused, with a reason and an end (spec/beyond.md 4.8).

A waived failure stays in the report as a failure, and says who excused it until when; it does not make the run fail.
After its last day a waiver excuses nothing. A waiver that excuses nothing is worth a warning.
"""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, NamedTuple

import attrs

from aicr_core.kit import yamlio
from aicr_core.kit.errors import AicrError, Code, nearest
from aicr_core.kit.schema import TEXT, ListOf, Record, decode
from aicr_core.model.check import FAILED, OTHER, ReportItem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SCHEMA = Record(
    "the waivers",
    {
        "kind": TEXT, "apiVersion": TEXT,
        "waivers": ListOf(
            Record(
                "a waiver",
                {"check": TEXT, "match": TEXT, "reason": TEXT, "owner": TEXT, "until": TEXT},
                required=("check", "reason", "owner", "until"),
            )
        ),
    },
    required=("waivers",),
)  # fmt: skip
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(T00:00:00Z)?$")


class Waiver(NamedTuple):
    """One excuse: for failures of ``check`` (or a constraint) whose message holds ``match``, up to ``until``."""

    check: str
    match: str
    reason: str
    owner: str
    until: datetime.date
    where: str


def read(data: bytes, source: str, known: Iterable[str]) -> list[Waiver]:
    """Read a waiver file; ``known`` are the names of checks and constraints that there are.

    Raises AicrError(INVALID_REQUEST) naming file and line, with the nearest name.
    """
    node = yamlio.compose(data, source)
    if node is None or node.is_null():
        raise AicrError(Code.INVALID_REQUEST, "the file is empty, expected waivers", where=source)
    document = decode(node, _SCHEMA, source)
    items = next(value for key, value in node.items() if key == "waivers").value
    names = sorted(known)
    found = []
    for entry, place in zip(document["waivers"], items, strict=True):
        where = f"{source}:{place.line}"
        if entry["check"] not in names:
            close = nearest(entry["check"], names)
            raise AicrError(
                Code.INVALID_REQUEST, f'no check or constraint "{entry["check"]}"', where=where,
                hint=f'did you mean "{close}"?' if close else "see aicr validate --list",
            )  # fmt: skip
        for field in ("reason", "owner"):
            if not entry[field].strip():
                raise AicrError(
                    Code.INVALID_REQUEST, f"{field} is empty", where=where,
                    hint="say why it is excused, and who answers for that",
                )  # fmt: skip
        found.append(
            Waiver(
                entry["check"], entry.get("match", ""), entry["reason"], entry["owner"],
                _day(entry["until"], where), where,
            )
        )  # fmt: skip
    return found


def _day(text: str, where: str) -> datetime.date:
    found = _DAY.match(text)
    try:
        return datetime.date.fromisoformat(found[1] if found else text)
    except ValueError:
        raise AicrError(
            Code.INVALID_REQUEST, f'until is "{text}", which is no day', where=where,
            hint="write 2026-12-31",
        ) from None  # fmt: skip


def apply(item: ReportItem, waivers: Sequence[Waiver], today: datetime.date) -> ReportItem:
    """Give the item as it counts: a failure that a waiver excuses says so, one whose waiver has ended says that."""
    if item.status not in (FAILED, OTHER):
        return item
    fitting = [waiver for waiver in waivers if _fits(waiver, item)]
    valid = next((waiver for waiver in fitting if waiver.until >= today), None)
    if valid is not None:
        return attrs.evolve(item, waiver=f"{valid.reason} ({valid.owner}, until {valid.until})")
    if not fitting:
        return item
    last = max(fitting, key=lambda waiver: waiver.until)
    text = f"{item.result.message} (the waiver of {last.owner} ended on {last.until})"
    return attrs.evolve(item, result=attrs.evolve(item.result, message=text))


def _fits(waiver: Waiver, item: ReportItem) -> bool:
    told = f"{item.result.reason} {item.result.message}"
    # What gave no verdict is excused by its words only: a waiver for a known failure is none for a lost cluster.
    named = bool(waiver.match) or item.status == FAILED or item.kind == "constraint"
    return waiver.check == item.name and named and waiver.match in told


def idle(waivers: Sequence[Waiver], items: Iterable[ReportItem], today: datetime.date) -> list[str]:
    """Give a warning for each waiver that excused nothing: it has ended, or what it was for has gone."""
    failed = [item for item in items if item.status in (FAILED, OTHER)]
    texts = []
    for waiver in waivers:
        if waiver.until < today:
            texts.append(f"{waiver.where}: the waiver for {waiver.check} ended on {waiver.until}")
        elif not any(_fits(waiver, item) for item in failed):
            texts.append(
                f"{waiver.where}: the waiver for {waiver.check} excused nothing; remove it"
            )
    return texts
