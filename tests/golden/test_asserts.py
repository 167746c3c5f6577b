"""Assertions agree with every recorded row of the reference: matching, and the runner of Test documents."""

from __future__ import annotations

import pathlib
import re
from typing import Any

import pytest
from aicr_kube.client import Cluster
from aicr_validators.assertions.documents import parse
from aicr_validators.assertions.matching import mismatches
from aicr_validators.assertions.reading import Reader
from aicr_validators.assertions.running import hold
from emulated_cluster import FakeCluster
from golden_run import rows

from aicr_core.kit.errors import AicrError
from aicr_core.kit.run import Context
from aicr_core.model.target import Target


def test_matching(shared: pathlib.Path) -> None:
    cases = rows(shared / "data/golden/asserts.jsonl")
    wrong = []
    for row in cases:
        try:
            fields = mismatches(row["expected"], row["actual"])
        except AicrError:
            found = (False, [], True)
        else:
            found = (not fields, sorted(field.path for field in fields), False)
        wanted = (
            row["pass"],
            sorted(error["path"] for error in row["errors"]),
            bool(row.get("engine_error")),
        )
        if found != wanted:
            wrong.append((row["description"], found, wanted))
    assert len(cases) >= 75
    assert not wrong


def _run(row: dict[str, Any], folder: pathlib.Path) -> str | None:
    """The error's text, or None when the test holds."""
    with FakeCluster() as fake:
        for item in row["objects"]:
            fake.add(item)
        cluster = Cluster.open(fake.kubeconfig(folder / "kubeconfig"))
        target = Target(
            Context(timeout=60),
            cluster,
            recipe={},
            snapshot={},
            namespace="val",
            run="r",
            pace=0.01,
        )
        try:
            hold(parse(row["test"], "comp"), target, Reader(cluster), 60.0)
        except AicrError as error:
            return str(error)
        finally:
            cluster.close()
    return None


def test_chainsaw_tests(shared: pathlib.Path, tmp_path: pathlib.Path) -> None:
    cases = rows(shared / "data/golden/chainsaw_tests.jsonl")
    wrong = []
    for row in cases:
        error = _run(row, tmp_path)
        code = re.match(r"\[\w+\]", row["error"] or "")
        names = re.findall(
            r"step \"\w+\" try\[\d\]|\"(?:apply|sleep)\"|\w+/[\w.]+", row["error"] or ""
        )
        same = row["passed"] == (error is None) and (
            error is None or (code is not None and error.startswith(code[0]))
        )
        if not same or any(name.lstrip("/") not in str(error) for name in names):
            wrong.append((row["description"], row["error"], error))
    assert len(cases) >= 15
    assert not wrong


@pytest.mark.parametrize("text", ["(`1` + `1`)", "(cel;1 == 1)"])
def test_what_the_language_leaves_out_is_an_error(text: str) -> None:
    with pytest.raises(AicrError, match=r"\[INVALID_REQUEST\]"):
        mismatches({text: 2}, {})
