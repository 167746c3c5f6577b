"""Every golden recipe and query of the reference, v0.11.1 and v0.17, run in process.

v0.11.1 is asked of the installed plugins and of the reference's own catalogue as a directory; v0.17 of the
directory alone. All runs allow partial recipes, as the reference always does.
"""

from __future__ import annotations

import os
import pathlib
import re
from typing import Any

import pytest
from distributions import distribution

V017_VALUES = {
    "service": ["aks", "bcm", "eks", "gke", "kind", "lke", "metal3", "ocp", "oke"],
    "accelerator": ["gb300", "h200", "l40s", "rtx-pro-6000"],
    "os": ["ol", "talos"],
    "platform": ["nim", "runai", "slurm"],
}


def _run(
    rows: list[dict[str, Any]], golden: Any, environment: Any, tmp_path: pathlib.Path, known: Any
) -> tuple[int, set[str]]:
    from recipes_compare import compare

    failures = []
    used: set[str] = set()
    agreed = 0
    for number, row in enumerate(rows):
        folder = tmp_path / str(number)
        folder.mkdir()
        found = compare(row, folder, environment, golden)
        if found is None:
            agreed += 1
            continue
        difference = next(
            (d for d in known if d.rows == row["set"] and re.match(d.pattern, found, re.DOTALL)),
            None,
        )
        if difference is None:
            failures.append(f"{row['id']} {row['args']}: {found}")
        else:
            used.add(difference.pattern)
    assert not failures, f"{len(failures)} of {len(rows)} rows differ:\n" + "\n".join(failures[:15])
    return agreed, used


@pytest.mark.parametrize(
    "name", ["grid", "flags", "criteria-file", "snapshot", "selector", "data-dir"]
)
def test_v0_11_1_with_the_installed_plugins(
    name: str, shared: pathlib.Path, tmp_path: pathlib.Path, environment: Any
) -> None:
    import differences
    from golden_run import bodies, rows
    from recipes_compare import Golden

    folder = shared / "data/golden"
    chosen = [row for row in rows(folder / "recipes.jsonl") if row["set"] == name]
    known = [item for item in differences.RECIPES if item.rows == name]
    golden = Golden(bodies(folder / "recipe-bodies.jsonl"), [])
    agreed, used = _run(chosen, golden, environment, tmp_path, known)
    assert agreed > len(chosen) * 0.4
    stale = {item.pattern for item in known} - used
    assert not stale, "no row needs these differences any more"


def test_v0_11_1_with_the_reference_catalogue(
    shared: pathlib.Path, tmp_path: pathlib.Path, environment: Any
) -> None:
    from golden_run import bodies, rows
    from recipes_compare import Golden

    folder = shared / "data/golden"
    extra = ["--external-only", "--data", str(shared / "data/catalogues/v0.11.1")]
    golden = Golden(bodies(folder / "recipe-bodies.jsonl"), extra)
    chosen = [row for row in rows(folder / "recipes.jsonl") if row["set"] == "grid"]
    agreed, _ = _run(chosen, golden, environment, tmp_path, ())
    assert agreed == len(chosen)


def _values_plugin(folder: pathlib.Path) -> None:
    """Write a plugin that brings the criteria values of v0.17 that no overlay of it carries."""
    lines = ['name = "values17"', 'hookspec = ">=1.0,<2"', "hooks = []"]
    for dimension, values in V017_VALUES.items():
        lines += [f"[criteria.{dimension}.{value}]" for value in values]
    lines.append('[criteria.service.any]\naliases = ["self-managed"]')
    distribution(folder, "values17", "\n".join(lines) + "\n")


@pytest.mark.parametrize("part", range(4))
def test_v0_17(
    part: int, shared: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import differences
    from golden_run import bodies, rows, run
    from recipes_compare import Golden

    from aicr_core.app.environment import Environment
    from aicr_core.model.settings import Settings

    site = tmp_path / "site"
    site.mkdir()
    _values_plugin(site)
    monkeypatch.syspath_prepend(str(site))
    environment = Environment(Settings.from_env(os.environ))
    folder = shared / "data/golden"
    extra = ["--external-only", "--data", str(shared / "data/catalogues/v0.17")]
    golden = Golden(bodies(folder / "recipe-bodies-v017.jsonl"), extra)
    chosen = rows(folder / "recipes-v017.jsonl")[part::4]
    _, used = _run(chosen, golden, environment, tmp_path, differences.V017)
    assert used == {item.pattern for item in differences.V017}
    # The rows that the reference refuses are refused by us too, unless a partial recipe was asked for.
    refused = [row for row in chosen if row["exit"] == 2]
    for row in refused:
        status, _, err = run(["recipe", *row["args"], *extra], environment)
        assert status == 2, (row, err)
    assert len(refused) > 30
