"""What a session gives is what the command prints, for any criteria, from any thread, with any choice of plugins."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aicr_core import api
from aicr_core.cli.root import run

SESSION = api.Session()
VALUES = {name: [value for value in values if value != "any"] for name, values in SESSION.criteria_values().items()}  # fmt: skip
CRITERIA = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in VALUES.items()})  # fmt: skip


def _printed(words: list[str]) -> tuple[int, str]:
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        status = run(words)
    out.flush()
    return status, out.buffer.getvalue().decode("utf-8")


def _given(call: Any) -> tuple[int, Any]:
    try:
        return 0, call()
    except api.AicrError as error:
        return error.exit_status, None


@given(CRITERIA)
@settings(max_examples=60, deadline=None)
def test_recipe_and_query(criteria: dict[str, str]) -> None:
    flags = [word for name, value in criteria.items() for word in (f"--{name}", value)]
    for fmt, write in (("json", api.to_json), ("yaml", api.to_yaml)):
        status, document = _given(lambda: SESSION.resolve(flags=criteria).document)
        printed = _printed(["recipe", *flags, "--format", fmt])
        assert printed == (status, write(document) if document is not None else "")
    status, value = _given(lambda: SESSION.query("components", flags=criteria)[0])
    printed = _printed(["query", *flags, "--selector", "components", "--format", "json"])
    assert printed[0] == status
    assert status or json.loads(printed[1]) == value


def test_one_cold_session_and_many_threads() -> None:
    """No call to ``warm``: the parts of a session are made by whoever comes first."""
    chosen = [{"service": value} for value in VALUES["service"]] * 3
    expected = [_given(lambda c=c: SESSION.recipe(c, allow_partial=True)) for c in chosen]
    cold = api.Session({**os.environ, "AICR_INDEX": "off"})
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda c: _given(lambda: cold.recipe(c, allow_partial=True)), chosen))
    assert found == expected


def test_sessions_with_other_plugins_stand_side_by_side() -> None:
    everything = {row["name"] for row in SESSION.plugins(all_states=False)}
    few = api.Session(packs=["recipes", "helm"])
    assert {row["name"] for row in few.plugins(all_states=False)} == {"recipes", "helm"}
    assert few.deployers() == ["helm"]
    assert {row["name"] for row in SESSION.plugins(all_states=False)} == everything
    narrowed = api.Session({**os.environ, "AICR_PLUGINS": "recipes"}, packs=["recipes", "helm"])
    assert {row["name"] for row in narrowed.plugins(all_states=False)} == {"recipes"}


@pytest.mark.parametrize(
    ("packs", "words"), [(["helmm"], 'no plugin "helmm" is installed'), ("helm", "one text")]
)
def test_packs_that_cannot_be_used(packs: Any, words: str) -> None:
    with pytest.raises(api.AicrError, match=words) as failure:
        api.Session(packs=packs)
    assert failure.value.hint


def test_a_session_that_is_never_let_go_ends_quietly() -> None:
    """A program's or a notebook's session lives as long as its module, to the end of the interpreter."""
    program = "import os; from aicr_core import api; s = os.kept = api.Session(); s.recipe({'service': 'eks'})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
