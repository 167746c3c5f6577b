"""Golden bundles of the reference, deployer argocd. What differs on purpose stands in the lists below.

Every case is made twice. With ``--serial`` the waves are those of the reference, moved on by the Applications that
carry manifests, which the reference lost (B-14); without it everything but the waves agrees. Nothing else may differ,
and an entry that no case needs any more fails.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from argocd_compare import compare, without_chart
from bundles_compare import bundle, lines
from test_bundles import DATA_VALUES, VALUES
from test_bundles import EXITS as ALL_EXITS

if TYPE_CHECKING:
    import pathlib

Row = dict[str, Any]

# (place of the difference, why). The places are matched whole.
APPLICATIONS = {
    r"application [a-z0-9-]+\.spec\.sources\[1\]\.repoURL": (
        "B-23: the repository's URL, or its placeholder, where the reference has a template"
    ),
    r"application [a-z0-9-]+\.spec\.syncPolicy\.syncOptions": (
        "spec/beyond.md 2.6: ServerSideApply, or definitions such as those of kube-prometheus-stack are refused as too long"
    ),
}
# The same for components of manifests alone, to which the reference gives a chart without a URL.
MANIFESTS_ALONE = {
    r"\.spec\.sources": "B-24: there is no such chart",
    r"\.spec\.source": "B-14: the folder of its manifests",
    r"\.spec\.syncPolicy\.retry": (
        "B-14: a kind may come with a chart whose own Application is still on its way"
    ),
}
NAMESPACE = {
    r"\.spec\.destination\.namespace": (
        "B-24: gke-nccl-tcpxo has no namespace; its manifests agree on one"
    ),
}
UNTAGGED = {
    r"application c\.spec\.source\.targetRevision": "B-24: no tag is no field, instead of null",
}
# (case, status of ours, what the error must hold, why); the unknown validation of the data case is left out below.
EXITS = {case: entry for case, entry in ALL_EXITS.items() if case != "data"}


class Tally:
    """What agreed, what did not, and which entries of the lists were needed."""

    def __init__(self, *lists: dict[str, str]) -> None:
        self.allowed = {**APPLICATIONS}
        self.bare = {**MANIFESTS_ALONE}
        for more in lists:
            self.allowed.update(more)
        self.agreed = 0
        self.used: set[str] = set()
        self.failures: list[str] = []

    def take(self, row: Row, place: str, ours: Any, theirs: Any) -> None:
        """Count one difference: a known one, or a failure."""
        known = next((name for name in self.allowed if re.fullmatch(name, place)), None)
        if known is None:
            for name in without_chart(row):
                rest = place.removeprefix(f"application {name}")
                known = known or next((n for n in self.bare if re.fullmatch(n, rest)), None)
        if known is None:
            self.failures.append(f"{row['case']}: {place}: {ours!r}, expected {theirs!r}")
        else:
            self.used.add(known)


def _run(
    rows: list[Row], recipes: dict[str, Any], folder: pathlib.Path, environment: Any, tally: Tally
) -> None:
    for number, row in enumerate(rows):
        for serial in (True, False):
            place = folder / f"{number}-{serial}"
            place.mkdir()
            # Golden flag sets name components that some recipes have not: F4 makes that an error of its own.
            # Charts of registries as v0.11.1 names them; by default they are named as Argo CD finds them.
            legacy = ["--set", "deployer:ociCharts=legacy"]
            argv = [*row["args"], "--lenient", "--deployer", "argocd", *legacy]
            argv += ["--serial"] if serial else []
            status, out, err, target = bundle(recipes[row["recipe"]], argv, place, environment)
            case = next((name for name in EXITS if row["case"].startswith(name)), "")
            wanted, text, _ = EXITS.get(case, (row["exit"], "", ""))
            if status != wanted or text not in err or "Traceback" in err:
                tally.failures.append(f"{row['case']}: exit {status}, expected {wanted}: {err}")
                continue
            if case:
                tally.used.add(case)
            if status:
                assert not target.exists(), "a failed bundle leaves nothing behind"
            else:
                for found in compare(row, target, out, serial=serial):
                    tally.take(row, *found)
            tally.agreed += 1
    assert not tally.failures, f"{len(tally.failures)}:\n" + "\n".join(tally.failures[:20])


def _of_values(which: dict[str, str]) -> dict[str, str]:
    return {place: why for place, why in which.items() if place.startswith("values ")}


def test_cases(shared: pathlib.Path, tmp_path: pathlib.Path, environment: Any) -> None:
    folder = shared / "data/golden/bundles"
    recipes = {row["name"]: row["recipe"] for row in lines(folder / "recipes.jsonl.gz")}
    rows = [row for row in lines(folder / "cases.jsonl.gz") if row["deployer"] == "argocd"]
    tally = Tally(_of_values(VALUES))
    tally.bare.update(NAMESPACE)
    _run(rows, recipes, tmp_path, environment, tally)
    assert tally.agreed == 2 * len(rows) == 84
    assert tally.used == {*tally.allowed, *tally.bare}


def test_hand_made_recipes(shared: pathlib.Path, tmp_path: pathlib.Path, environment: Any) -> None:
    rows = lines(shared / "data/golden/bundles/custom.jsonl.gz")
    recipes = {row["name"]: row["recipe_text"] for row in rows if "name" in row}
    cases = [
        {**row, "recipe": "/".join(row["case"].split("/")[:2])}
        for row in rows
        if "case" in row and "/argocd" in row["case"]
    ]
    tally = Tally(_of_values(VALUES), UNTAGGED)
    _run(cases, recipes, tmp_path, environment, tally)
    assert tally.agreed == 2 * len(cases) >= 20
    assert tally.used >= {*EXITS, *UNTAGGED}


def test_external_data(shared: pathlib.Path, tmp_path: pathlib.Path, environment: Any) -> None:
    first, *rows = lines(shared / "data/golden/bundles/data.jsonl.gz")
    data = tmp_path / "data"
    for name, text in first["data_files"].items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        # B-11: an unknown validation function is an error, which test_bundles shows; here it is left out.
        text = text.replace("- {function: NoSuchCheck, severity: error}", "")
        (data / name).write_text(text, "utf-8")
    cases = [
        {**row, "recipe": "r", "args": [arg.replace("$DATA", str(data)) for arg in row["args"]]}
        for row in rows
        if "argocd" in row["case"]
    ]
    tally = Tally(_of_values(DATA_VALUES))
    _run(cases, {"r": first["recipe_text"]}, tmp_path, environment, tally)
    assert tally.agreed == 2 * len(cases)
    assert tally.used >= {*_of_values(DATA_VALUES)}
