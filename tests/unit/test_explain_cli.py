"""``aicr recipe explain``: its questions and answers, files of recipes, flags of bundles, hostile input."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from typing import Any

import pytest
from distributions import distribution

from aicr_core.cli import explain_table
from aicr_core.cli.root import run
from aicr_core.kit import yamlio
from aicr_core.kit.emit import to_yaml
from aicr_core.kit.text import width
from aicr_core.session import Session, Text

Document = dict[str, Any]
EKS = [
    "--service", "eks", "--accelerator", "h100", "--os", "ubuntu", "--intent", "training",
    "--platform", "kubeflow",
]  # fmt: skip
EXPLAIN = ["recipe", "explain"]
OVERLAY = """\
kind: RecipeMetadata
metadata: {name: %s}
spec:
  base: %s
  criteria: {service: %s}
  componentRefs:
    - name: gpu-operator
      overrides:
        driver: {version: "%s"}
"""


@pytest.fixture
def asked(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run ``aicr recipe explain`` and give its answer as a document."""

    def ask(*arguments: str, status: int = 0) -> Document:
        code = run([*EXPLAIN, *arguments, "--format", "json"])
        said = capsys.readouterr()
        assert code == status, said.err
        return json.loads(said.out) if not status else {"error": said.err}

    return ask


def write(folder: pathlib.Path, files: dict[str, str]) -> str:
    for name, text in {"registry.yaml": "components: []\n", **files}.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return str(folder)


def test_values_and_their_history(asked: Any) -> None:
    answer = asked(*EKS, "components.*.version", "components.gpu-operator.values.cdi.enabled")
    rows = {row["selector"]: row for row in answer["values"]}
    assert len(rows) > 10
    assert set(rows["components.gpu-operator.version"]["origin"]) == {
        "layer", "pack", "distribution", "version", "overlay", "file", "line", "column",
    }  # fmt: skip
    cdi = rows["components.gpu-operator.values.cdi.enabled"]
    assert [step["action"] for step in cdi["history"]] == ["set", "merge"]
    assert cdi["history"][0]["origin"]["file"] == "components/gpu-operator/values-eks-training.yaml"
    assert cdi["origin"]["overlay"] == "h100-eks-training"
    assert rows["components.kubeflow-trainer.version"]["origin"]["layer"] == "registry"


def test_wildcards_stand_for_text_in_keys_and_items_of_lists(asked: Any) -> None:
    rows = asked(*EKS, "components.gpu-*.values.toolkit.env[*].name", "constraints[0]")["values"]
    selectors = [row["selector"] for row in rows]
    assert selectors[0] == "components.gpu-operator.values.toolkit.env[0].name"
    assert selectors[-2:] == ["constraints[0].name", "constraints[0].value"]
    again = asked(*EKS, "components.*.name", "components.gpu-operator.name")["values"]
    assert len({row["selector"] for row in again}) == len(again), "each leaf once"


def test_what_was_taken_away_can_be_asked_for(asked: Any) -> None:
    path = "components.kube-prometheus-stack.values.prometheus.prometheusSpec.storageSpec.emptyDir.sizeLimit"
    (row,) = asked(*EKS, path)["values"]
    assert "value" not in row
    assert row["history"][-1]["action"] == "delete"
    assert row["history"][-1]["origin"]["overlay"] == "eks"


def test_values_are_those_of_query(asked: Any, capsys: pytest.CaptureFixture[str]) -> None:
    rows = asked(*EKS, "--all")["values"]
    for row in rows[:: len(rows) // 12]:
        assert run(["query", *EKS, "--selector", row["selector"], "--format", "json"]) == 0
        assert json.loads(capsys.readouterr().out) == row["value"]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ([*EKS], 1, "nothing to explain"),
        ([*EKS, "components.gpu-oprator"], 3, 'did you mean "gpu-operator"?'),
        ([*EKS, "nothing.*.x"], 3, "matches nothing"),
        ([*EKS, "components..x"], 3, "selector"),
        (["missing.yaml", "kind"], 3, "missing.yaml"),
        (["-r", "missing", "kind"], 3, "missing"),
        ([*EKS, "-r", "r.yaml", "kind"], 2, "a recipe and criteria are given"),
        ([*EKS, "--why-not", "h100-eks-trainin"], 3, 'did you mean "h100-eks-training"?'),
        ([*EKS, "--order", "gpu-operator", "gpu-operatr"], 3, 'did you mean "gpu-operator"?'),
        ([*EKS, "--order", "gpu-operator", "gpu-operator"], 2, "itself"),
        ([*EKS, "--constraint", "K8s.server.versio"], 3, 'did you mean "K8s.server.version"?'),
        ([*EKS, "--check", "check-nvidia-sm"], 3, 'did you mean "check-nvidia-smi"?'),
        ([*EKS, "--set", "nobody:x=1", "kind"], 2, "nobody"),
        (["kind"], 2, "no criteria given"),
    ],
)
def test_what_cannot_be_answered_is_one_line(
    arguments: list[str], status: int, words: str, capsys: pytest.CaptureFixture[str],
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert run([*EXPLAIN, *arguments]) == status
    said = capsys.readouterr()
    assert not said.out
    assert words in said.err
    assert "Traceback" not in said.err


# Overlays ---------------------------------------------------------------------------------------------------------


def test_an_overlay_of_other_criteria(asked: Any) -> None:
    (item,) = asked(*EKS, "--why-not", "h100-gke-cos-training")["whyNot"]
    assert item["verdict"] == "criteria"
    assert item["differs"] == [
        {"dimension": "service", "asked": "eks", "wanted": "gke"},
        {"dimension": "os", "asked": "ubuntu", "wanted": "cos"},
    ]
    assert item["origin"]["file"] == "overlays/h100-gke-cos-training.yaml"


def test_an_overlay_that_is_applied(asked: Any) -> None:
    (item,) = asked(*EKS, "--why-not", "eks-training")["whyNot"]
    assert item["verdict"] == "applied"
    assert asked(*EKS, "--why-not", "base")["whyNot"][0]["verdict"] == "applied"


def test_an_overlay_that_comes_as_a_base(asked: Any, tmp_path: pathlib.Path) -> None:
    files = {
        "overlays/parent.yaml": OVERLAY % ("parent", "base", "gke", "1"),
        "overlays/child.yaml": OVERLAY % ("child", "parent", "eks", "2"),
    }
    data = write(tmp_path / "data", files)
    (item,) = asked(*EKS, "--data", data, "--why-not", "parent")["whyNot"]
    assert (item["verdict"], item["through"]) == ("applied", ["child"])


def snapshot(tmp_path: pathlib.Path, version: str = "v1.29.0", *, kernel: str = "") -> str:
    release = {"ID": "ubuntu", "VERSION_ID": "24.04"}
    readings = {"K8s": {"server": {"version": version}}, "OS": {"release": release}}
    if kernel:
        readings["OS"]["sysctl"] = {"/proc/sys/kernel/osrelease": kernel}
    document = {
        "kind": "Snapshot", "apiVersion": "aicr.nvidia.com/v1alpha1",
        "measurements": [
            {"type": kind, "subtypes": [{"subtype": n, "data": data} for n, data in named.items()]}
            for kind, named in readings.items()
        ],
    }  # fmt: skip
    path = tmp_path / "snapshot.yaml"
    path.write_text(to_yaml(document))
    return str(path)


def test_an_overlay_that_a_snapshot_excludes(asked: Any, tmp_path: pathlib.Path) -> None:
    line = [
        "--snapshot", snapshot(tmp_path), "--service", "eks", "--intent", "training", "--allow-partial"
    ]  # fmt: skip
    (item,) = asked(*line, "--why-not", "eks-training")["whyNot"]
    assert item["verdict"] == "excluded"
    (failed,) = item["constraints"]
    assert failed["constraint"] == "K8s.server.version"
    assert (failed["expected"], failed["actual"]) == (">= 1.30", "v1.29.0")


def test_an_overlay_whose_base_is_missing_or_whose_file_is_replaced(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, asked: Any
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    manifest = 'name = "probe"\nhooks = []\ndata = "data"\n'
    distribution(site, "probe", manifest, "")
    folder = site / "aicr_probe/data/overlays"
    folder.mkdir(parents=True)
    (folder / "orphan.yaml").write_text(OVERLAY % ("orphan", "nowhere", "eks", "1"))
    (folder / "mine.yaml").write_text(OVERLAY % ("mine", "base", "eks", "1"))
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("AICR_INDEX_DIR", str(tmp_path / "index"))
    (item,) = asked(*EKS, "--why-not", "orphan")["whyNot"]
    assert (item["verdict"], item["base"]) == ("inactive", "nowhere")
    data = write(tmp_path / "a", {"overlays/mine.yaml": OVERLAY % ("other", "base", "eks", "2")})
    (item,) = asked(*EKS, "--data", data, "--why-not", "mine")["whyNot"]
    assert item["verdict"] == "shadowed"
    assert item["by"] == {"file": "overlays/mine.yaml", "layer": "external:1"}
    data = write(tmp_path / "b", {"overlays/x.yaml": OVERLAY % ("mine", "base", "eks", "2")})
    (item,) = asked(*EKS, "--data", data, "--why-not", "mine")["whyNot"]
    assert item["verdict"] == "applied"
    assert item["shadows"] == {"file": "overlays/mine.yaml", "layer": "probe"}
    assert item["origin"]["layer"] == "data"


# Order, constraints, checks ---------------------------------------------------------------------------------------


def test_what_puts_one_component_before_another(asked: Any) -> None:
    line = ["--order", "cert-manager", "gpu-operator", "--order", "gpu-operator", "cert-manager"]
    first, second = asked(*EKS, *line)["order"]
    assert (first["reason"], first["before"]) == ("dependency", True)
    assert first["path"][0]["component"] == "gpu-operator"
    assert first["path"][-1]["needs"] == "cert-manager"
    assert first["path"][0]["origin"]["line"] > 1
    assert (second["reason"], second["before"]) == ("reverse", False)
    (third,) = asked(*EKS, "--order", "aws-efa", "nvsentinel")["order"]
    assert (third["reason"], third["path"]) == ("name", [])


def test_dependencies_may_lead_there_by_others(asked: Any) -> None:
    recipe = Session().recipe(
        {"service": "eks", "intent": "training", "accelerator": "h100"}, allow_partial=True
    )
    edges = {r["name"]: r.get("dependencyRefs", []) for r in recipe.document["componentRefs"]}
    line = ["--service", "eks", "--intent", "training", "--accelerator", "h100", "--allow-partial"]
    far = [
        (end, start)
        for start, needed in edges.items() for middle in needed for end in edges[middle]
        if end not in needed
    ]  # fmt: skip
    assert far
    (found,) = asked(*line, "--order", *far[0])["order"]
    assert len(found["path"]) == 2
    for edge in found["path"]:
        assert edge["needs"] in edges[edge["component"]]


def test_a_constraint_with_what_was_measured(asked: Any, tmp_path: pathlib.Path) -> None:
    (row,) = asked(*EKS, "--constraint", "K8s.server.version")["constraints"]
    assert row["value"] == ">= 1.32.4"
    assert [step["value"] for step in row["history"]][:2] == [">= 1.25", ">= 1.28"]
    assert "holds" not in row
    recipe = tmp_path / "r.yaml"
    assert run(["recipe", *EKS, "-o", str(recipe)]) == 0
    line = [str(recipe), "--constraint", "K8s.server.version", "--snapshot"]
    (row,) = asked(*line, snapshot(tmp_path))["constraints"]
    assert (row["actual"], row["holds"]) == ("v1.29.0", False)
    assert "v1.29.0" in row["reason"]
    (row,) = asked(*line, snapshot(tmp_path, "v1.33.1"))["constraints"]
    assert (row["actual"], row["holds"]) == ("v1.33.1", True)
    name = "OS.sysctl./proc/sys/kernel/osrelease"
    (row,) = asked(str(recipe), "--constraint", name, "--snapshot", snapshot(tmp_path))[
        "constraints"
    ]
    assert row["holds"] is False
    assert "actual" not in row


def test_a_check_with_who_asks_and_who_brings_it(asked: Any) -> None:
    (row,) = asked(*EKS, "--check", "check-nvidia-smi")["checks"]
    assert row["asked"][0]["phase"] == "deployment"
    assert row["asked"][0]["origin"]["overlay"] == "h100-eks-ubuntu-training"
    assert row["by"]["distribution"] == "aicr-validators"
    line = ["--service", "kind", "--check", "check-nvidia-smi", "--allow-partial"]
    (row,) = asked(*line)["checks"]
    assert row["by"]["phase"] == "deployment"


def test_a_check_that_nobody_brings(asked: Any, tmp_path: pathlib.Path) -> None:
    text = OVERLAY % ("o", "base", "eks", "1") + "  validation: {deployment: {checks: [of-mars]}}\n"
    data = write(tmp_path, {"overlays/o.yaml": text})
    line = ["--service", "eks", "--allow-partial", "--data", data]
    (row,) = asked(*line, "--check", "of-mars")["checks"]
    assert "by" not in row
    assert row["hint"]
    assert row["asked"][0]["origin"]["pack"] == "external:1"
    assert row["asked"][0]["origin"]["line"] == 10


# Layers -----------------------------------------------------------------------------------------------------------


def test_criteria_come_from_flags_and_snapshots(asked: Any, tmp_path: pathlib.Path) -> None:
    line = ["--snapshot", snapshot(tmp_path), "--service", "eks", "--allow-partial", "criteria"]
    rows = {row["selector"]: row["origin"] for row in asked(*line)["values"]}
    assert rows["criteria.service"] == {"layer": "flag", "flag": "--service"}
    assert rows["criteria.platform"] == {"layer": "computed"}
    line = [
        "--snapshot",
        snapshot(tmp_path, "v1.33.0", kernel="6.8.1"),
        "--intent",
        "training",
        "--accelerator",
        "h100",
    ]
    rows = {
        row["selector"]: row["origin"]
        for row in asked(*line, "--service", "eks", "--platform", "kubeflow", "criteria")["values"]
    }
    assert rows["criteria.os"]["layer"] == "snapshot"
    assert rows["criteria.os"]["reading"] == "OS.release.ID"
    criteria = tmp_path / "c.yaml"
    criteria.write_text("kind: RecipeCriteria\nspec: {service: eks, intent: training}\n")
    rows = {
        row["selector"]: row["origin"]
        for row in asked("-c", str(criteria), "--allow-partial", "criteria")["values"]
    }
    assert rows["criteria.intent"]["key"] == "spec.intent"


def test_data_directories_have_places_too(asked: Any, tmp_path: pathlib.Path) -> None:
    files = {
        "overlays/mine.yaml": OVERLAY % ("mine", "base", "eks", "9.9"),
        "components/gpu-operator/values.yaml": "driver:\n  enabled: false\n",
    }
    data = write(tmp_path / "d", files)
    line = ["--service", "eks", "--allow-partial", "--data", data, "components.gpu-operator.values"]
    rows = {row["selector"].partition("values.")[2]: row for row in asked(*line)["values"]}
    enabled = rows["driver.enabled"]["origin"]
    assert (enabled["layer"], enabled["file"], enabled["line"], enabled["column"]) == (
        "data", "components/gpu-operator/values.yaml", 2, 12,
    )  # fmt: skip
    version = rows["driver.version"]["origin"]
    assert (version["overlay"], version["line"]) == ("mine", 9)
    row = asked(*line, "--absolute")["values"][0]
    assert row["origin"]["path"] == f"{data}/{row['origin']['file']}"


def test_values_of_a_bundle(asked: Any) -> None:
    line = [
        "--set", "gpuoperator:driver.version=570.1", "--accelerated-node-selector", "pool=gpu",
        "--set-json", 'gpuoperator:dcgm={"x": [1]}', "components.gpu-operator.values",
    ]  # fmt: skip
    rows = {r["selector"].partition("values.")[2]: r for r in asked(*EKS, *line)["values"]}
    version = rows["driver.version"]
    assert version["origin"] == {"layer": "flag", "flag": "--set gpu-operator:driver.version=570.1"}
    assert [step["action"] for step in version["history"]] == ["set", "replace"]
    assert rows["dcgm.x[0]"]["origin"]["flag"] == "--set-json gpu-operator:dcgm"
    selector = rows["daemonsets.nodeSelector.pool"]["origin"]
    assert (selector["layer"], selector["flag"]) == ("injected", "--accelerated-node-selector")
    assert selector["file"] == "registry.yaml"
    tolerated = rows["daemonsets.tolerations[0].operator"]["origin"]
    assert tolerated["default"] is True
    place = pathlib.Path(
        asked(*EKS, *line, "--absolute")["values"][0]["history"][0]["origin"]["path"]
    ).parents[2] / "registry.yaml"  # fmt: skip
    lines = place.read_text().splitlines()
    assert "daemonsets.nodeSelector" in lines[selector["line"] - 1]
    assert "daemonsets.tolerations" in lines[tolerated["line"] - 1]


def test_values_of_a_bundle_are_those_that_it_holds(
    asked: Any, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, out = tmp_path / "r.yaml", tmp_path / "bundle"
    assert run(["recipe", *EKS, "-o", str(recipe)]) == 0
    flags = [
        "--set",
        "gpuoperator:driver.version=570.1",
        "--system-node-selector",
        "a=b",
        "--disable",
        "nvsentinel",
    ]
    assert run(["bundle", "-r", str(recipe), "-o", str(out), *flags]) == 0
    capsys.readouterr()
    whole: Document = {}
    for row in asked(str(recipe), *flags, "--all")["values"]:
        name, _, rest = row["selector"].removeprefix("components.").partition(".values.")
        if rest and row["selector"].startswith("components."):
            whole.setdefault(name, {})[rest] = row["value"]
    assert "nvsentinel" not in whole
    assert len(whole) > 8
    from aicr_core.engine.explain import selector
    from aicr_core.engine.explain_trail import leaves

    for name, values in whole.items():
        written = yamlio.load((out / name / "values.yaml").read_text(), "values.yaml")
        assert {selector(path): value for path, value in leaves(written)} == values


def test_patches_of_plugins_are_named(
    asked: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    for module in ("aicr_probe", "aicr_probe.hooks"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    distribution(site, "probe", 'name = "probe"\nhooks = ["aicr_patch_values"]\n', """
from aicr_core import api

@api.hookimpl
def aicr_patch_values(component, values, criteria):
    return {**values, "from": criteria["service"]} if component["name"] == "gpu-operator" else None
""")  # fmt: skip
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("AICR_INDEX_DIR", str(tmp_path / "index"))
    (row,) = asked(*EKS, "--bundle", "components.gpu-operator.values.from")["values"]
    assert row["value"] == "eks"
    assert row["origin"]["layer"] == "injected"
    assert (row["origin"]["pack"], row["origin"]["hook"]) == ("probe", "aicr_patch_values")
    answer = asked(*EKS, "components.gpu-operator.values.from", status=3)
    assert "from" in answer["error"], "a recipe does not have it"


# Files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fmt", ["yaml", "json"])
def test_a_changed_recipe_file_is_the_origin_of_its_changes(
    fmt: str, asked: Any, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / f"r.{fmt}"
    assert run(["recipe", *EKS, "-o", str(path), "--format", fmt]) == 0
    text = path.read_text().replace("v25.10.1", "v25.10.9")
    path.write_text(text)
    line = next(n for n, found in enumerate(text.splitlines(), 1) if "v25.10.9" in found)
    (row,) = asked(str(path), "components.gpu-operator.version")["values"]
    assert row["origin"]["layer"] == "document"
    assert (row["origin"]["file"], row["origin"]["line"]) == (path.name, line)
    assert row["history"][0]["value"] == "v25.10.1"
    assert row["history"][0]["origin"]["overlay"] == "base"
    (row,) = asked(str(path), "criteria.nodes")["values"]
    assert row["origin"]["layer"] == "computed"


@pytest.mark.parametrize(
    "text",
    [
        "kind: RecipeResult\n",
        "kind: RecipeResult\nmetadata: {appliedOverlays: [base, base, eks, nowhere]}\n"
        "componentRefs: [{name: gpu-operator, overrides: {a: {b: [{}]}}}]\n",
        "kind: RecipeResult\nconstraints: [{name: a}, {name: a, value: x}]\nvalidation: {readiness: {}}\n",
        "kind: RecipeResult\ndeploymentOrder: [a, a]\ncriteria: {service: mars}\n",
    ],
)
def test_odd_recipes_are_explained(text: str, asked: Any, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    for row in asked(str(path), "--all")["values"]:
        assert row["origin"]["layer"]


@pytest.mark.parametrize("text", ["", "[]", "kind: Snapshot\n", "{", "kind: RecipeResult\nx: 1\n"])
def test_what_is_no_recipe_is_refused(text: str, asked: Any, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    assert str(path) in asked(str(path), "--all", status=2)["error"]


def test_provenance_lies_beside_the_recipe_and_changes_nothing_in_it(
    tmp_path: pathlib.Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert run(["recipe", *EKS]) == 0
    plain = capsysbinary.readouterr().out
    beside = tmp_path / "recipe.provenance.json"
    assert run(["recipe", *EKS, "--provenance", str(beside)]) == 0
    assert capsysbinary.readouterr().out == plain
    document = json.loads(beside.read_bytes())
    assert document["kind"] == "RecipeProvenance"
    assert {"name": "eks", "distribution": "aicr-eks", "version": "0.1.0"} in document["layers"]
    again = tmp_path / "again.json"
    assert run([*EXPLAIN, *EKS, "--all", "-o", str(again)]) == 0
    assert again.read_bytes() == beside.read_bytes()
    for row in document["values"]:
        for origin in (row["origin"], *(step["origin"] for step in row["history"])):
            assert "path" not in origin
            assert not origin.get("file", "").startswith("/")
    assert run(["recipe", *EKS, "--provenance", "-"]) == 2


def test_provenance_is_the_same_for_every_seed_and_place(tmp_path: pathlib.Path) -> None:
    texts = set()
    for seed, folder in (("0", "a"), ("77", "b/c")):
        place = tmp_path / folder
        place.mkdir(parents=True)
        data = write(place / "data", {"overlays/m.yaml": OVERLAY % ("m", "base", "eks", "9")})
        subprocess.run(
            [sys.executable, "-m", "aicr_core", *EXPLAIN, *EKS, "--data", data, "--all", "-o", "p.json"],
            cwd=place, env={**os.environ, "PYTHONHASHSEED": seed}, check=True,
        )  # fmt: skip
        texts.add((place / "p.json").read_bytes())
    assert len(texts) == 1


# Tables and programs ----------------------------------------------------------------------------------------------


def test_a_table_fits_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*EXPLAIN, *EKS, "--all", "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    for columns in (100, 140, 200):
        lines = explain_table.tables(answer, columns).splitlines()
        assert max(map(width, lines)) <= columns
        assert any("..." in line for line in lines)
    whole = explain_table.tables(answer).splitlines()
    assert len(whole) == 1 + sum(len(row["history"]) for row in answer["values"])
    assert not any("..." in line for line in whole)


def test_a_table_says_what_stood_there_before(capsys: pytest.CaptureFixture[str]) -> None:
    line = [
        "components.gpu-operator.values.cdi.enabled", "--why-not", "eks", "--why-not", "h100-gke-cos-training",
        "--order", "cert-manager", "gpu-operator", "--order", "aws-efa", "nvsentinel",
        "--constraint", "K8s.server.version", "--check", "check-nvidia-smi",
    ]  # fmt: skip
    assert run([*EXPLAIN, *EKS, *line]) == 0
    said = capsys.readouterr().out
    for words in (
        "  before                                    true   aicr-eks components/gpu-operator/values-eks-training.yaml:",
        "eks is applied", "service    eks     gke", "cert-manager comes before gpu-operator",
        "nothing puts aws-efa before nvsentinel", "before  >= 1.30 from aicr-eks overlays/eks-training.yaml:",
        "brought by    aicr-validators",
    ):  # fmt: skip
        assert words in said


def test_programs_ask_the_session() -> None:
    session = Session()
    criteria = {"service": "eks", "intent": "training"}
    rows = session.explain(criteria, ["components.*.version"])
    recipe = session.recipe(criteria, allow_partial=True).document
    again = session.explain(Text(json.dumps(recipe).encode()), ["components.*.version"])
    assert [r["value"] for r in rows] == [r["value"] for r in again]
    assert [r["origin"] for r in rows] == [r["origin"] for r in again]
    assert len(session.explain(criteria)) > 100


# What an operator and an adversary found -------------------------------------------------------------------------


def test_constraints_of_a_phase_are_not_held_to_a_snapshot(
    asked: Any, tmp_path: pathlib.Path
) -> None:
    recipe = tmp_path / "r.yaml"
    assert run(["recipe", *EKS, "-o", str(recipe)]) == 0
    line = [str(recipe), "--snapshot", snapshot(tmp_path), "--constraint"]
    (row,) = asked(*line, "Deployment.gpu-operator.version")["constraints"]
    assert row["phase"] == "deployment"
    assert not {"holds", "actual", "reason"} & row.keys()


def test_what_was_measured_and_left_out_says_no_criterion(
    asked: Any, tmp_path: pathlib.Path
) -> None:
    line = ["--snapshot", snapshot(tmp_path, "v1.31.0"), "--service", "eks", "--intent", "training"]
    rows = {row["selector"]: row for row in asked(*line, "criteria")["values"]}
    assert rows["criteria.os"]["value"] == "any"
    assert rows["criteria.os"]["origin"] == {"layer": "computed"}
    assert rows["criteria.intent"]["origin"]["layer"] == "flag"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("recipe", "write --recipe recipe"),
        ("bundle", "name the recipe.yaml in it"),
        ("criteria.service", "name a recipe first"),
    ],
)
def test_a_recipe_that_was_taken_for_a_selector(
    asked: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe").write_text("kind: RecipeResult\n")
    (tmp_path / "bundle").mkdir()
    error = asked(name, "criteria.os", status=2)["error"]
    assert "no recipe and no criteria given" in error
    assert words in error


def test_an_overlay_that_only_the_recipe_knows(asked: Any, tmp_path: pathlib.Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text("kind: RecipeResult\nmetadata: {appliedOverlays: [base, of-mars]}\n")
    error = asked(str(recipe), "--why-not", "of-mars", status=3)["error"]
    assert 'the recipe lists overlay "of-mars", and the catalogue does not have it' in error
    assert "--data" in error


def test_values_that_no_layer_has_name_their_component(asked: Any, tmp_path: pathlib.Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        "kind: RecipeResult\ncomponentRefs:\n  - {name: lost, type: Helm, valuesFile: ../../etc/passwd}\n"
    )
    error = asked(str(recipe), "--all", status=3)["error"]
    assert "../../etc/passwd: no layer of the catalogue holds this file" in error
    assert 'values of component "lost"' in error


def test_what_was_taken_away_is_shown_with_what_stands_in_its_place(
    asked: Any, tmp_path: pathlib.Path
) -> None:
    text = OVERLAY.replace('driver: {version: "%s"}', "driver: %s") % ("o", "base", "eks", "null")
    data = write(tmp_path, {"overlays/o.yaml": text})
    line = ["--service", "eks", "--allow-partial", "--data", data]
    rows = asked(*line, "components.gpu-operator.values.driver")["values"]
    assert rows[0]["selector"] == "components.gpu-operator.values.driver"
    assert rows[0]["value"] is None
    gone = {row["selector"].rpartition(".")[2]: row for row in rows[1:]}
    assert "value" not in gone["version"]
    assert gone["version"]["history"][0]["value"] == "580.105.08"
    whole = asked(*line, "--all")["values"]
    assert all("value" in row for row in whole), "the record has what the recipe has"


def test_lenient_is_for_the_recipe_as_well(
    asked: Any, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text("kind: RecipeResult\nnovelty: 1\ncriteria: {service: eks}\n")
    assert "novelty" in asked(str(recipe), "criteria.service", status=2)["error"]
    assert run([*EXPLAIN, str(recipe), "criteria.service", "--lenient"]) == 0
    out, err = capsys.readouterr()
    assert "eks" in out
    assert "warning: " in err
    assert 'unknown key "novelty"' in err


@pytest.mark.parametrize("command", [("explain", "r.yaml", "--all"), ("diff", "r.yaml", "eks")])
def test_a_component_that_a_recipe_holds_twice(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    refs = "".join(f"  - {{name: cert-manager, version: v{n}}}\n" for n in (1, 2))
    (tmp_path / "r.yaml").write_text(f"kind: RecipeResult\ncomponentRefs:\n{refs}")
    assert run(["recipe", *command]) == 2
    assert "r.yaml: the recipe holds component cert-manager twice" in capsys.readouterr().err


def test_absolute_names_files_of_packages_in_the_table_as_well(
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = [*EXPLAIN, *EKS, "components.gpu-operator.version", "--absolute"]
    assert run(line) == 0
    where = capsys.readouterr().out.split()[-1]
    file = where.rpartition(":")[0]
    assert os.path.isfile(file), where
    assert file.endswith("overlays/base.yaml")


def test_what_is_not_deployed_comes_neither_before_nor_after() -> None:
    answer = {"first": "a", "second": "b", "positions": {"a": 1}, "reason": "name", "path": []}
    text = explain_table.tables({"order": [answer]})
    assert "one of them is not deployed (a is number 1)" in text
    assert "comes" not in text
