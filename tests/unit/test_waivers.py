"""What a waiver file may hold, and which waiver counts where several fit."""

from __future__ import annotations

import datetime

import pytest

from aicr_core.engine import waivers
from aicr_core.kit.emit import to_yaml
from aicr_core.kit.errors import AicrError, Code
from aicr_core.model.check import ReportItem, failed

TODAY = datetime.date(2026, 6, 1)
ITEM = ReportItem(name="dra", phase="conformance", result=failed(Code.NOT_FOUND, "Gone", "no dra"))
WAIVER = {"check": "dra", "reason": "known", "owner": "me", "until": "2026-12-31"}


def read(*entries: dict[str, object]) -> list[waivers.Waiver]:
    text = to_yaml({"waivers": [{**WAIVER, **entry} for entry in entries]})
    return waivers.read(text.encode(), "w.yaml", ["dra"])


@pytest.mark.parametrize("field", ["reason", "owner"])
@pytest.mark.parametrize("blank", ["", " \t"])
def test_nobody_excuses_without_a_reason_and_a_name(field: str, blank: str) -> None:
    with pytest.raises(AicrError) as caught:
        read({}, {field: blank})
    assert caught.value.code is Code.INVALID_REQUEST
    assert f"{field} is empty" in caught.value.message
    assert str(caught.value.where).startswith("w.yaml:")


def test_a_waiver_that_counts_stands_behind_one_that_has_ended() -> None:
    ended, valid = read({"until": "2026-05-31", "owner": "before"}, {"owner": "now"})
    for order in ([ended, valid], [valid, ended]):
        item = waivers.apply(ITEM, order, TODAY)
        assert item.waiver == "known (now, until 2026-12-31)"
        assert item.result.message == "no dra"


def test_where_all_have_ended_the_last_to_end_is_told() -> None:
    both = read({"until": "2026-01-01", "owner": "first"}, {"until": "2026-05-31"})
    item = waivers.apply(ITEM, both, TODAY)
    assert not item.waiver
    assert item.result.message == "no dra (the waiver of me ended on 2026-05-31)"
