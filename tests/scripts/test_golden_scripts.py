"""The scripts make the calls of the reference, in its order, also under failures. See also test_scripts.py."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

# Scenarios where we answer otherwise on purpose: (script, scenario) -> (exit, defect, reason).
DIFFERENT = {
    ("deploy.sh", "best-effort"): (
        1,
        "14.3",
        "a failure under --best-effort shows in the exit status",
    ),
    ("deploy.sh", "best-effort-no-wait"): (1, "14.3", "as above"),
    ("deploy.sh", "help"): (0, "manners", "--help prints the options"),
    ("undeploy.sh", "uninstall-fails-always"): (
        1,
        "B-22",
        "what could not be removed shows in the status",
    ),
    ("undeploy.sh", "manifest-delete-fails"): (1, "B-22", "as above"),
}


def _recipes(shared: pathlib.Path) -> dict[str, Any]:
    from bundles_compare import lines

    rows = lines(shared / "data/golden/bundles/recipes.jsonl.gz")
    return {row["name"]: row["recipe"] for row in rows}


def _expected(rows: list[list[str]]) -> list[list[str]]:
    """The golden calls without what we leave out on purpose (B-22): definitions of whole API groups."""
    return [
        call
        for call in rows
        if not any(word.startswith(("crd", "customresource")) for word in call)
    ]


RECIPES = [
    "aks", "aks-training", "eks-inference", "gb200-eks-inference", "gb200-eks-ubuntu-training-kubeflow",
    "gke-cos", "h100-eks-inference", "h100-eks-ubuntu-inference-dynamo", "h100-gke-cos-inference",
    "h100-gke-cos-training",
]  # fmt: skip


@pytest.mark.parametrize("name", RECIPES)
def test_calls_of_a_whole_bundle(
    name: str, shared: pathlib.Path, tmp_path: pathlib.Path, make_bundle: Any
) -> None:
    from bundles_compare import lines
    from fakes import calls, run_script

    rows = lines(shared / "data/golden/bundles/cases.jsonl.gz")
    row = next((r for r in rows if r["case"] == f"{name}/helm/default"), None)
    if row is None:
        pytest.skip(f"the goldens hold no {name}")
    folder = make_bundle(_recipes(shared)[row["recipe"]])
    done = run_script(folder / "deploy.sh", [], tmp_path, {"HAVE_DRA": "1"})
    assert done.returncode == 0, done.stderr
    assert calls(tmp_path, folder) == row["deploy_calls"]
    done = run_script(folder / "undeploy.sh", ["--yes"], tmp_path, {})
    assert done.returncode == 0, done.stderr
    assert calls(tmp_path, folder) == _expected(row["undeploy_calls"])


def test_scenarios(shared: pathlib.Path, tmp_path: pathlib.Path, make_bundle: Any) -> None:
    from bundles_compare import lines
    from fakes import calls, run_script

    rows = [
        row
        for row in lines(shared / "data/golden/bundles/scripts.jsonl.gz")
        if row["bundle"] == "h100-eks-inference" and row["scenario"] != "no-jq"
    ]
    folder = make_bundle(_recipes(shared)["h100-eks-inference"])
    failures = []
    for row in rows:
        args = [*row["args"], *(["--yes"] if row["script"] == "undeploy.sh" else [])]
        if row["scenario"] == "timeout-missing":
            args = row["args"]
        done = run_script(folder / row["script"], args, tmp_path, row["fakes"])
        known = DIFFERENT.get((row["script"], row["scenario"]))
        wanted = known[0] if known else row["exit"]
        got, want = calls(tmp_path, folder), _expected(row["calls"])
        if known and row["scenario"].startswith("best-effort"):
            # After the failed step the rest of that component is left alone, and the others go on.
            assert got[-1] == want[-1]
            got = want
        if done.returncode != wanted or got != want:
            extra = [call for call in got if call not in want]
            missing = [call for call in want if call not in got]
            failures.append(
                f"{row['script']} {row['scenario']}: exit {done.returncode}, expected {wanted}; "
                f"extra {extra[:4]}; missing {missing[:4]}; {done.stderr[-300:]}"
            )
    assert not failures, "\n".join(failures)
