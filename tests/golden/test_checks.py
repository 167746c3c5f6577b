"""Every recorded check of the reference: verdict, code, names, numbers, objects and requests agree.

``pytest tests/golden/test_checks.py -k operator-health`` runs those of one check.
"""

from __future__ import annotations

import fnmatch
import pathlib
import re
from typing import TYPE_CHECKING

import pytest
from check_differences import DIFFERENCES, REQUESTS
from check_lab import case_of, differences_of, ran

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "shared/data/golden/validate/checks"
CASES = sorted(FOLDER.glob("*.json"))


def test_there_are_cases(shared: pathlib.Path) -> None:
    """113 cases are recorded."""
    assert len(list((shared / "data/golden/validate/checks").glob("*.json"))) == 113


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_case(path: pathlib.Path) -> None:
    """A case agrees but for the differences that are listed."""
    found = differences_of(path)
    told = {
        aspect: text
        for aspect, text in found.items()
        if not any(fnmatch.fnmatch(f"{path.stem}:{aspect}", pattern) for pattern in DIFFERENCES)
    }
    assert not told, "\n".join(f"{aspect}: {text}" for aspect, text in told.items())


def _matching(pattern: str) -> Sequence[pathlib.Path]:
    return [path for path in CASES if fnmatch.fnmatch(path.stem, pattern.rpartition(":")[0])]


@pytest.mark.parametrize("pattern", DIFFERENCES)
def test_a_listed_difference_is_there(pattern: str, shared: pathlib.Path) -> None:
    """A difference that no case needs any more leaves the list."""
    for path in _matching(pattern):
        aspects = differences_of(path)
        if any(fnmatch.fnmatch(f"{path.stem}:{aspect}", pattern) for aspect in aspects):
            return
    pytest.fail(f"nothing differs as {pattern} says ({DIFFERENCES[pattern]})")


@pytest.mark.parametrize("pattern", REQUESTS)
def test_a_listed_request_is_there(pattern: str, shared: pathlib.Path) -> None:
    """A request that no case makes or leaves out any more leaves the list."""
    for path in CASES:
        ours, theirs = set(ran(path).requests), set(case_of(path)["expect"]["requests"])
        lines = [f"+{line}" for line in ours - theirs] + [f"-{line}" for line in theirs - ours]
        if any(re.fullmatch(pattern, line) for line in lines):
            return
    pytest.fail(f"no request is as {pattern} says ({REQUESTS[pattern]})")
