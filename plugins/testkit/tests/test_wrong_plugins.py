"""Every check catches the plugins that are wrong in its way, and no other check does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aicr_testkit.registry import CHECKS
from aicr_testkit.run import run_checks
from wrong_plugins import BLIND, RIGHT, WRONG, Wrong

from aicr_core.api import Session

if TYPE_CHECKING:
    from aicr_testkit.fixtures import Plugins
    from aicr_testkit.model import Result


@pytest.fixture
def judged(aicr_plugins: Plugins, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Install a plugin and give the verdicts."""

    def judge(wrong: Wrong) -> dict[str, Result]:
        monkeypatch.setenv("AICR_PLUGINS", "acme,recipes")
        work = wrong.work or RIGHT.work
        root = aicr_plugins.add(
            "acme", hooks=wrong.hooks, manifest=wrong.manifest, data=wrong.data, readme=wrong.readme,
            files={"work.py": work, **wrong.files},
        )  # fmt: skip
        (record,) = root.parent.glob("aicr_acme-*.dist-info/RECORD")
        record.write_text(record.read_text() + wrong.record)
        return {item.id: item for item in run_checks("acme", session=Session())}

    return judge


def test_the_right_one_passes_and_little_is_skipped(judged: Any) -> None:
    results = judged(RIGHT)
    assert {item.id: item.message for item in results.values() if item.status == "failed"} == {}
    # A check that is skipped here would be skipped for the wrong ones too.
    assert {item.id for item in results.values() if item.status == "skipped"} == {"T12", "T20"}


@pytest.mark.parametrize("wrong", WRONG, ids=[f"{item.check}-{item.what}" for item in WRONG])
def test_a_wrong_plugin_is_caught_by_its_check(wrong: Wrong, judged: Any) -> None:
    found = {item.id: item.message for item in judged(wrong).values() if item.status == "failed"}
    assert set(found) == {wrong.check}, found


def test_there_is_a_wrong_plugin_for_each_check() -> None:
    ids = [check.id for check in CHECKS]
    assert ids == [f"T{number:02}" for number in range(1, 25)]
    assert {wrong.check for wrong in WRONG} == set(ids) == set(BLIND)


def test_each_check_says_why_and_how_to_mend() -> None:
    for check in CHECKS:
        assert all(
            len(text) > 10 for text in (check.title, check.demands, check.why, check.mend)
        ), check.id
