"""Golden bundles of the reference, deployer helm. What differs on purpose stands in the lists below.

Nothing else may differ, and an entry that no case needs any more fails.
"""

from __future__ import annotations

import gzip
import json
import pathlib
import re
from typing import Any

Row = dict[str, Any]

# (path of the difference, why). The paths are matched whole.
VALUES = {
    r"values kube-prometheus-stack\.prometheus\.prometheusSpec\.storageSpec\.emptyDir": (
        "shared/README: a null that takes away what the base set never reaches values.yaml"
    ),
    r"values kube-prometheus-stack\.prometheus-node-exporter\.nodeSelector": (
        "B-10: the system selector does not take the node exporter off the GPU nodes"
    ),
    r"values aws-efa\.tolerations": "B-9: the default toleration does not overwrite the values file's own",
    r"manifest gpu-operator/manifests/dcgm-exporter\.yaml\[0\]\.data\.dcgm-metrics\.csv": (
        "help texts of the metrics are our own; the fields and types are compared below"
    ),
    r"manifest skyhook-customizations/manifests/no-op\.yaml\[0\]\.spec\.packages\.no-op\.configMap\.apply\.sh": (
        "the line that the script prints is our own"
    ),
    r"manifest kgateway-crds/manifests/[a-z-]+\.yaml\[\d\]\.sha256": (
        "field schemas are left open (docs/design/0002-open-crds.md); kind and name agree"
    ),
    r"manifest gke-nccl-tcpxo/manifests/nccl-tcpxo-installer\.yaml\[0\]\.spec\.template\.spec\."
    r"initContainers\[\d\]\.(command\[6\]|args\[0\])": "the shell lines are our own wording of the same steps",
}
# Differences of the external data case alone.
DATA_VALUES = {
    r"values mycomp\.m\.x": "shared/README: a null over a value that a lower layer set removes it",
    r"manifest mycomp/manifests/one\.yaml\[0\]\.data\.s": "the same null, seen through toString",
    r"values mycomp\.a\.tol(\[0\]\.\w+)?": "B-9: the default does not overwrite an explicit toleration",
}
# (case, expected exit of ours, text the error must hold, why)
EXITS = {
    "custom/missing-manifest": (2, "version", "F19: a chart without a version is refused first"),
    "custom/missing-values": (2, "version", "F19, and B-6: a missing values file is an error"),
    "custom/mixed": (2, "version", "F19: a chart without a version is refused"),
    "custom/unsafe-name": (2, "DNS-1123", "B-17: the user's fault, so not INTERNAL"),
    "data": (2, "NoSuchCheck", "B-11: an unknown validation function is an error"),
}


def _docs(shared: pathlib.Path) -> dict[str, Any]:
    with gzip.open(shared / "data/golden/bundles/docs.json.gz") as stream:
        docs: dict[str, Any] = json.loads(stream.read())
    return docs


def _check(
    rows: list[Row],
    recipes: dict[str, Any],
    shared: pathlib.Path,
    tmp_path: pathlib.Path,
    environment: Any,
) -> tuple[int, set[str]]:
    from bundles_compare import bundle, compare

    docs = _docs(shared)
    failures: list[str] = []
    used: set[str] = set()
    agreed = 0
    for number, row in enumerate(rows):
        folder = tmp_path / str(number)
        folder.mkdir()
        # Golden flag sets name components that some recipes have not: F4 makes that an error of its own.
        argv = [*row["args"], "--lenient"]
        status, out, err, target = bundle(recipes[row["recipe"]], argv, folder, environment)
        case = next((name for name in EXITS if row["case"].startswith(name)), None)
        if case is not None and status != row["exit"]:
            expected, text, _ = EXITS[case]
            used.add(case)
            if (status, text in err) != (expected, True) or "Traceback" in err or target.exists():
                failures.append(f"{row['case']}: exit {status}: {err}")
            continue
        if status != row["exit"]:
            failures.append(f"{row['case']}: exit {status}, expected {row['exit']}: {err}")
            continue
        if status:
            assert not target.exists(), "a failed bundle leaves nothing behind"
            agreed += 1
            continue
        allowed = {**VALUES, **(DATA_VALUES if row["case"].startswith("data") else {})}
        for path, ours, theirs in compare(row, target, out, docs):
            known = next((name for name in allowed if re.fullmatch(name, path)), None)
            if known is None:
                failures.append(f"{row['case']}: {path}: {ours!r}, expected {theirs!r}")
            else:
                used.add(known)
        agreed += 1
    assert not failures, f"{len(failures)} differences:\n" + "\n".join(failures[:20])
    return agreed, used


def test_cases(shared: pathlib.Path, tmp_path: pathlib.Path, environment: Any) -> None:
    from bundles_compare import lines

    folder = shared / "data/golden/bundles"
    recipes = {row["name"]: row["recipe"] for row in lines(folder / "recipes.jsonl.gz")}
    rows = [row for row in lines(folder / "cases.jsonl.gz") if row["deployer"] == "helm"]
    agreed, used = _check(rows, recipes, shared, tmp_path, environment)
    assert agreed == len(rows) >= 80
    assert used == set(VALUES)


def test_hand_made_recipes(shared: pathlib.Path, tmp_path: pathlib.Path, environment: Any) -> None:
    from bundles_compare import lines

    rows = lines(shared / "data/golden/bundles/custom.jsonl.gz")
    recipes = {row["name"]: row["recipe_text"] for row in rows if "name" in row}
    cases = [
        {**row, "recipe": "/".join(row["case"].split("/")[:2])}
        for row in rows
        if "/helm/" in row.get("case", "")
    ]
    _, used = _check(cases, recipes, shared, tmp_path, environment)
    assert used >= set(EXITS) - {"data"}


def test_external_data(shared: pathlib.Path, tmp_path: pathlib.Path, environment: Any) -> None:
    """Reference-style data with Go templates; without its unknown validation the bundle agrees."""
    from bundles_compare import lines

    first, *rows = lines(shared / "data/golden/bundles/data.jsonl.gz")
    data = tmp_path / "data"
    for name, text in first["data_files"].items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(text, "utf-8")
    cases = [
        {**row, "recipe": "r", "args": [a.replace("$DATA", str(data)) for a in row["args"]]}
        for row in rows
        if "helm" in row["case"]
    ]
    _, used = _check(cases, {"r": first["recipe_text"]}, shared, tmp_path, environment)
    assert used == {"data"}
    registry = data / "registry.yaml"
    text = registry.read_text("utf-8")
    registry.write_text(text.replace("- {function: NoSuchCheck, severity: error}", ""), "utf-8")
    (tmp_path / "again").mkdir()
    # registry.yaml itself is part of the bundle and differs now; everything else is compared.
    from aicr_core.app.environment import Environment

    fresh = Environment(environment.settings)
    agreed, used = _check(cases, {"r": first["recipe_text"]}, shared, tmp_path / "again", fresh)
    assert agreed == len(cases)
    assert used == set(DATA_VALUES)


ONE = {
    "kind": "RecipeResult",
    "apiVersion": "aicr.nvidia.com/v1alpha1",
    "metadata": {"version": "v9"},
    "criteria": {"service": "eks", "intent": "training"},
    "componentRefs": [
        {
            "name": "nvsentinel",
            "namespace": "nvs",
            "type": "Helm",
            "source": "https://e.example/c",
            "chart": "c",
            "version": "v1.0.0",
            "overrides": {
                "str": "s",
                "num": 1,
                "obj": {"a": 1},
                "lst": [1, {"x": "y"}],
                "nul": None,
            },
        }
    ],
    "deploymentOrder": ["nvsentinel"],
}


def test_texts_of_set_get_the_types_of_the_reference(shared: pathlib.Path) -> None:
    from bundles_compare import lines

    from aicr_core.engine.setflags import typed

    rows = lines(shared / "data/golden/bundles/set_scalars.jsonl.gz")
    for row in rows:
        got = typed(row["in"])
        # A whole float is written without a fraction, so the reference records it as an integer.
        kinds = {"bool": (bool,), "int": (int, float), "float": (float,), "str": (str,)}
        assert isinstance(got, kinds[row["type"]]), row
        if "out" in row:
            assert got == row["out"], row
    assert len(rows) >= 40


def test_paths_of_set(shared: pathlib.Path, tmp_path: pathlib.Path, environment: Any) -> None:
    """A path through something that is no map is an error with us (B-3); the others agree."""
    from bundles_compare import bundle, lines, read_values

    for number, row in enumerate(lines(shared / "data/golden/bundles/set_paths.jsonl.gz")):
        folder = tmp_path / str(number)
        folder.mkdir()
        argv = ["--set", f"nvsentinel:{row['path']}=7"]
        status, _, err, target = bundle(ONE, argv, folder, environment)
        if (
            row["warned"]
            or row["exit"]
            or "" in row["path"].split(".")
            or row.get("warned_enabled")
        ):
            assert status == 2, (row, err)
            assert "--set" in err
        else:
            assert status == 0, (row, err)
            assert read_values(target / "nvsentinel/values.yaml") == row["values"], row


MORE_DEPLOYERS = r"--deployer (flux|helmfile|argocd-helm)"
# Arguments of the command line where we answer otherwise: pattern over the joined arguments, defect.
CLI = (
    (r"--set :a=b", "B-3: no component before the colon"),
    (r"--set (nosuch|unknown|other|zzz)[\w-]*:", "F4"),
    (r"--set nvsentinel:(str|num|lst|nul)\.", "B-3: a path through a single value"),
    (
        r"--set nvsentinel:[^=]*\.\.|--set nvsentinel:\.|--set nvsentinel:[^=]*\.=",
        "B-3: an empty part of a path",
    ),
    (r"(selector|toleration|gate) (a=b=c|a b=c d|=|:|x=\s)", "B-4: keys and values are labels"),
    (MORE_DEPLOYERS, "deployers that v0.11.1 has not"),
    (r"extra-arg", "a stray word is a usage error, not ignored"),
)


def _statuses(joined: str) -> tuple[int, ...]:
    return (0, 2) if re.search(MORE_DEPLOYERS, joined) else (1, 2, 3)


def test_command_line(shared: pathlib.Path, tmp_path: pathlib.Path, environment: Any) -> None:
    from bundles_compare import bundle, lines, read_values

    failures = []
    for number, row in enumerate(lines(shared / "data/golden/bundles/cli.jsonl.gz")):
        folder = tmp_path / str(number)
        folder.mkdir()
        recipe = row.get("recipe_text", ONE)
        status, _, err, target = bundle(recipe, row["args"], folder, environment)
        assert "Traceback" not in err, row
        joined = " ".join(row["args"])
        known = any(re.search(pattern, joined) for pattern, _ in CLI) or "recipe_text" in row
        if status != row["exit"]:
            if not (known or "argocd" in joined or row["exit"] == 8) or status not in _statuses(
                joined
            ):
                failures.append(
                    f"{row['args']}: exit {status}, expected {row['exit']}: {err.strip()}"
                )
        elif status == 0 and "values" in row:
            got = read_values(target / "nvsentinel/values.yaml")
            if got != row["values"] and not known:
                failures.append(f"{row['args']}: {got}, expected {row['values']}")
    assert not failures, "\n".join(failures)


def test_an_unknown_component_is_named(tmp_path: pathlib.Path) -> None:
    """F4, without the reference's data."""
    import os

    from bundles_compare import bundle

    from aicr_core.app.environment import Environment
    from aicr_core.model.settings import Settings

    environment = Environment(Settings.from_env(os.environ))
    status, _, err, target = bundle(ONE, ["--set", "nvsentinal:a=1"], tmp_path, environment)
    assert status == 2
    assert 'did you mean "nvsentinel"' in err
    assert not target.exists()


def test_dcgm_fields_are_those_of_the_facts(shared: pathlib.Path) -> None:
    root = pathlib.Path(__file__).resolve().parents[2]
    template = root / (
        "plugins/gpu-operator/src/aicr_gpu_operator/data/components/gpu-operator/manifests/dcgm-exporter.yaml.j2"
    )
    facts = json.loads(
        (shared / "data/recipe-facts/manifests/gpu-operator--dcgm-exporter.json").read_text("utf-8")
    )
    want = facts["documents"][0]["data"]["dcgm-metrics.csv"]["fields"]
    got = re.findall(r"^    (DCGM_\w+), (\w+), \S", template.read_text("utf-8"), re.MULTILINE)
    assert [list(pair) for pair in got] == want
