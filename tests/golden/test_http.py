"""Golden exchanges of the reference's server; what differs on purpose stands here, and an unused entry fails."""

from __future__ import annotations

import json
import pathlib
import random
import re
from typing import Any

import pytest
from http_compare import differences, send
from http_server import running

from aicr_core import api

ENGINES = ("uvicorn", "granian")
# (row, difference, why): both patterns are matched from the start.
DIFFERENT = (
    (
        r"(post|query-post)-",
        r"header cache-control: 'no-store', expected 'public",
        "D11: what a POST gives is not kept",
    ),
    (r"bundle-", r"header cache-control: 'no-store', expected none", "D11: nor is a bundle"),
    (
        r"bundle-(min|argocd|values|manifests)",
        r"header x-bundle-(files|size)",
        "our bundles hold more files",
    ),
    (
        r"bundle-bad-(set|sel|tol|gate)",
        r"json .*INVALID_REQUEST\] --",
        "our words name the flag and what is wrong",
    ),
    (r"bundle-body-all-disabled", r"json .*every component of the recipe is disabled", "our words"),
    (r"bundle-bad-deployer", r"status 200", "flux is a deployer here"),
    (r"root-head", r"status 200", "D14: HEAD goes where GET goes"),
    (r"recipe-ok-04", r"json ", "shared/README: F1, a component without a chart has no chart name"),
    (r"bad-pct-path", r"(header content-type|text)", "the error document, as everywhere"),
    (
        r"metrics",
        r"metric aicr_snapshot",
        "this process takes no snapshots, so it has no metrics of them",
    ),
)


def _rows(shared: pathlib.Path) -> list[dict[str, Any]]:
    path = shared / "data/golden/http.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("engine", ENGINES)
def test_every_exchange(shared: pathlib.Path, engine: str) -> None:
    rows = _rows(shared)
    random.Random(6).shuffle(rows)
    failures: list[str] = []
    used: set[int | None] = set()
    environments: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        environments.setdefault(json.dumps(row["env"], sort_keys=True), []).append(row)
    for env, group in environments.items():
        with running(engine, AICR_RATE_BURST="1000", **json.loads(env)) as (port, _):
            for row in group:
                for text in differences(row, send(port, row["request"]), api.__version__):
                    known = _known(row["id"], text)
                    used.add(known)
                    if known is None:
                        failures.append(f"{row['id']}: {text}")
    assert not failures, f"{len(failures)} differences:\n" + "\n".join(failures)
    assert used - {None} == set(range(len(DIFFERENT)))


def _known(row: str, text: str) -> int | None:
    for number, (name, difference, _) in enumerate(DIFFERENT):
        if re.match(name, row) and re.match(difference, text):
            return number
    return None
